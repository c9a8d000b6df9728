/**
 * A circuit breaker: stops calling what keeps failing, and finds out by a few calls when it is back.
 *
 *            failures, rate, slow                openFor is over
 *   closed ---------------------> open --------------------------> half-open
 *     ^                            ^  too few can still succeed       |    |
 *     |                            +----------------------------------+    |
 *     +------------------------------------------- enough successes -------+
 *
 *   isolated: by hand, from any state, until it is restored.
 *
 * Its parts are apart, each of them pure or a counter: `lifecycle` says how state follows state, `trips` when a closed one
 * opens, over a `window` where it takes a rate; `rampUp` lets the load come back bit by bit. Here they work together.
 *
 * Every change of state begins a new generation, and a ticket holds the generation (and the probe) that it was admitted in:
 * what comes back late moves nothing. A probe has a lease; when that is over its place is free again, and its result, should
 * it ever come, is late too. A call that says nothing of the dependency gives its place back and decides nothing. While
 * `observe`, all of this happens and nothing is rejected; what `isolate` shuts by hand stays shut even then.
 */
import { type BreakerState, closed, halfOpen, places, step, type Ticket, type Verdict } from "./lifecycle.ts"
import { RampUp } from "./rampUp.ts"
import type { BreakerSettings } from "./settings.ts"
import { type BreakerSnapshot, snapshotOf, stateFrom } from "./snapshot.ts"
import { Tally } from "./trips.ts"

export { type BreakerEvent, type BreakerReason, type BreakerState, step, type Ticket, type Verdict } from "./lifecycle.ts"
export type { BreakerSettings, SamplingSettings, WindowShape } from "./settings.ts"
export { type BreakerSnapshot, readSnapshot } from "./snapshot.ts"

/** Hears of every change of state; why it came about is in `to.reason` too. */
export type BreakerChanged = (from: BreakerState, to: BreakerState, reason: NonNullable<BreakerState["reason"]>) => void

const never = { failures: Infinity, sampling: undefined }

export class Breaker {
  state: BreakerState = closed(0, undefined)
  /** Whether a call must be asked for with the time: false while it is closed and everything is let through. */
  gated = false
  /** Whether it needs to know how long a call took: then `admit` needs the time even while it is closed. */
  timed = false
  /** Calls that went through only because it observes. */
  wouldHaveRejected = 0
  /** Of the state, at hand for every call; and whether a success needs no more than to end a row of failures. */
  private generation = 0
  private plain = true
  private current: BreakerSettings
  private slowOver = Infinity
  private readonly tally = new Tally()
  private readonly ramp = new RampUp()
  private readonly changed: BreakerChanged

  constructor(settings: BreakerSettings, changed: BreakerChanged) {
    this.changed = changed
    this.current = settings
    this.configure(settings)
  }

  get settings(): BreakerSettings {
    return this.current
  }

  /** From now on. The state is kept, and so are the counts where the window's shape is; probes are counted anew by a new measure. */
  set settings(settings: BreakerSettings) {
    const { disabled, halfOpenCalls, successRatio } = this.current
    const { state } = this
    this.current = settings
    this.configure(settings)
    if (disabled !== settings.disabled) this.tally.clear()
    if (settings.disabled) {
      this.move(step(state, { type: "disable" }, Number.NaN, settings), Number.NaN)
    } else if (state.tag === "half-open" && (halfOpenCalls !== settings.halfOpenCalls || successRatio !== settings.successRatio)) {
      this.state = { ...halfOpen(state.generation, state.reason, state.reopenings), probes: state.probes, lastProbe: state.lastProbe }
    }
  }

  private configure(settings: BreakerSettings): void {
    this.tally.configure(settings.disabled ? { ...settings, ...never } : settings)
    this.slowOver = settings.disabled ? Infinity : settings.sampling?.slowOver ?? Infinity
    this.timed = this.slowOver < Infinity
    if (settings.disabled || settings.rampUp === undefined) this.ramp.end()
    this.ready()
  }

  private ready(): void {
    const { state } = this
    this.generation = state.generation
    this.gated = state.tag !== "closed" || this.ramp.active
    this.plain = state.tag === "closed" && this.tally.window === null
  }

  /** Would a call be rejected now? Moves nothing. A ramp-up decides only when a call is admitted. */
  rejects(now: number): boolean {
    return this.gated && !this.spares && places(this.state, now, this.current) === 0
  }

  /** Writes the admission into the ticket, or says no. */
  admit(ticket: Ticket, now: number): boolean {
    if (this.gated && !this.passes(ticket, now)) return false
    ticket.generation = this.generation
    if (this.timed) ticket.startedAt = now
    return true
  }

  private passes(ticket: Ticket, now: number): boolean {
    ticket.probe = 0
    const before = this.state
    if (before.tag === "closed") {
      const through = this.ramp.admits(now)
      this.gated = this.ramp.active
      return through || this.spare()
    }
    const after = step(before, { type: "admit" }, now, this.current)
    if (after === before) return this.spare()
    this.move(after, now)
    if (this.state !== after) return !this.gated || this.passes(ticket, now) // whoever heard of it has moved it on
    ticket.probe = after.tag === "half-open" ? after.lastProbe : 0
    return true
  }

  /** What a person has shut is shut. */
  private get spares(): boolean {
    return this.current.observe === true && this.state.tag !== "isolated"
  }

  private spare(): boolean {
    if (!this.spares) return false
    this.wouldHaveRejected++
    return true
  }

  /** `duration` is known to the caller, or else it is the time since the admission, where it matters. */
  settled(ticket: Ticket, verdict: Verdict, now: () => number, duration?: number): void {
    if (ticket.generation !== this.generation) return
    if (this.plain && verdict === "success") {
      this.tally.inARow = 0
      return
    }
    const { state } = this
    if (state.tag === "closed") {
      if (verdict !== "ignored") this.count(ticket, verdict === "failure", now, duration)
    } else if (state.tag === "half-open") {
      const at = now()
      const weighed = verdict === "success" && this.slow(ticket, at, duration) ? "failure" : verdict
      this.move(step(state, { type: "settled", ticket, verdict: weighed }, at, this.current), at)
    }
  }

  /** The clock is read only for who needs it: it costs more than all the rest. */
  private count(ticket: Ticket, failed: boolean, now: () => number, duration: number | undefined): void {
    const { current, tally } = this
    const at = tally.clocked || (this.timed && duration === undefined) ? now() : Number.NaN
    const reason = tally.record(failed, this.slow(ticket, at, duration), at)
    if (reason === undefined) return
    const then = now()
    this.move(step(this.state, { type: "tripped", reason }, then, current), then)
  }

  private slow(ticket: Ticket, now: number, duration = now - (ticket.startedAt ?? Number.NaN)): boolean {
    return duration > this.slowOver
  }

  isolate(): void {
    this.move(step(this.state, { type: "isolate" }, Number.NaN, this.current), Number.NaN)
  }

  restore(): void {
    this.move(step(this.state, { type: "restore" }, Number.NaN, this.current), Number.NaN)
  }

  /** Ends the wait of an open breaker: the next call is its probe. False when there is none to end. */
  hasten(now: number): boolean {
    const { state } = this
    if (state.tag !== "open") return false
    this.state = { ...state, until: Math.min(state.until, now) }
    return true
  }

  /** Milliseconds until a call may be let through, where that is known. */
  retryAfter(now: number): number | undefined {
    return this.state.tag === "open" ? Math.max(0, this.state.until - now) : undefined
  }

  snapshot(now: number): BreakerSnapshot {
    return snapshotOf(this.state, this.tally.inARow, this.ramp.left(now), now)
  }

  /** Takes the state of a snapshot, `age` milliseconds after it was taken. One that is disabled does not open by it either. */
  hydrate(snapshot: BreakerSnapshot, now: number, age = 0): void {
    const { disabled, rampUp } = this.current
    if (disabled && (snapshot.state === "open" || snapshot.state === "half-open")) return
    if (snapshot.state !== "closed") return this.move(stateFrom(snapshot, this.state.generation + 1, now, age), now)
    if (this.state.tag !== "closed") this.move(stateFrom(snapshot, this.state.generation + 1, now, age), now)
    this.tally.inARow = snapshot.failures
    const left = Math.min(rampUp ?? 0, snapshot.rampLeft - age)
    if (left > 0) this.ramp.begin(rampUp!, now + left - rampUp!)
    else this.ramp.end()
    this.ready()
  }

  private move(to: BreakerState, now: number): void {
    const from = this.state
    this.state = to
    if (to.generation !== from.generation) this.begin(from, to, now)
    if (from.tag !== to.tag) this.changed(from, to, to.reason!)
  }

  /** A new generation: nothing is counted yet. Who restores one that is closed does not want to wait for it. */
  private begin(from: BreakerState, to: BreakerState, now: number): void {
    const { disabled, rampUp } = this.current
    this.tally.clear()
    if (to.tag === "closed" && from.tag !== "closed" && rampUp !== undefined && !disabled) this.ramp.begin(rampUp, now)
    else this.ramp.end()
    this.ready()
  }
}
