/** How answers are kept, as people write it. */
import type { CacheTimes } from "../cache/cache.ts"
import type { CacheSettings, CacheStore } from "../cache/cacheStore.ts"
import { type DurationInput, toMillis } from "../time/duration.ts"
import { InvalidPolicyOption } from "../errors.ts"
import type { Reader } from "./reader.ts"

/** How long the answer of one key serves. All are ages, counted from when it was stored. */
export interface CacheTimesOptions<D = DurationInput> {
  /** What the answer depends on, such as the URL. Answers of a dependency are shared by key. */
  readonly key: string
  /** How old an answer may be to be fresh. */
  readonly ttl: D
  /** How old one may be to be served at once all the same, while a call renews it behind; at least `ttl`. Not done unless said. */
  readonly staleWhileRevalidate?: D | undefined
  /** How old one may be to be served when the call is rejected or fails; at least `ttl`. Not done unless said. */
  readonly staleIfError?: D | undefined
  /** The share of `ttl`, 0 to 1, that chance may take away, so that answers stored together do not expire together; 0 unless said. */
  readonly jitter?: number | undefined
}

/** The cache of one dependency. */
export interface CacheStorageOptions<D = DurationInput> {
  /** How many answers memory holds; 1000 unless said. The one that was used longest ago goes first. */
  readonly maxEntries?: number | undefined
  /** Where answers outlive the process, such as `fileCacheStore(folder)`; none unless said. */
  readonly store?: CacheStore | undefined
  /** How long the store may take for one thing; 250 ms unless said. */
  readonly storeTimeout?: D | undefined
}

export const cacheDefaults: CacheSettings = { maxEntries: 1000, store: undefined, storeTimeout: 250 }

export const readCache = (read: Reader, options: CacheStorageOptions<unknown>): CacheSettings => {
  read.known("cache.", options, ["maxEntries", "store", "storeTimeout"])
  const { maxEntries = cacheDefaults.maxEntries, store, storeTimeout = cacheDefaults.storeTimeout } = options
  if (store !== undefined && !isStore(store)) read.refuse("cache.store", typeof store, "a CacheStore: an object with get, set and delete")
  return {
    maxEntries: read.whole("cache.maxEntries", maxEntries, 1),
    store,
    storeTimeout: read.millis("cache.storeTimeout", storeTimeout)
  }
}

const isStore = (store: unknown): store is CacheStore =>
  typeof store === "object" && store !== null
  && ["get", "set", "delete"].every((name) => typeof (store as Record<string, unknown>)[name] === "function")

/** Reads the times of each ask. Asks that say the same as the one before, as those of one place in the code do, cost a comparison. */
export class TimesReader {
  private readonly policy: string
  private readonly millisOf: (duration: unknown) => number
  private ttl: unknown = undefined
  private staleWhileRevalidate: unknown = undefined
  private staleIfError: unknown = undefined
  private jitter: unknown = undefined
  private times: CacheTimes | undefined = undefined

  constructor(policy: string, millisOf: (duration: unknown) => number = toMillis) {
    this.policy = policy
    this.millisOf = millisOf
  }

  /** Throws `InvalidPolicyOption`. */
  read(options: CacheTimesOptions<unknown>): CacheTimes {
    if (typeof options.key !== "string") this.refuse("key", options.key, "a string")
    const { jitter, staleIfError, staleWhileRevalidate, ttl } = options
    const same = this.times !== undefined && this.ttl === ttl && this.staleWhileRevalidate === staleWhileRevalidate
      && this.staleIfError === staleIfError && this.jitter === jitter
    if (same) return this.times!
    const times = this.make(options)
    this.ttl = ttl
    this.staleWhileRevalidate = staleWhileRevalidate
    this.staleIfError = staleIfError
    this.jitter = jitter
    return this.times = times
  }

  private make({ jitter = 0, staleIfError, staleWhileRevalidate, ttl }: CacheTimesOptions<unknown>): CacheTimes {
    const fresh = this.age("ttl", ttl, 0)
    if (!(typeof jitter === "number" && jitter >= 0 && jitter <= 1)) this.refuse("jitter", jitter, "a number from 0 to 1")
    return {
      ttl: fresh,
      staleWhileRevalidate: staleWhileRevalidate === undefined ? 0 : this.age("staleWhileRevalidate", staleWhileRevalidate, fresh),
      staleIfError: staleIfError === undefined ? 0 : this.age("staleIfError", staleIfError, fresh),
      jitter
    }
  }

  private age(option: string, value: unknown, least: number): number {
    const millis = this.millisOf(value)
    if (millis >= least) return millis
    const bound = least === 0 ? "" : `, at least ttl (${least} ms): it is an age too`
    return this.refuse(option, value, `milliseconds or a duration such as "1 minute"${bound}`)
  }

  private refuse(option: string, value: unknown, allowed: string): never {
    throw new InvalidPolicyOption(this.policy, option, value, allowed)
  }
}
