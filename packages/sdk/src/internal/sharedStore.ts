/** The stores of what is shared, from the options of this face or from the services at hand, as the engine wants them: with the code of sharing. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { BreakerStore, type Port, portOf, type Service, type SharingOptions } from "../BreakerStore.ts"
import { InvalidPolicyOption } from "../core/errors.ts"
import { type LimiterStore, limiterStore, type LimiterStorePort } from "../core/limits/limiterStore.ts"
import type { BreakerOptions as CoreBreakerOptions } from "../core/options/breaker.ts"
import type { RateLimitOptions as CoreRateLimitOptions } from "../core/options/rateLimit.ts"

export interface BreakerOptions extends Omit<CoreBreakerOptions<Duration.Input>, "shared"> {
  /**
   * Shares it with the other processes that say the same name and store. `true` and options without a store take the
   * `BreakerStore` of the layer that builds the policy; `Policy.make` has none, and wants the store itself.
   */
  readonly shared?: true | Service | Port | (Omit<SharingOptions<Duration.Input>, "store"> & { readonly store?: Service | Port | undefined }) | undefined
}

/** Options of a breaker as options of the engine. What is none, and what is no store, is left for it to refuse. */
export const breakerOf = (
  policy: string, breaker: BreakerOptions | false | undefined, services: Context.Context<never>
): CoreBreakerOptions<unknown> | false | undefined => {
  if (!breaker || !breaker.shared) return breaker as CoreBreakerOptions<unknown> | false | undefined
  const { shared } = breaker
  const options = shared === true ? {} : typeof shared === "object" && "exchange" in shared ? { store: shared } : shared
  const store = options.store ?? Option.getOrUndefined(Context.getOption(services as Context.Context<BreakerStore>, BreakerStore))
  if (store === undefined) throw new InvalidPolicyOption(policy, "breaker.shared", shared, "a store, or true where the layer that builds the policy has a BreakerStore")
  return { ...breaker, shared: { ...options, store: typeof store.exchange === "function" ? portOf(store) : store } } as CoreBreakerOptions<unknown>
}

/** As `breakerOf`, for whoever does not share it. */
export const unshared = (breaker: BreakerOptions | false | undefined): CoreBreakerOptions<unknown> | false | undefined => {
  if (!breaker) return breaker
  const { shared: _, ...options } = breaker
  return options
}

export interface RateLimitOptions extends Omit<CoreRateLimitOptions<Duration.Input>, "shared"> {
  /** Where processes share the limit: all together stay within it who have a policy of this name over this store. A token bucket only. */
  readonly shared?: LimiterStorePort | undefined
}

const limiters = new WeakMap<LimiterStorePort, LimiterStore>()

/** The same for the same port. */
const limiterOf = (port: LimiterStorePort): LimiterStore => {
  if ("share" in port) return port as LimiterStore
  let store = limiters.get(port)
  if (store === undefined) limiters.set(port, store = limiterStore(port))
  return store
}

/** Options of a rate limit as options of the engine, in the same way. */
export const rateLimitOf = (rateLimit: RateLimitOptions | false | undefined): CoreRateLimitOptions<unknown> | false | undefined => {
  if (!rateLimit || typeof rateLimit.shared?.take !== "function") return rateLimit as CoreRateLimitOptions<unknown> | false | undefined
  return { ...rateLimit, shared: limiterOf(rateLimit.shared) }
}
