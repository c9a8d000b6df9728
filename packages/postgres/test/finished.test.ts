/** How long finished tasks are kept, and that letting them go stops nobody. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { route, task } from "../../../test/conformance/TaskStore.ts"
import { freshDatabase } from "../../../test/database.ts"

/** A store whose first upkeep is still to come, and a way to ask the database. */
const open = (retention?: PgTaskStore.RetentionOptions) => Effect.gen(function*() {
  const url = Redacted.make(yield* freshDatabase)
  const services = yield* Layer.build(PgTaskStore.layerPool({ url, maxConnections: 4 }))
  yield* Effect.provide(Migrations.run(), services)
  const sql = yield* Effect.provide(PgClient.PgClient, services)
  const make = Effect.provideService(Effect.provide(PgTaskStore.make, services), PgTaskStore.Retention, retention ?? {})
  const days = Effect.map(
    sql<{ name: string }>`select relname as name from pg_class where relname ~ '^finished_[0-9]{8}$' order by relname`,
    (rows) => rows.map(({ name }) => name)
  )
  const reader = Effect.flatMap(Layer.build(PgClient.layer({ url })), (other) => Effect.provide(PgClient.PgClient, other))
  return { sql, reader: yield* reader, store: yield* make, another: make, days }
})

const finishedAt = (sql: PgClient.PgClient, id: number, state: string, age: string) => sql.unsafe(
  `insert into outrigger.finished (id, fence, route, priority, state, attempt, created_at, run_at, finished_at, payload)
   values ($1, 1, outrigger.route_of('default', 'charge', 1), 5, $2, 1, now(), now(), now() - $3::interval, '1')`, [id, state, age])

const oldDay = `create table outrigger.finished_20200101 partition of outrigger.finished_succeeded
  for values from ('2020-01-01 00:00Z') to ('2020-01-02 00:00Z')`

describe("finished tasks", () => {
  it.live("that succeeded lie by day, and tomorrow's place is there before tomorrow", () => Effect.gen(function*() {
    const { days, sql, store } = yield* open()
    assert.strictEqual((yield* days).length, 3)
    const [enqueued] = yield* store.enqueue([task()])
    const worker = yield* store.register({ name: "w", lease: 60_000 })
    const [{ fence, id } = { fence: "", id: "" }] = yield* store.claim({ worker, routes: [route], limit: 1 })
    yield* store.settle(worker, [{ _tag: "Succeed", id, fence, result: 1 }])
    const [where] = yield* sql<{ name: string }>`
      select c.relname as name from outrigger.finished f join pg_class c on c.oid = f.tableoid where f.id = ${enqueued!.id}::bigint`
    assert.include(yield* days, where!.name)
  }).pipe(Effect.scoped))

  it.live("are let go when their time is over: days whole, the dead later, and nothing else", () => Effect.gen(function*() {
    const { days, sql, store } = yield* open({ succeeded: "2 days", unsuccessful: "10 days" })
    yield* sql.unsafe(oldDay)
    yield* sql`insert into outrigger.finished (id, fence, route, priority, state, attempt, created_at, run_at, finished_at, payload)
      values (1, 1, outrigger.route_of('default', 'charge', 1), 5, 'succeeded', 1, now(), now(), '2020-01-01 12:00Z', '1')`
    yield* finishedAt(sql, 2, "succeeded", "3 days")
    yield* finishedAt(sql, 3, "succeeded", "1 day")
    yield* finishedAt(sql, 4, "dead", "11 days")
    yield* finishedAt(sql, 5, "dead", "9 days")
    yield* finishedAt(sql, 6, "cancelled", "11 days")
    yield* store.upkeep
    assert.notInclude(yield* days, "finished_20200101")
    const { tasks } = yield* store.list({ limit: 10 })
    assert.deepStrictEqual(tasks.map(({ id }) => id), ["5", "3"])
  }).pipe(Effect.scoped))

  it.live("whose day somebody is reading are left for the next round, and nobody waits", () => Effect.gen(function*() {
    const { another, days, reader, sql, store } = yield* open()
    yield* sql.unsafe(oldDay)
    yield* reader.withTransaction(Effect.gen(function*() {
      yield* reader`lock table outrigger.finished_20200101 in access share mode`
      yield* store.upkeep
      assert.include(yield* days, "finished_20200101")
    }))
    yield* (yield* another).upkeep
    assert.notInclude(yield* days, "finished_20200101")
  }).pipe(Effect.scoped))

  it.live("keep their idempotency key for a day, also when they were let go before", () => Effect.gen(function*() {
    const { another, sql, store } = yield* open()
    const [first] = yield* store.enqueue([task({ idempotencyKey: "k" })])
    yield* store.cancel(first!.id)
    yield* sql`update outrigger.idempotency set created_at = now() - interval '25 hours'`
    yield* store.upkeep
    assert.deepStrictEqual(yield* store.enqueue([task({ idempotencyKey: "k" })]), [{ id: first!.id, duplicate: true }])
    yield* sql`delete from outrigger.finished`
    yield* (yield* another).upkeep
    assert.isFalse((yield* store.enqueue([task({ idempotencyKey: "k" })]))[0]!.duplicate)
    assert.isTrue(Option.isNone(yield* store.find(first!.id)))
  }).pipe(Effect.scoped))
})
