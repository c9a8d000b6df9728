/**
 * Where processes share a rate limit: the port, the store in memory, and the one statement of the store in PostgreSQL.
 *
 * A store is asked by each process now and then, never for each call: see `sharedMeter.ts`. What it decides, and what time
 * it is, is its alone: see `sharedBucket.ts`.
 *
 * Every store brings the code of sharing along: the engine knows only its types, in `rateLimit.ts`.
 */
import { defaultSchema, inSchema } from "../options/schema.ts"
import type { LimiterStore, LimiterStorePort } from "./rateLimit.ts"
import { type Allotment, type AllotmentRequest, SharedBucket } from "./sharedBucket.ts"
import { SharedLimit } from "./sharedLimit.ts"

export type { LimiterStore, LimiterStorePort } from "./rateLimit.ts"
export type { Allotment, AllotmentRequest } from "./sharedBucket.ts"

/**
 * A store of your own, over whatever the processes can reach: the conformance suite of this repository holds a store to what
 * it has to decide.
 *
 * @example
 * import { type Allotment, createOutrigger, limiterStore } from "@outrigger/sdk/promise"
 *
 * const shared = limiterStore({
 *   take: async (request) => {
 *     const answer = await fetch("http://limits.internal/take", { method: "POST", body: JSON.stringify(request) })
 *     return await answer.json() as Allotment
 *   }
 * })
 * const payments = createOutrigger({ service: "shop" }).api("payments", { rateLimit: { limit: 100, window: "1 second", shared } })
 */
export const limiterStore = (port: LimiterStorePort): LimiterStore => ({
  take: (request) => port.take(request),
  share: (...parts) => new SharedLimit(...parts)
})

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
  return limiterStore({ take: async (request) => table.take(request, now()) })
}

/** One statement, and its values in order. */
export const takeStatement = `select granted, kept, retry_after as "retryAfter", processes
  from outrigger.take_allotment($1, $2::float8, $3::float8, $4::float8, $5, $6::float8, $7::float8, $8::float8, $9::float8, $10::float8, $11::float8)`

export const takeValues = (r: AllotmentRequest): ReadonlyArray<string | number> =>
  [r.name, r.limit, r.window, r.burst, r.process, r.turn, r.holds, r.back, r.least, r.want, r.lease]

/** Asks PostgreSQL, through whatever client runs a statement there. */
export const sqlLimiterStore = (
  run: (text: string, values: ReadonlyArray<string | number>) => PromiseLike<ReadonlyArray<Record<string, unknown>>>,
  schema: string = defaultSchema
): LimiterStore => limiterStore({
  take: async (request) => {
    const [answer] = await run(inSchema(takeStatement, schema), takeValues(request))
    if (typeof answer?.["granted"] !== "number") throw new TypeError("The database client gave no rows with numbers")
    return answer as unknown as Allotment
  }
})
