/**
 * The circuit breaker of one dependency, as a pure machine: `step(state, event, now, settings)`. Policies run it; use it here
 * to test against it, or to drive it yourself. Times are milliseconds. When a closed breaker trips is said from outside, by the
 * event `tripped`; every state says why it came about.
 *
 * @example
 * import { Breaker } from "@outrigger/sdk"
 *
 * const settings: Breaker.Settings = { failures: 5, openFor: 60_000, halfOpenCalls: 1, probeLease: 60_000 }
 * const closed: Breaker.State = { tag: "closed", generation: 0, reason: undefined }
 * const open = Breaker.step(closed, { type: "tripped", reason: "failures" }, 0, settings)
 * const probing = Breaker.step(open, { type: "admit" }, 60_000, settings) // half-open, with one probe at work
 */
export {
  type BreakerEvent as Event, type BreakerReason as Reason, type BreakerSettings as Settings, type BreakerSnapshot as Snapshot,
  type BreakerState as State, readSnapshot, step, type Ticket, type Verdict
} from "./core/breaker/breaker.ts"
export type { BreakerOptions as Options } from "./core/options/breaker.ts"
