/** How much may begin per time, as people write it. */
import type { DurationInput } from "../time/duration.ts"
import { InvalidPolicyOption } from "../errors.ts"
import type { LimiterStore, RateLimitAlgorithm, RateLimitSettings, Sharing } from "../limits/rateLimit.ts"
import type { Reader } from "./reader.ts"

export interface RateLimitOptions<D = DurationInput> {
  /** The weight that may begin per `window`; a call weighs 1 unless said. */
  readonly limit: number
  readonly window: D
  /**
   * "token-bucket" unless said: a bucket that is refilled evenly. "sliding-window" never lets more than `limit` begin in any
   * interval of `window`, for a dependency that counts like that.
   */
  readonly algorithm?: RateLimitAlgorithm | undefined
  /** The size of the bucket: how much may begin at one time after a rest; `limit` unless said. */
  readonly burst?: number | undefined
  /** How many may wait for their turn, first come first served; none unless said. */
  readonly queue?: number | undefined
  /** Who would have to wait longer is rejected at once; until its own deadline unless said. */
  readonly queueTimeout?: D | undefined
  /** Where processes share the limit: all together stay within it who have a policy of this name over this store. A token bucket only. */
  readonly shared?: LimiterStore | undefined
  /** With `shared`: how many processes there are at least, for the share of each while the store cannot be reached; 1 unless said. */
  readonly processes?: number | undefined
}

const algorithms = ["token-bucket", "sliding-window"] as const

export const readRateLimit = (read: Reader, options: RateLimitOptions<unknown>): RateLimitSettings => {
  read.known("rateLimit.", options, ["limit", "window", "algorithm", "burst", "queue", "queueTimeout", "shared", "processes"])
  const algorithm = read.oneOf("rateLimit.algorithm", options.algorithm ?? "token-bucket", algorithms)
  const limit = read.whole("rateLimit.limit", options.limit, 1)
  if (algorithm === "sliding-window" && options.burst !== undefined) {
    read.refuse("rateLimit.burst", options.burst, "left out: a sliding window lets the whole limit begin at one time")
  }
  const sharing = readSharing(read, algorithm, options)
  return {
    limit, algorithm,
    window: read.millis("rateLimit.window", options.window),
    burst: read.whole("rateLimit.burst", options.burst ?? limit, 1),
    queue: read.whole("rateLimit.queue", options.queue ?? 0, 0),
    queueTimeout: read.limit("rateLimit.queueTimeout", options.queueTimeout),
    ...(sharing !== undefined && { sharing })
  }
}

const readSharing = (read: Reader, algorithm: RateLimitAlgorithm, { processes, shared }: RateLimitOptions<unknown>): Sharing | undefined => {
  if (shared === undefined) {
    return processes === undefined ? undefined : read.refuse("rateLimit.processes", processes, "left out: the limit is not shared")
  }
  if (typeof shared?.take !== "function" || typeof shared.share !== "function") {
    read.refuse("rateLimit.shared", shared, "a store, such as sharedState(pool).limits or limiterStore({ take })")
  }
  if (algorithm !== "token-bucket") read.refuse("rateLimit.algorithm", algorithm, "a token bucket, for the limit is shared; a small burst spaces calls out")
  return { store: shared, processes: read.whole("rateLimit.processes", processes ?? 1, 1) }
}

/** The weight of one call; refused at the call when it could never pass. */
export const readWeight = (policy: string, weight: number, { burst }: RateLimitSettings): number => {
  if (Number.isSafeInteger(weight) && weight >= 1 && weight <= burst) return weight
  throw new InvalidPolicyOption(policy, "weight", weight, `a whole number from 1 to ${burst}, the most that the rate limit lets pass at one time`)
}
