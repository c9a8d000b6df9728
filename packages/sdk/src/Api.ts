/**
 * A named dependency of the host as a service: an HTTP API, a client of somebody else's, anything that is called and can
 * fail. It owns one policy, its statistics and its part of the health report.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CacheEntry } from "./core/cache/cache.ts"
import type { CacheState } from "./core/cache/dependencyCache.ts"
import { apiDefaults } from "./core/options.ts"
import { type BatchedError, type BatchedOptions, makeBatched } from "./internal/effectBatch.ts"
import { type CacheOptions, EffectCache } from "./internal/effectCache.ts"
import * as Policy from "./Policy.ts"
import { Registry } from "./Registry.ts"

export { type Answers, MissingAnswerError } from "./core/batch.ts"
export type { CacheEntry } from "./core/cache/cache.ts"
export type { CacheStore, StoredAnswer } from "./core/cache/cacheStore.ts"
export type { CacheState } from "./core/cache/dependencyCache.ts"
export type { BatchedError, BatchedOptions } from "./internal/effectBatch.ts"
export type { CacheOptions } from "./internal/effectCache.ts"

/** An `Api` that leaves an option out gets 30 s, `Retry.api` and a breaker of 5 failures for 60 s. */
export interface Options extends Policy.Options {}

/** One call's options. */
export interface CallOptions extends Omit<Policy.RunOptions, "operation"> {}

/** What the service is: its policy and its cache. */
export interface Shape {
  readonly policy: Policy.Policy
  readonly cache: EffectCache
}

/** What `cached` keeps. */
export interface Cache<Self> {
  /** Forgets the answer of this key. A call for it that is under way answers those who wait, and is not kept. */
  invalidate(key: string): Effect.Effect<void, never, Self>
  /** Forgets all answers, as `invalidate` does. */
  readonly clear: Effect.Effect<void, never, Self>
  /** Hits, misses, stale answers, refreshes, entries, and what a store failed to do. */
  readonly state: Effect.Effect<CacheState, never, Self>
}

type Rejected = Policy.Rejected

/** The class that `Api.Service` makes: a service key, its layer, and the operations. */
export interface ApiClass<Self, Name extends string> extends Context.ServiceClass<Self, Name, Shape> {
  /** Registers the dependency and provides it. */
  readonly layer: Layer.Layer<Self>
  /** Runs `effect` under the policy; its own errors pass through unchanged. */
  call<A, E, R, B, E2, R2>(
    operation: string, effect: Effect.Effect<A, E, R>, options: CallOptions & Policy.Fallback<E, B, E2, R2>
  ): Effect.Effect<A | B, E2, R | R2 | Self>
  call<A, E, R>(operation: string, effect: Effect.Effect<A, E, R>, options?: CallOptions): Effect.Effect<A, E | Rejected, R | Self>
  /**
   * The fresh answer of this key, or the call's, which is one for all who ask at once. An older answer is served while it is
   * renewed behind (`staleWhileRevalidate`), or when the call is rejected or fails (`staleIfError`).
   */
  cached<A, E, R>(operation: string, options: CacheOptions & CallOptions, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Rejected, R | Self>
  /** As `cached`, and says whether the answer is stale and when it was stored (epoch ms). */
  cachedEntry<A, E, R>(operation: string, options: CacheOptions & CallOptions, effect: Effect.Effect<A, E, R>): Effect.Effect<CacheEntry<A>, E | Rejected, R | Self>
  /** What `cached` keeps, to forget it or to look at it. */
  readonly cache: Cache<Self>
  /**
   * Gathers what is asked for one by one, and asks for it together. The policy stands around the batch. Make it once.
   *
   * @example
   * import * as Effect from "effect/Effect"
   * import { Api } from "@outrigger/sdk"
   *
   * class Github extends Api.Service<Github>()("github") {
   *   static readonly userById = Github.batched("users", {
   *     maxSize: 50,
   *     delay: "5 millis",
   *     run: (ids: ReadonlyArray<number>) => Effect.succeed(new Map(ids.map((id) => [id, { id, login: `user-${id}` }])))
   *   })
   * }
   *
   * const users = Effect.forEach([7, 9], Github.userById, { concurrency: "unbounded" }).pipe(Effect.provide(Github.layer))
   */
  batched<Id, M, E, R, Key = Id>(
    operation: string, options: BatchedOptions<Id, M, E, R, Key>
  ): (id: Id) => Effect.Effect<Exclude<M, Error>, BatchedError<M, E>, R | Self>
  /** Breaker and statistics at this moment. */
  readonly state: Effect.Effect<Policy.State & { readonly cache: CacheState }, never, Self>
  /** Lets nothing through until `restore`. */
  readonly isolate: Effect.Effect<void, never, Self>
  /** Closes the breaker: lets it work again. */
  readonly restore: Effect.Effect<void, never, Self>
  /** Changes the options that are given, from the next call on; state and calls in flight are kept. */
  update(options: Options): Effect.Effect<void, never, Self>
}

const shapeOf = (name: string, options: Options): Effect.Effect<Shape> =>
  Effect.gen(function*() {
    const registry = yield* Registry
    const services = yield* Effect.context<never>()
    const policy = Policy.fromRegistry(registry, "api", name, { ...apiDefaults as Options, ...options }, services)
    const dependency = registry.get(name)!
    return { policy, cache: new EffectCache(dependency, (effect, run) => policy.run(effect, run), dependency.settings.cache) }
  })

const layers = new WeakMap<object, Layer.Layer<any>>()

/** One layer for each class, so that providing it twice builds it once. */
const layerOf = <Self>(key: Context.Key<Self, Shape>, make: Effect.Effect<Shape>): Layer.Layer<Self> => {
  const layer = layers.get(key) ?? Layer.effect(key, make)
  layers.set(key, layer)
  return layer
}

/**
 * Makes the class of an API. Options that make no sense throw when the layer is built.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Api } from "@outrigger/sdk"
 *
 * class Cloudinary extends Api.Service<Cloudinary>()("cloudinary", {
 *   timeout: "30 seconds",
 *   breaker: { failures: 5, openFor: "60 seconds" },
 *   criticality: "degrades"
 * }) {}
 *
 * const upload = Cloudinary.call("upload", Effect.succeed("url")).pipe(Effect.provide(Cloudinary.layer))
 */
export const Service = <Self>() =>
<const Name extends string>(name: Name, options: Options = {}): ApiClass<Self, Name> => {
  const base = Context.Service<Self, Shape>()(`@outrigger/sdk/Api/${name}`)
  const make = shapeOf(name, options)
  // The statics read `this`: the subclass is the key that R names.
  const statics = {
    layer: { get(this: Context.Service<Self, Shape>) { return layerOf(this, make) } },
    state: { get(this: Context.Service<Self, Shape>) { return this.use((api) => Effect.sync(() => ({ ...api.policy.state(), cache: api.cache.state() }))) } },
    isolate: { get(this: Context.Service<Self, Shape>) { return this.use((api) => Effect.sync(() => api.policy.isolate())) } },
    restore: { get(this: Context.Service<Self, Shape>) { return this.use((api) => Effect.sync(() => api.policy.restore())) } },
    update: {
      value(this: Context.Service<Self, Shape>, changed: Options) {
        return this.use((api) => Effect.sync(() => api.policy.update(changed)))
      }
    },
    call: {
      value<A, E, R>(this: Context.Service<Self, Shape>, operation: string, effect: Effect.Effect<A, E, R>, call?: CallOptions) {
        return this.use((api) => api.policy.run(effect, { ...call, operation }))
      }
    },
    batched: {
      value<Id, M, E, R, Key>(this: Context.Service<Self, Shape>, operation: string, batch: BatchedOptions<Id, M, E, R, Key>) {
        const ask = makeBatched(name, operation, batch)
        return (id: Id) => this.use(({ policy }) => ask(policy, id))
      }
    },
    cachedEntry: {
      value<A, E, R>(this: Context.Service<Self, Shape>, operation: string, cache: CacheOptions & CallOptions, effect: Effect.Effect<A, E, R>) {
        const run = { idempotent: cache.idempotent, operation }
        return this.use((api) => api.cache.entry(cache, run, effect))
      }
    },
    cached: {
      value<A, E, R>(this: Context.Service<Self, Shape>, operation: string, cache: CacheOptions & CallOptions, effect: Effect.Effect<A, E, R>) {
        const run = { idempotent: cache.idempotent, operation }
        return this.use((api) => api.cache.value(cache, run, effect))
      }
    },
    cache: {
      get(this: Context.Service<Self, Shape>): Cache<Self> {
        return {
          invalidate: (key) => this.use((api) => api.cache.invalidate(key)),
          clear: this.use((api) => api.cache.clear),
          state: this.use((api) => Effect.sync(() => api.cache.state()))
        }
      }
    }
  }
  return Object.defineProperties(base, statics) as unknown as ApiClass<Self, Name>
}
