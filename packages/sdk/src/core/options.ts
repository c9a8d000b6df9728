/** A policy's options as people write them, made whole; whatever makes no sense is refused here, not in the middle of a call. */
import type { BreakerSettings } from "./breaker/breaker.ts"
import type { BreakerSharing } from "./breaker/sharing.ts"
import type { BulkheadSettings } from "./limits/bulkhead.ts"
import type { CacheSettings } from "./cache/cacheStore.ts"
import type { Classify } from "./retry/classify.ts"
import type { DurationInput } from "./time/duration.ts"
import { type BreakerOptions, readBreaker, readShared } from "./options/breaker.ts"
import { type BulkheadOptions, readBulkhead } from "./options/bulkhead.ts"
import { cacheDefaults, type CacheStorageOptions, readCache } from "./options/cache.ts"
import { type HedgeOptions, readHedge } from "./options/hedge.ts"
import { type RateLimitOptions, readRateLimit } from "./options/rateLimit.ts"
import { Reader } from "./options/reader.ts"
import { readRetry, type RetryOptions, retryPresets } from "./options/retry.ts"
import { readThrottle, type ThrottleOptions } from "./options/throttle.ts"
import type { HedgeSettings } from "./call/race.ts"
import type { RateLimitSettings } from "./limits/rateLimit.ts"
import type { RetrySettings } from "./retry/retry.ts"
import type { ThrottleSettings } from "./limits/throttle.ts"

/** What a dependency's outage does to the health of the process. */
export type Criticality = "critical" | "degrades" | "ignored"

/** How one dependency's calls are protected. `false` turns a part off. `D` is what the face takes for a duration. */
export interface PolicyOptions<D = DurationInput> {
  /** The whole call: all attempts and all waits. */
  readonly timeout?: D | false | undefined
  /** Each attempt. */
  readonly attemptTimeout?: D | false | undefined
  readonly retry?: RetryOptions<D> | false | undefined
  readonly hedge?: HedgeOptions<D> | false | undefined
  readonly breaker?: BreakerOptions<D> | false | undefined
  readonly rateLimit?: RateLimitOptions<D> | false | undefined
  readonly bulkhead?: BulkheadOptions<D> | false | undefined
  readonly throttle?: ThrottleOptions<D> | false | undefined
  /** What `cached` holds in memory, and where it outlives the process. Taken when the api is made: `update` does not change it. */
  readonly cache?: CacheStorageOptions<D> | undefined
  /** What an outcome means, for retry and breaker; undefined leaves it to the default. */
  readonly classify?: Classify | undefined
  /** What its outage does to the health of the process; "degrades" unless said. */
  readonly criticality?: Criticality | undefined
}

/** Options made whole: milliseconds, and Infinity for no limit. */
export interface PolicySettings {
  readonly timeout: number
  readonly attemptTimeout: number
  readonly retry: RetrySettings | undefined
  readonly hedge: HedgeSettings | undefined
  readonly breaker: BreakerSettings | undefined
  /** How the breaker is shared. */
  readonly sharing: BreakerSharing | undefined
  readonly rateLimit: RateLimitSettings | undefined
  readonly bulkhead: BulkheadSettings | undefined
  readonly throttle: ThrottleSettings | undefined
  readonly cache: CacheSettings
  readonly classify: Classify | undefined
  readonly criticality: Criticality
}

/** What an `Api` that leaves an option out gets. */
export const apiDefaults = {
  timeout: 30_000,
  retry: retryPresets.api,
  breaker: { failures: 5, openFor: 60_000, halfOpenCalls: 1 }
} as const satisfies PolicyOptions

/** A part that may be off. */
const part = <O, S>(options: O | false | undefined, read: (options: O) => S): S | undefined =>
  options === false || options === undefined ? undefined : read(options)

/** Options made whole; throws `InvalidPolicyOption`, which names policy, option, value and what is allowed. */
export const readOptions = (name: string, options: PolicyOptions<unknown>, millisOf?: (duration: unknown) => number): PolicySettings => {
  const read = new Reader(name, millisOf)
  if (typeof name !== "string" || name.trim() === "") read.refuse("name", name, "a name that is not empty")
  read.known("", options, ["timeout", "attemptTimeout", "retry", "hedge", "breaker", "rateLimit", "bulkhead", "cache", "throttle", "classify", "criticality"])
  return {
    timeout: read.limit("timeout", options.timeout),
    attemptTimeout: read.limit("attemptTimeout", options.attemptTimeout),
    retry: part(options.retry, (retry) => readRetry(read, retry)),
    hedge: part(options.hedge, (hedge) => readHedge(read, hedge)),
    breaker: part(options.breaker, (breaker) => readBreaker(read, breaker)),
    sharing: part(options.breaker, (breaker) => readShared(read, breaker)),
    rateLimit: part(options.rateLimit, (rateLimit) => readRateLimit(read, rateLimit)),
    bulkhead: part(options.bulkhead, (bulkhead) => readBulkhead(read, bulkhead)),
    throttle: part(options.throttle, (throttle) => readThrottle(read, throttle)),
    cache: options.cache === undefined ? cacheDefaults : readCache(read, options.cache),
    classify: read.optionalFunction("classify", options.classify),
    criticality: read.oneOf("criticality", options.criticality ?? "degrades", ["critical", "degrades", "ignored"])
  }
}
