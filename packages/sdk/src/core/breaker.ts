/**
 *            failures in a row                 openFor is over
 *   closed ---------------------> open --------------------------> half-open
 *     ^                            ^  one failure                   |    |
 *     |                            +--------------------------------+    |
 *     +------------------------------------------- enough successes -----+
 *
 *   isolated: by hand, from any state, until it is restored.
 *
 * `step` is the machine, pure. Every change of state begins a new generation, and a ticket holds the generation (and the
 * probe) that it was admitted in: what comes back late moves nothing. A probe has a lease; when that is over its place is
 * free again, and its result, should it ever come, is late too.
 */

/** Milliseconds throughout. */
export interface BreakerSettings {
  /** In a row, to open. */
  readonly failures: number
  readonly openFor: number
  /** How many calls may try while half-open, and how many successes close it. */
  readonly halfOpenCalls: number
  /** How long a probe may hold its place. */
  readonly probeLease: number
}

interface Probe {
  readonly id: number
  readonly until: number
}

export type BreakerState =
  | { readonly tag: "closed"; readonly generation: number; failures: number } // counted in place
  | { readonly tag: "open"; readonly generation: number; readonly until: number }
  | {
    readonly tag: "half-open"
    readonly generation: number
    readonly probes: ReadonlyArray<Probe>
    readonly successes: number
    readonly lastProbe: number
  }
  | { readonly tag: "isolated"; readonly generation: number }

/** What an admitted call holds. */
export interface Ticket {
  generation: number
  probe: number
}

export type Verdict = "success" | "failure" | "ignored"

export type BreakerEvent =
  | { readonly type: "admit" }
  | { readonly type: "isolate" }
  | { readonly type: "restore" }
  | { readonly type: "settled"; readonly ticket: Readonly<Ticket>; readonly verdict: Verdict }

const closed = (generation: number): BreakerState => ({ tag: "closed", generation, failures: 0 })
const open = (generation: number, until: number): BreakerState => ({ tag: "open", generation, until })

/** The next state; the same object when nothing moved. An `admit` that gets a probe raises `lastProbe`. */
export const step = (state: BreakerState, event: BreakerEvent, now: number, settings: BreakerSettings): BreakerState => {
  const generation = state.generation + 1
  switch (event.type) {
    case "isolate": return state.tag === "isolated" ? state : { tag: "isolated", generation }
    case "restore": return closed(generation)
    case "admit": return admitted(state, now, settings)
    case "settled": return settled(state, event.ticket, event.verdict, now, settings)
  }
}

const admitted = (state: BreakerState, now: number, settings: BreakerSettings): BreakerState => {
  const half = state.tag === "open" && now >= state.until
    ? { tag: "half-open" as const, generation: state.generation + 1, probes: [], successes: 0, lastProbe: 0 }
    : state
  if (half.tag !== "half-open") return state
  const probes = half.probes.filter((probe) => probe.until > now)
  if (probes.length + half.successes >= settings.halfOpenCalls) return state
  const id = half.lastProbe + 1
  return { ...half, probes: [...probes, { id, until: now + settings.probeLease }], lastProbe: id }
}

const settled = (
  state: BreakerState, ticket: Readonly<Ticket>, verdict: Verdict, now: number, settings: BreakerSettings
): BreakerState => {
  const generation = state.generation + 1
  if (ticket.generation !== state.generation) return state
  if (state.tag === "closed") {
    if (verdict === "ignored") return state
    const failures = verdict === "success" ? 0 : state.failures + 1
    if (failures >= settings.failures) return open(generation, now + settings.openFor)
    return failures === state.failures ? state : { ...state, failures }
  }
  if (state.tag !== "half-open" || !state.probes.some((probe) => probe.id === ticket.probe)) return state
  if (verdict === "failure") return open(generation, now + settings.openFor)
  const probes = state.probes.filter((probe) => probe.id !== ticket.probe)
  const successes = state.successes + (verdict === "success" ? 1 : 0)
  return successes >= settings.halfOpenCalls ? closed(generation) : { ...state, probes, successes }
}

/** The machine at work. A success while closed, the path of nearly every call, counts in place. */
export class Breaker {
  state: BreakerState = closed(0)
  settings: BreakerSettings
  private readonly changed: (from: BreakerState, to: BreakerState) => void

  constructor(settings: BreakerSettings, changed: (from: BreakerState, to: BreakerState) => void) {
    this.settings = settings
    this.changed = changed
  }

  /** Would a call be rejected now? Moves nothing. */
  rejects(now: number): boolean {
    const { state } = this
    if (state.tag === "half-open") {
      const busy = state.probes.filter((probe) => probe.until > now).length
      return busy + state.successes >= this.settings.halfOpenCalls
    }
    return state.tag === "isolated" || (state.tag === "open" && now < state.until)
  }

  /** Writes the admission into the ticket, or says no. */
  admit(ticket: Ticket, now: number): boolean {
    if (this.state.tag !== "closed") {
      const before = this.state
      const after = step(before, { type: "admit" }, now, this.settings)
      if (after === before) return false
      this.move(after)
      ticket.probe = after.tag === "half-open" ? after.lastProbe : 0
    }
    ticket.generation = this.state.generation
    return true
  }

  settled(ticket: Ticket, verdict: Verdict, now: () => number): void {
    const { state } = this
    if (state.tag === "closed" && verdict === "success") {
      if (ticket.generation === state.generation) state.failures = 0
      return
    }
    this.move(step(state, { type: "settled", ticket, verdict }, now(), this.settings))
  }

  isolate(): void {
    this.move(step(this.state, { type: "isolate" }, 0, this.settings))
  }

  restore(): void {
    this.move(step(this.state, { type: "restore" }, 0, this.settings))
  }

  /** Milliseconds until a call may be let through, where that is known. */
  retryAfter(now: number): number | undefined {
    return this.state.tag === "open" ? Math.max(0, this.state.until - now) : undefined
  }

  private move(to: BreakerState): void {
    const from = this.state
    this.state = to
    if (from.tag !== to.tag) this.changed(from, to)
  }
}
