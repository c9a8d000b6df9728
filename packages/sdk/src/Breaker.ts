/**
 * The circuit breaker of one dependency, as a pure machine: `step(state, event, now, settings)`. Policies run it; use it here
 * to test against it, or to drive it yourself. When a closed breaker trips is said from outside, by the event `tripped`.
 */
export {
  type BreakerEvent as Event, type BreakerReason as Reason, type BreakerSettings as Settings, type BreakerSnapshot as Snapshot,
  type BreakerState as State, readSnapshot, step, type Ticket, type Verdict
} from "./core/breaker.ts"
export type { BreakerOptions as Options } from "./core/options/breaker.ts"
