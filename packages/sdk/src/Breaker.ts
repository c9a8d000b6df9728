/**
 * The circuit breaker of one dependency, as a pure machine: `step(state, event, now, settings)`. Policies run it; use it here
 * to test against it, or to drive it yourself.
 */
export { type BreakerEvent as Event, type BreakerSettings as Settings, type BreakerState as State, step, type Ticket, type Verdict } from "./core/breaker.ts"
export type { BreakerOptions as Options } from "./core/options/breaker.ts"
