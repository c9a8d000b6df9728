/** A shared breaker's store, from the options of this face or from the services at hand, as the engine wants it. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { BreakerStore, type Port, portOf, type Service, type SharingOptions } from "../BreakerStore.ts"
import { InvalidPolicyOption } from "../core/errors.ts"
import type { BreakerOptions as CoreBreakerOptions } from "../core/options/breaker.ts"

export interface BreakerOptions extends Omit<CoreBreakerOptions<Duration.Input>, "shared"> {
  /**
   * Shares it with the other processes that say the same name and store. `true` and options without a store take the
   * `BreakerStore` of the layer that builds the policy; `Policy.make` has none, and wants the store itself.
   */
  readonly shared?: true | Service | Port | (Omit<SharingOptions<Duration.Input>, "store"> & { readonly store?: Service | Port | undefined }) | undefined
}

/** Options of a breaker as options of the engine. */
export const breakerOf = (
  policy: string, breaker: BreakerOptions | false | undefined, services: Context.Context<never>
): CoreBreakerOptions<unknown> | false | undefined => {
  if (breaker === undefined || breaker === false || breaker.shared === undefined) return breaker as CoreBreakerOptions<unknown> | false | undefined
  const { shared } = breaker
  const options = shared === true ? {} : typeof shared === "object" && "exchange" in shared ? { store: shared } : shared
  const store = options.store ?? Option.getOrUndefined(Context.getOption(services as Context.Context<BreakerStore>, BreakerStore))
  if (store === undefined) throw new InvalidPolicyOption(policy, "breaker.shared", shared, "a store, or true where the layer that builds the policy has a BreakerStore")
  return { ...breaker, shared: { ...options, store: portOf(store) } }
}

/** As `breakerOf`, for whoever does not share it. */
export const unshared = (breaker: BreakerOptions | false | undefined): CoreBreakerOptions<unknown> | false | undefined => {
  if (breaker === undefined || breaker === false) return breaker
  const { shared: _, ...options } = breaker
  return options
}
