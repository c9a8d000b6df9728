import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { PgClient } from "@effect/sql-pg"
import { PgLimiterStore } from "@outrigger/postgres"
import { LimiterStore } from "@outrigger/sdk"
import { LimiterTable } from "../../sdk/src/core/limits/limiterStore.ts"
import { suite } from "../../../test/conformance/LimiterStore.ts"
import { Passing, stoppedDatabase, twoPools } from "../../../test/passing.ts"

suite("PostgreSQL", PgLimiterStore.layerClient.pipe(Layer.provideMerge(stoppedDatabase)))

const request = (process: string, turn: number, rest: Partial<LimiterStore.AllotmentRequest> = {}): LimiterStore.AllotmentRequest =>
  ({ name: "payments", limit: 1, window: 3_600_000, burst: 100, process, turn, holds: 0, back: 0, least: 0, want: 1, lease: 60_000, ...rest })

describe("limits in PostgreSQL", () => {
  it.live("give no more than there is to two pools that race, and answer every question", () => Effect.scoped(Effect.gen(function*() {
    const pools = yield* twoPools
    const stores = yield* Effect.forEach(pools, (pool) => Effect.provideService(PgLimiterStore.make, PgClient.PgClient, pool))
    const questions = Array.from({ length: 250 }, (_, n) => stores[n % 2]!.take(request(`${n}`, 1, { name: n % 10 === 0 ? `own ${n}` : "payments" })))
    const answers = yield* Effect.all(questions, { concurrency: "unbounded" })
    assert.strictEqual(answers.filter(({ granted }, n) => n % 10 !== 0 && granted === 1).length, 100)
    assert.strictEqual(answers.filter(({ granted }, n) => n % 10 === 0 && granted === 1).length, 25)
  })))

  it.live("do what the same machine does in TypeScript, whoever asks for what and when", () => Effect.gen(function*() {
    const { take } = yield* LimiterStore.LimiterStore
    const pass = yield* Passing
    const table = new LimiterTable()
    const random = fc.sample(fc.record({
      name: fc.constantFrom("x", "y"), process: fc.constantFrom("a", "b", "c", "d"), burst: fc.constantFrom(8, 8, 8, 8, 12), window: fc.constantFrom(250, 250, 250, 500),
      pass: fc.oneof(fc.constant(0), fc.nat(30), fc.nat(400), fc.nat(2500)), holds: fc.nat(6), back: fc.nat(6),
      least: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8 })), more: fc.nat(6), lease: fc.constantFrom(0, 100, 500, 2000, 2000), late: fc.integer({ min: -1, max: 8 })
    }), 600)
    let now = 0
    for (const [index, { late, least, more, pass: millis, ...rest }] of random.entries()) {
      yield* pass(millis)
      now += millis
      const request = { ...rest, limit: 10, least, want: least + more, turn: late < 0 ? Math.max(1, index - 3) : index + 1 }
      assert.deepStrictEqual(yield* take(request), table.take(request, now), JSON.stringify(request))
    }
  }).pipe(Effect.provide(PgLimiterStore.layerClient.pipe(Layer.provideMerge(stoppedDatabase)))))

  it.live("stay spent though the transaction around is rolled back, and are not held up by it", () => Effect.scoped(Effect.gen(function*() {
    const [sql, other] = yield* twoPools
    const { take } = yield* Effect.provideService(PgLimiterStore.make, PgClient.PgClient, sql)
    const theirs = yield* Effect.provideService(PgLimiterStore.make, PgClient.PgClient, other)
    yield* Effect.ignore(sql.withTransaction(Effect.gen(function*() {
      yield* take(request("a", 1, { want: 60 }))
      assert.strictEqual((yield* theirs.take(request("b", 1, { want: 30 }))).granted, 30)
      return yield* Effect.fail("no")
    })))
    assert.strictEqual((yield* take(request("c", 1, { want: 100 }))).granted, 10)
  })))

  it.live("leave nothing behind once they are full again and nobody asks", () => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const pass = yield* Passing
    const { take } = yield* LimiterStore.LimiterStore
    const rows = sql<{ limits: number; allotments: number }>`
      select (select count(*)::int from outrigger.shared_limit) as limits, (select count(*)::int from outrigger.allotment) as allotments`
    yield* take(request("a", 1, { name: "old", limit: 100, window: 1000, want: 100, lease: 500 }))
    yield* pass(1499)
    yield* take(request("a", 1, { name: "newer" }))
    assert.deepStrictEqual(yield* rows, [{ limits: 2, allotments: 2 }])
    yield* pass(1)
    yield* take(request("a", 1, { name: "newest" }))
    assert.deepStrictEqual(yield* rows, [{ limits: 2, allotments: 2 }])
  }).pipe(Effect.provide(PgLimiterStore.layerClient.pipe(Layer.provideMerge(stoppedDatabase)))))

  it.live("cancel a question that nobody waits for any more", () => Effect.scoped(Effect.gen(function*() {
    const [sql, other] = yield* twoPools
    const { take } = yield* Effect.provideService(PgLimiterStore.make, PgClient.PgClient, sql)
    yield* take(request("a", 1))
    yield* other.withTransaction(Effect.gen(function*() {
      yield* other`select from outrigger.shared_limit for update`
      const asking = yield* Effect.forkChild(Effect.flip(take(request("a", 2))), { startImmediately: true })
      const waiting = sql<{ count: number }>`select count(*)::int as count from pg_stat_activity where wait_event_type = 'Lock' and query like '%take_allotment%'`
      yield* Effect.repeat(waiting, { until: ([row]) => row!.count === 1 })
      yield* TestClock.adjust("5 seconds")
      assert.match((yield* Fiber.join(asking)).message, /did not answer within 5 seconds/)
      yield* Effect.repeat(waiting, { until: ([row]) => row!.count === 0 })
    }))
    assert.strictEqual((yield* take(request("a", 3))).granted, 1)
  })).pipe(Effect.provide(TestClock.layer())))

  it.live("say what failed", () => Effect.scoped(Effect.gen(function*() {
    const [sql] = yield* twoPools
    const { take } = yield* Effect.provideService(PgLimiterStore.make, PgClient.PgClient, sql)
    yield* sql`drop schema outrigger cascade`
    const error = yield* Effect.flip(take(request("a", 1)))
    assert.strictEqual(error._tag, "StoreUnavailable")
    assert.match(error.message, /limiter store in PostgreSQL failed \(3F000\)/)
  })))
})
