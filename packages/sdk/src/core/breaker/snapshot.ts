/**
 * A breaker's state as plain JSON, for a process that starts again during an outage and for processes that share it. Times
 * are what is left of them, in milliseconds: a monotonic clock means nothing elsewhere. Windows and probes stay behind: the
 * probes of another life can never settle here.
 */
import { type BreakerState, closed, halfOpen, isolated, open } from "./lifecycle.ts"

export type BreakerSnapshot =
  | {
    readonly state: "closed"
    /** In a row. */
    readonly failures: number
    /** Of the ramp-up. */
    readonly rampLeft: number
  }
  | { readonly state: "open"; readonly openLeft: number; readonly reopenings: number }
  | { readonly state: "half-open"; readonly reopenings: number }
  | { readonly state: "isolated" }

/** The longest that anything here lasts, as everywhere in a policy: 24.8 days. */
const longest = 2 ** 31 - 1

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isTime = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= longest

/** What was written as JSON, looked at field by field; undefined for what is no snapshot. */
export const readSnapshot = (value: unknown): BreakerSnapshot | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const { failures, openLeft, rampLeft, reopenings, state } = value as Readonly<Record<string, unknown>>
  switch (state) {
    case "closed": return isCount(failures) && isTime(rampLeft) ? { state, failures, rampLeft } : undefined
    case "open": return isTime(openLeft) && isCount(reopenings) ? { state, openLeft, reopenings } : undefined
    case "half-open": return isCount(reopenings) ? { state, reopenings } : undefined
    case "isolated": return { state }
    default: return undefined
  }
}

/** `failures` and `rampLeft` are the closed breaker's, which keeps them beside its state. */
export const snapshotOf = (state: BreakerState, failures: number, rampLeft: number, now: number): BreakerSnapshot => {
  switch (state.tag) {
    case "closed": return { state: "closed", failures, rampLeft }
    case "open": return { state: "open", openLeft: Math.max(0, state.until - now), reopenings: state.reopenings }
    case "half-open": return { state: "half-open", reopenings: state.reopenings }
    case "isolated": return { state: "isolated" }
  }
}

/** The state that a snapshot means now, `age` milliseconds after it was taken. */
export const stateFrom = (snapshot: BreakerSnapshot, generation: number, now: number, age: number): BreakerState => {
  switch (snapshot.state) {
    case "closed": return closed(generation, "shared")
    case "open": return open(generation, "shared", now + snapshot.openLeft - age, snapshot.reopenings)
    case "half-open": return halfOpen(generation, "shared", snapshot.reopenings)
    case "isolated": return isolated(generation, "shared")
  }
}
