/**
 * The states of a breaker and how it goes from one to the next, as a pure machine. When it trips is not decided here, only
 * what follows from it: a closed breaker counts, and says `tripped`.
 */
import { type BreakerSettings, openTime } from "./settings.ts"
import type { TripReason } from "./trips.ts"

/** Why a breaker came to the state that it is in. */
export type BreakerReason =
  | TripReason
  /** A probe failed, or so many of them that too few could still succeed. */
  | "probe-failed"
  | "probes-succeeded"
  /** It was open for long enough. */
  | "open-over"
  /** By hand. */
  | "isolated" | "restored"
  /** It was told not to open any more. */
  | "disabled"
  /** The state came from elsewhere: another process, or this one's last life. */
  | "shared"

export interface Probe {
  readonly id: number
  readonly until: number
}

/** Every state has a generation of its own, and says why it came about; a breaker begins without a reason. */
export type BreakerState =
  | { readonly tag: "closed"; readonly generation: number; readonly reason: BreakerReason | undefined }
  | {
    readonly tag: "open"
    readonly generation: number
    readonly reason: BreakerReason
    readonly until: number
    /** How often probes have failed since it was last closed. */
    readonly reopenings: number
  }
  | {
    readonly tag: "half-open"
    readonly generation: number
    readonly reason: BreakerReason
    readonly reopenings: number
    /** At work now. */
    readonly probes: ReadonlyArray<Probe>
    readonly lastProbe: number
    readonly successes: number
    readonly failures: number
  }
  | { readonly tag: "isolated"; readonly generation: number; readonly reason: BreakerReason }

/** What an admitted call holds. */
export interface Ticket {
  generation: number
  /** Counts from 1; 0 for a call that is no probe. */
  probe: number
  /** On the clock that `admit` was given; written where the breaker is `timed`. */
  startedAt?: number
}

export type Verdict = "success" | "failure" | "ignored"

export type BreakerEvent =
  | { readonly type: "admit" }
  | { readonly type: "tripped"; readonly reason: TripReason }
  | { readonly type: "settled"; readonly ticket: Readonly<Ticket>; readonly verdict: Verdict }
  | { readonly type: "isolate" }
  | { readonly type: "restore" }
  | { readonly type: "disable" }

type HalfOpen = Extract<BreakerState, { readonly tag: "half-open" }>

export const closed = (generation: number, reason: BreakerReason | undefined): BreakerState => ({ tag: "closed", generation, reason })

export const open = (generation: number, reason: BreakerReason, until: number, reopenings: number): BreakerState =>
  ({ tag: "open", generation, reason, until, reopenings })

export const isolated = (generation: number, reason: BreakerReason): BreakerState => ({ tag: "isolated", generation, reason })

export const halfOpen = (generation: number, reason: BreakerReason, reopenings: number): HalfOpen =>
  ({ tag: "half-open", generation, reason, reopenings, probes: [], lastProbe: 0, successes: 0, failures: 0 })

/** How many calls may be let through now; Infinity while closed. */
export const places = (state: BreakerState, now: number, settings: BreakerSettings): number => {
  switch (state.tag) {
    case "closed": return Infinity
    case "isolated": return 0
    case "open": return now >= state.until ? settings.halfOpenCalls : 0
    case "half-open": {
      let busy = 0
      for (const probe of state.probes) if (probe.until > now) busy++
      return Math.max(0, settings.halfOpenCalls - busy - state.successes - state.failures)
    }
  }
}

/** The next state; the same object when nothing moved. An `admit` that gets a probe raises `lastProbe`. */
export const step = (state: BreakerState, event: BreakerEvent, now: number, settings: BreakerSettings): BreakerState => {
  const generation = state.generation + 1
  switch (event.type) {
    case "isolate": return state.tag === "isolated" ? state : isolated(generation, "isolated")
    case "restore": return closed(generation, "restored")
    case "disable": return state.tag === "closed" || state.tag === "isolated" ? state : closed(generation, "disabled")
    case "tripped": return state.tag === "closed" ? open(generation, event.reason, now + openTime(settings, 0), 0) : state
    case "admit": return admitted(state, now, settings)
    case "settled":
      return state.tag === "half-open" && event.ticket.generation === state.generation
        ? settled(state, event.ticket.probe, event.verdict, now, settings)
        : state
  }
}

const admitted = (state: BreakerState, now: number, settings: BreakerSettings): BreakerState => {
  if (state.tag === "closed" || places(state, now, settings) === 0) return state
  const half = state.tag === "open" ? halfOpen(state.generation + 1, "open-over", state.reopenings) : state as HalfOpen
  const id = half.lastProbe + 1
  const probes = [...half.probes.filter((probe) => probe.until > now), { id, until: now + settings.probeLease }]
  return { ...half, probes, lastProbe: id }
}

/** Decides as soon as the verdict is certain: enough have succeeded, or too few still can. */
const settled = (state: HalfOpen, id: number, verdict: Verdict, now: number, settings: BreakerSettings): BreakerState => {
  if (!state.probes.some((probe) => probe.id === id && probe.until > now)) return state
  const { halfOpenCalls, successRatio = 1 } = settings
  const successes = state.successes + (verdict === "success" ? 1 : 0)
  const failures = state.failures + (verdict === "failure" ? 1 : 0)
  if (successes / halfOpenCalls >= successRatio) return closed(state.generation + 1, "probes-succeeded")
  if ((halfOpenCalls - failures) / halfOpenCalls < successRatio) {
    const reopenings = state.reopenings + 1
    return open(state.generation + 1, "probe-failed", now + openTime(settings, reopenings), reopenings)
  }
  return { ...state, probes: state.probes.filter((probe) => probe.id !== id), successes, failures }
}
