/**
 * Where processes share a rate limit: the port, the store in memory, and the one statement of the store in PostgreSQL.
 *
 * A store is asked by each process now and then, never for each call: see `sharedMeter.ts`. What it decides, and what time
 * it is, is its alone: see `sharedBucket.ts`.
 */
import { type Allotment, type AllotmentRequest, SharedBucket } from "./sharedBucket.ts"

export type { Allotment, AllotmentRequest } from "./sharedBucket.ts"

/** The port: what every store does. It may reject, or take long: then the process goes on by its own share. */
export interface LimiterStore {
  readonly take: (request: AllotmentRequest) => Promise<Allotment>
}

/** All limits of one store in memory. `now` is milliseconds. */
export class LimiterTable {
  private readonly buckets = new Map<string, SharedBucket>()

  take(request: AllotmentRequest, now: number): Allotment {
    let bucket = this.buckets.get(request.name)
    if (bucket === undefined) this.buckets.set(request.name, bucket = new SharedBucket(request, now))
    return bucket.take(request, now)
  }
}

/** A store for those who share a process: tests, and several outriggers in one. `now` tells milliseconds. */
export const memoryLimiterStore = (now: () => number): LimiterStore => {
  const table = new LimiterTable()
  return { take: async (request) => table.take(request, now()) }
}

/** One statement, and its values in order. */
export const takeStatement = `select granted, kept, retry_after as "retryAfter", processes
  from outrigger.take_allotment($1, $2::float8, $3::float8, $4::float8, $5, $6::float8, $7::float8, $8::float8, $9::float8, $10::float8, $11::float8)`

export const takeValues = (r: AllotmentRequest): ReadonlyArray<string | number> =>
  [r.name, r.limit, r.window, r.burst, r.process, r.turn, r.holds, r.back, r.least, r.want, r.lease]

/** Asks PostgreSQL, through whatever client runs a statement there. */
export const sqlLimiterStore = (
  run: (text: string, values: ReadonlyArray<string | number>) => PromiseLike<ReadonlyArray<Record<string, unknown>>>
): LimiterStore => ({
  take: async (request) => {
    const [answer] = await run(takeStatement, takeValues(request))
    if (typeof answer?.["granted"] !== "number") throw new TypeError("The database client gave no rows with numbers")
    return answer as unknown as Allotment
  }
})
