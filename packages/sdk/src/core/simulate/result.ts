/** What a simulation shows: plain data, the same bytes for the same seed. */
import type { Rejected } from "../errors.ts"
import type { FaultOptions } from "./faults.ts"
import type { Percentiles } from "./histogram.ts"
import type { RequestCounts } from "./plant.ts"

/** Why a policy let a call not begin. */
export type Rejection = Exclude<Rejected["_tag"], "CallTimeoutError">

/** What happened within one stretch of time, and what stood at its end. */
export interface Bucket {
  /** When it begins, ms. */
  readonly at: number
  /** Calls that began. */
  readonly offered: number
  /** Attempts that reached the dependency: first ones, retries and hedges. */
  readonly attempts: number
  /** Calls that ended: with an answer, with a failure or a timeout, by the policy, or because their caller lost patience. */
  readonly succeeded: number
  readonly failed: number
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>
  readonly gaveUp: number
  /** Requests that the dependency finished while nobody waited for them any more. */
  readonly wasted: number
  /** At the end: calls that have not ended, requests that wait for a worker, workers that work, clients whose breaker is not closed. */
  readonly pending: number
  readonly queued: number
  readonly busy: number
  readonly breakersOpen: number
  /** How long the calls took that succeeded, ms; null when none did. */
  readonly p50: number | null
  readonly p99: number | null
}

export interface Totals {
  /** Who came, not counting those who came again. */
  readonly callers: number
  /** `succeeded + failed + gaveUp + pending + all of rejected`. */
  readonly calls: number
  readonly succeeded: number
  readonly failed: number
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>
  readonly gaveUp: number
  readonly pending: number
  /** What the dependency was sent. */
  readonly attempts: number
  /** Retries that were begun, if only to wait; hedges that were sent. */
  readonly retries: number
  readonly hedges: number
  /** Attempts for each call: what the policy makes of the load. */
  readonly amplification: number
  /** Calls that succeeded, per second. */
  readonly goodput: number
  /** How often a breaker opened, in all clients. */
  readonly openings: number
  /** How long the calls took that succeeded, and how long a caller waited to hear that it would not: ms. */
  readonly latency: Percentiles | null
  readonly timeToFailure: Percentiles | null
  /** What became of the requests at the dependency. */
  readonly requests: Readonly<RequestCounts>
  /** How long after the end of the last fault at least 95 of 100 ended calls succeed again, for good, ms. Null: not within this time, or there was no fault. */
  readonly recovery: number | null
}

export interface SimulationResult {
  readonly name: string
  readonly seed: number
  /** Milliseconds. */
  readonly duration: number
  readonly bucket: number
  /** How many requests per second the dependency can answer when it is well. */
  readonly capacity: number
  readonly faults: ReadonlyArray<{ readonly kind: FaultOptions["kind"]; readonly label: string; readonly from: number; readonly to: number }>
  readonly buckets: ReadonlyArray<Bucket>
  readonly totals: Totals
}

/** All that were rejected, for whatever reason. */
export const rejectedOf = ({ rejected }: Pick<Bucket, "rejected">): number =>
  Object.values(rejected).reduce((sum, count) => sum + count, 0)

const healthyShare = 0.95

/** Whether a bucket shows a dependency that serves its callers. */
const healthy = (bucket: Bucket): boolean => {
  const ended = bucket.succeeded + bucket.failed + bucket.gaveUp + rejectedOf(bucket)
  return ended === 0 ? bucket.pending === 0 : bucket.succeeded >= healthyShare * ended
}

/** `Totals.recovery`. */
export const recoveryOf = (
  buckets: ReadonlyArray<Bucket>, faults: SimulationResult["faults"], duration: number
): number | null => {
  const end = Math.max(...faults.map(({ to }) => to))
  if (faults.length === 0 || end >= duration) return null
  const after = buckets.filter(({ at }) => at >= end)
  const lastBad = after.findLastIndex((bucket) => !healthy(bucket))
  if (lastBad === after.length - 1) return null
  return after[lastBad + 1]!.at - end
}
