import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import { TestClock } from "effect/testing"
import { PgClient } from "@effect/sql-pg"
import { PgCircuitBreaker } from "@outrigger/postgres/effect"
import { suite } from "../../../../test/conformance/CircuitBreakerStore.ts"
import { Passing, passingHere, stoppedDatabase, twoPools } from "../../../../test/passing.ts"

const layer = PgCircuitBreaker.layerStore({ probeLease: "10 seconds" }).pipe(Layer.provideMerge(stoppedDatabase))

suite("Effect's memory store", Layer.merge(CircuitBreaker.layerStoreMemory(), passingHere))
suite("PostgreSQL", layer)

const failure = (generation: number, openFor: Duration.Duration) =>
  ({ key: "k", generation, outcome: "Failure", tripPolicy: CircuitBreaker.consecutive(1), openFor }) as const

describe("Effect's CircuitBreaker on PostgreSQL", () => {
  const probing = Effect.gen(function*() {
    const store = yield* CircuitBreaker.CircuitBreakerStore
    const pass = yield* Passing
    const { generation } = yield* Effect.scoped(store.admit("k"))
    yield* store.record(failure(generation, Duration.zero))
    return { store, pass }
  })

  it.live("lets exactly one probe through, and opens once, in two pools that race", () => Effect.scoped(Effect.gen(function*() {
    const pools = yield* twoPools
    const stores = yield* Effect.forEach(pools, (pool) => Effect.provideService(PgCircuitBreaker.makeStore(), PgClient.PgClient, pool))
    const { generation } = yield* stores[0]!.admit("k")
    const moves = yield* Effect.all(Array.from({ length: 40 }, (_, n) => stores[n % 2]!.record(failure(generation, Duration.zero))), { concurrency: "unbounded" })
    assert.strictEqual(moves.filter((move) => move?.to === "Open").length, 1)
    const exits = yield* Effect.all(Array.from({ length: 100 }, (_, n) => Effect.exit(stores[n % 2]!.admit("k"))), { concurrency: "unbounded" })
    const admitted = exits.flatMap((exit) => exit._tag === "Success" ? [exit.value] : [])
    assert.deepStrictEqual(admitted.map(({ probe, transition }) => [probe, transition?.to]), [[true, "HalfOpen"]])
    const ends = yield* Effect.all(Array.from({ length: 20 }, (_, n) =>
      stores[n % 2]!.record({ ...failure(admitted[0]!.generation, Duration.zero), outcome: "Success" })), { concurrency: "unbounded" })
    assert.strictEqual(ends.filter((move) => move?.to === "Closed").length, 1)
  })))

  it.live("decides who probes with the row in its hands: of two that waited for it, one", () => Effect.scoped(Effect.gen(function*() {
    const [sql, other] = yield* twoPools
    const store = yield* Effect.provideService(PgCircuitBreaker.makeStore(), PgClient.PgClient, sql)
    const { generation } = yield* store.admit("k")
    yield* store.record(failure(generation, Duration.zero))
    const fibers = yield* other.withTransaction(Effect.gen(function*() {
      yield* other`select from outrigger.effect_circuit for update`
      const fibers = yield* Effect.forEach([1, 2], () => Effect.forkScoped(Effect.exit(store.admit("k")), { startImmediately: true }))
      const waiting = sql<{ count: number }>`select count(*)::int as count from pg_stat_activity where wait_event_type = 'Lock' and query like '%circuit_admit%'`
      yield* Effect.repeat(waiting, { until: ([row]) => row!.count === 2 })
      return fibers
    }))
    const exits = yield* Effect.forEach(fibers, Fiber.join)
    assert.deepStrictEqual(exits.map(({ _tag }) => _tag).toSorted(), ["Failure", "Success"])
  })))

  it.live("does not let a renewal that is on its way take the slot of a probe that said nothing", () => Effect.gen(function*() {
    const { store } = yield* probing
    const sql = yield* PgClient.PgClient
    const { generation } = yield* Effect.scoped(store.admit("k"))
    const renew = sql<{ renewed: boolean }>`select outrigger.effect_circuit_renew('k', ${generation}::float8, 10000, 60000) as renewed`
    assert.deepStrictEqual(yield* renew, [{ renewed: true }])
    yield* store.record({ ...failure(generation, Duration.zero), outcome: "Ignored" })
    assert.deepStrictEqual(yield* renew, [{ renewed: false }])
    assert.isTrue((yield* Effect.scoped(store.admit("k"))).probe)
  }).pipe(Effect.provide(layer)))

  it.live("gives the slot of a probe that died to another after its lease, and hears the dead one no more", () => Effect.gen(function*() {
    const { pass, store } = yield* probing
    const dead = yield* Effect.scoped(store.admit("k"))
    yield* pass(9999)
    assert.strictEqual((yield* Effect.flip(Effect.scoped(store.admit("k")))).reason._tag, "CircuitHalfOpen")
    yield* pass(1)
    assert.deepInclude(yield* store.state("k"), { _tag: "HalfOpen", probing: false })
    const heir = yield* Effect.scoped(store.admit("k"))
    assert.isTrue(heir.probe)
    assert.isUndefined(yield* store.record({ ...failure(dead.generation, Duration.zero), outcome: "Success" }))
    assert.strictEqual((yield* store.record({ ...failure(heir.generation, Duration.zero), outcome: "Success" }))?.to, "Closed")
  }).pipe(Effect.provide(layer)))

  it.live("renews the lease of a probe for as long as it runs, and forgets no circuit meanwhile", () => Effect.gen(function*() {
    const { pass, store } = yield* probing
    const sql = yield* PgClient.PgClient
    const scope = yield* Scope.make()
    const lease = Effect.map(sql<{ until: number }>`select lease_until as until from outrigger.effect_circuit`, ([row]) => row!.until)
    yield* Scope.provide(store.admit("k"), scope)
    let before = yield* lease
    for (let third = 0; third < 5; third++) {
      yield* pass(3000)
      yield* TestClock.adjust("3334 millis")
      before = yield* Effect.repeat(lease, { until: (until) => until === before + 3000 })
    }
    yield* Scope.close(scope, Exit.void)
    yield* pass(9999)
    yield* TestClock.adjust("1 minute")
    assert.strictEqual((yield* Effect.flip(Effect.scoped(store.admit("k")))).reason._tag, "CircuitHalfOpen")
    yield* pass(1)
    assert.isTrue((yield* Effect.scoped(store.admit("k"))).probe)
  }).pipe(Effect.provide(layer), Effect.provide(TestClock.layer())))

  it.live("only reads a sound circuit, and writes down now and then that it is in use", () => Effect.gen(function*() {
    const store = yield* CircuitBreaker.CircuitBreakerStore
    const pass = yield* Passing
    const sql = yield* PgClient.PgClient
    const version = Effect.map(sql<{ xmin: string }>`select xmin::text from outrigger.effect_circuit`, ([row]) => row!.xmin)
    const call = Effect.scoped(Effect.flatMap(store.admit("k"), ({ generation }) => store.record({ ...failure(generation, Duration.zero), outcome: "Success" })))
    yield* call
    const before = yield* version
    for (let minute = 0; minute < 3; minute++) {
      yield* call
      yield* pass(10_000)
    }
    assert.strictEqual(yield* version, before)
    yield* pass(20_000)
    yield* call
    assert.notStrictEqual(yield* version, before)
  }).pipe(Effect.provide(layer)))

  it.live("forgets circuits that are idle, and keeps prefixes apart", () => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const pass = yield* Passing
    const [brief, long] = yield* Effect.forEach([["a:", "1 minute"], ["b:", "1 hour"]] as const, ([prefix, idleTimeToLive]) =>
      PgCircuitBreaker.makeStore({ prefix, idleTimeToLive }))
    yield* Effect.all([brief!.admit("k"), long!.admit("k")])
    yield* pass(61_000)
    yield* sql`select outrigger.sweep_effect()::text`
    assert.deepStrictEqual(yield* sql`select key from outrigger.effect_circuit`, [{ key: "b:k" }])
  }).pipe(Effect.scoped, Effect.provide(layer)))

  it.live("lets calls pass unrecorded when PostgreSQL fails, as Effect's breaker does, and says what failed", () => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const options = { tripPolicy: CircuitBreaker.consecutive(1), openDuration: "1 second" } as const
    const open = yield* CircuitBreaker.make(options)
    const closed = yield* CircuitBreaker.make({ ...options, onStoreError: "fail" })
    yield* sql`drop schema outrigger cascade`
    assert.strictEqual(yield* open.execute(Effect.succeed(1), { key: "k" }), 1)
    const { reason } = yield* Effect.flip(closed.execute(Effect.succeed(1), { key: "k" }))
    assert.strictEqual(reason._tag, "CircuitBreakerStoreError")
    assert.match(reason.message, /admit: schema "outrigger" does not exist/)
  }).pipe(Effect.scoped, Effect.provide(layer), Effect.provideService(References.UnhandledLogLevel, undefined)))
})
