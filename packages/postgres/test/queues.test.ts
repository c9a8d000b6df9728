/** Queues over several stores on one database, as several workers have it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { route, task } from "../../../test/conformance/TaskStore.ts"
import { freshDatabase } from "../../../test/database.ts"

const two = Effect.gen(function*() {
  const url = Redacted.make(yield* freshDatabase)
  const pool = PgTaskStore.layerPool({ url, maxConnections: 3 })
  const store = Effect.flatMap(Layer.build(pool), (services) => Effect.provide(PgTaskStore.make, services))
  yield* Effect.provide(Migrations.run(), pool)
  return [yield* store, yield* store] as const
})

describe("queues of several workers", () => {
  it.live("are paused for every worker, also for one that was busy with them", () => Effect.gen(function*() {
    const [here, there] = yield* two
    const worker = yield* there.register({ name: "w", lease: 60_000 })
    const claimNew = Effect.andThen(there.enqueue([task()]), there.claim({ worker, routes: [route], limit: 1 }))
    assert.strictEqual((yield* claimNew).length, 1)
    yield* here.pauseQueue("default")
    const untilNothing: Effect.Effect<void, unknown> = Effect.flatMap(claimNew, (claimed) => claimed.length === 0 ? Effect.void : untilNothing)
    yield* untilNothing
    yield* here.resumeQueue("default")
    const untilSome: Effect.Effect<void, unknown> = Effect.flatMap(there.claim({ worker, routes: [route], limit: 1 }), (claimed) =>
      claimed.length === 0 ? Effect.andThen(Effect.yieldNow, untilSome) : Effect.void)
    yield* untilSome
  }).pipe(Effect.scoped))

  it.live("give no place twice, however many claim at once", () => Effect.gen(function*() {
    const stores = yield* two
    yield* stores[0].enqueue(Array.from({ length: 50 }, () => task()))
    yield* stores[0].limitQueue("default", { concurrency: 5 })
    const workers = yield* Effect.forEach(stores, (store) => Effect.map(store.register({ name: "w", lease: 60_000 }), (worker) => ({ store, worker })))
    const claims = yield* Effect.forEach(Array.from({ length: 40 }, (_, index) => workers[index % 2]!), ({ store, worker }) =>
      store.claim({ worker, routes: [route], limit: 3 }), { concurrency: "unbounded" })
    assert.isAtMost(claims.flat().length, 5)
    const [{ running } = { running: 0 }] = yield* stores[1].queues
    assert.strictEqual(running, claims.flat().length)
  }).pipe(Effect.scoped))

  it.live("tell their depth without counting what is far more than a page", () => Effect.gen(function*() {
    const [store] = yield* two
    yield* store.enqueue(Array.from({ length: 1500 }, () => task()))
    const [state] = yield* store.queues
    assert.isTrue(state!.estimated)
    assert.isAtLeast(state!.ready, 1001)
  }).pipe(Effect.scoped))
})
