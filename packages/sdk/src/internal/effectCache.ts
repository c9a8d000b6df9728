/** The cache of one dependency for effects: the core's cache, with a fiber as the shared call. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { type CacheEntry, type CacheTimes, refusedValue, ResponseCache } from "../core/cache.ts"
import { timersOf } from "./effectCall.ts"

export interface CacheOptions {
  readonly key: string
  /** How long an answer is fresh. */
  readonly ttl: Duration.Input
  /** How old an answer may be that is served when the call is rejected or fails; no stale answers unless said. */
  readonly staleIfError?: Duration.Input | undefined
}

type Shared = Fiber.Fiber<CacheEntry<unknown>, unknown>

export class EffectCache {
  private readonly cache = new ResponseCache<Shared>()
  private readonly good: (value: unknown) => boolean

  /** `good` says whether an answer is one to keep. */
  constructor(good: (value: unknown) => boolean) {
    this.good = good
  }

  entry<A, E, R>({ key, staleIfError, ttl }: CacheOptions, call: Effect.Effect<A, E, R>): Effect.Effect<CacheEntry<A>, E, R> {
    const times: CacheTimes = {
      ttl: Duration.toMillis(Duration.fromInputUnsafe(ttl)),
      staleIfError: staleIfError === undefined ? 0 : Duration.toMillis(Duration.fromInputUnsafe(staleIfError))
    }
    return Effect.withFiber((fiber) => {
      const { now } = timersOf(fiber.getRef(Clock.Clock), fiber).port
      const fresh = this.cache.fresh(key, now(), times)
      if (fresh !== undefined) return Effect.succeed(fresh as CacheEntry<A>)
      const stale = () => staleIfError === undefined ? undefined : this.cache.fallback(key, now(), times) as CacheEntry<A> | undefined
      return Effect.matchEffect(this.shared(key, call), {
        onFailure: (error) => Effect.suspend(() => {
          const entry = stale()
          return entry === undefined ? Effect.fail(error) : Effect.succeed(entry)
        }),
        onSuccess: (entry) => Effect.sync(() => this.good(entry.value) ? entry : stale() ?? entry)
      })
    })
  }

  /** One call for all who miss this key at once: a fiber of its own, which is interrupted when its last waiter leaves. */
  private shared<A, E, R>(key: string, call: Effect.Effect<A, E, R>): Effect.Effect<CacheEntry<A>, E, R> {
    return Effect.withFiber<CacheEntry<A>, E, R>((fiber) => {
      const { port } = timersOf(fiber.getRef(Clock.Clock), fiber)
      const flight = this.cache.join(key, () => {
        const kept = Effect.map(call, (value) => this.keep(key, value, port.now(), port.epoch()))
        return Effect.runForkWith(fiber.context as never)(kept as Effect.Effect<CacheEntry<unknown>, unknown>)
      })
      flight.handle.addObserver(() => this.cache.landed(key, flight))
      return Effect.onExit(Fiber.join(flight.handle) as Effect.Effect<CacheEntry<A>, E>, (exit) =>
        Effect.suspend(() => {
          const last = this.cache.leave(key, flight)
          return last && !Exit.isSuccess(exit) && flight.handle.pollUnsafe() === undefined
            ? Effect.asVoid(Fiber.interrupt(flight.handle))
            : Effect.void
        }))
    })
  }

  private keep(key: string, value: unknown, now: number, epoch: number): CacheEntry<unknown> {
    const refused = refusedValue(value)
    if (refused !== undefined) throw new TypeError(`cached: ${refused}`)
    return this.good(value) ? this.cache.store(key, value, now, epoch) : { value, stale: false, storedAt: epoch }
  }
}
