import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { PgClient } from "@effect/sql-pg"
import { PgRateLimiter } from "@outrigger/postgres/effect"
import { suite } from "../../../../test/conformance/RateLimiterStore.ts"
import { Passing, passingHere, stoppedDatabase, twoPools } from "../../../../test/passing.ts"

const layer = PgRateLimiter.layerStore().pipe(Layer.provideMerge(stoppedDatabase))

suite("Effect's memory store", Layer.merge(RateLimiter.layerStoreMemory, passingHere))
suite("PostgreSQL", layer)

const refillRate = Duration.hours(1)

describe("Effect's RateLimiter on PostgreSQL", () => {
  it.live("never lets more than the limit pass in two pools that race", () => Effect.scoped(Effect.gen(function*() {
    const pools = yield* twoPools
    const limiters = yield* Effect.forEach(pools, (pool) => RateLimiter.make.pipe(
      Effect.provide(PgRateLimiter.layerStore()), Effect.provideService(PgClient.PgClient, pool)
    ))
    for (const algorithm of ["fixed-window", "token-bucket"] as const) {
      const calls = Array.from({ length: 200 }, (_, n) => Effect.exit(limiters[n % 2]!.consume({ key: algorithm, algorithm, limit: 50, window: "1 day" })))
      const exits = yield* Effect.all(calls, { concurrency: "unbounded" })
      assert.strictEqual(exits.filter((exit) => exit._tag === "Success").length, 50)
    }
    const observed = Array.from({ length: 60 }, (_, n) => limiters[n % 2]!.adaptiveConsume({ key: "a", tokens: 1, fallbackLimit: 1, fallbackWindow: refillRate }))
    yield* limiters[0]!.adaptiveFeedback({ key: "a", epoch: 0, tokens: 1, status: 429, retryAfter: Duration.zero })
    yield* Effect.repeat(observed[0]!, { until: ({ phase }) => phase === "learning" })
    yield* Effect.all(observed, { concurrency: "unbounded" })
    const rows = yield* pools[0]<{ observed: number }>`select observed from outrigger.effect_adaptive`
    assert.deepStrictEqual(rows, [{ observed: 61 }])
  })))

  it.live("keeps prefixes apart, and is not undone by a transaction around", () => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const [a, b] = yield* Effect.forEach(["a:", "b:"], (prefix) => PgRateLimiter.makeStore({ prefix }))
    const take = (store: RateLimiter.RateLimiterStore["Service"]) => store.fixedWindow({ key: "k", tokens: 1, limit: 5, refillRate })
    yield* Effect.ignore(sql.withTransaction(Effect.andThen(take(a!), Effect.fail("no"))))
    assert.strictEqual((yield* take(a!))[0], 2)
    assert.strictEqual((yield* take(b!))[0], 1)
  }).pipe(Effect.scoped, Effect.provide(layer)))

  it.live("forgets what is over, and nothing else", () => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const pass = yield* Passing
    const store = yield* RateLimiter.RateLimiterStore
    for (const key of ["old", "young"]) {
      const refillRate = Duration.millis(key === "old" ? 1 : 100_000)
      yield* store.fixedWindow({ key, tokens: 1, limit: 5, refillRate })
      yield* store.tokenBucket({ key, tokens: 1, limit: 5, refillRate, allowOverflow: false })
      yield* store.adaptiveFeedback({ key, epoch: 0, tokens: 1, status: 429, retryAfter: refillRate })
    }
    yield* pass(61_000)
    yield* sql`select outrigger.sweep_effect()::text`
    for (const table of ["window", "bucket", "adaptive"]) {
      assert.deepStrictEqual(yield* sql.unsafe(`select key from outrigger.effect_${table}`), [{ key: "young" }], table)
    }
  }).pipe(Effect.provide(layer)))

  it.live("says what failed", () => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const store = yield* RateLimiter.RateLimiterStore
    yield* sql`drop schema outrigger cascade`
    const { reason } = yield* Effect.flip(store.fixedWindow({ key: "k", tokens: 1, limit: 5, refillRate }))
    assert.strictEqual(reason._tag, "RateLimitStoreError")
    assert.match(reason.message, /fixedWindow: schema "outrigger" does not exist/)
  }).pipe(Effect.provide(layer)))
})
