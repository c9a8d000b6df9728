/** Many that fire over one database, some of which are killed; and a database that was away. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import pg from "pg"
import { PgClient } from "@effect/sql-pg"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { ScheduleStore, TaskStore } from "@outrigger/sdk"
import { dueSql } from "../src/internal/schedules.ts"
import { freshDatabase } from "../../../test/database.ts"

interface Bench {
  readonly sql: PgClient.PgClient
  readonly url: string
  /** Each with a pool of its own, as in a process of its own. */
  readonly stores: ReadonlyArray<TaskStore.Service>
}

const bench = <A, E>(body: (bench: Bench) => Effect.Effect<A, E, Scope.Scope>) => Effect.scoped(Effect.gen(function*() {
  const url = yield* freshDatabase
  const options = { url: Redacted.make(url), maxConnections: 3 }
  const sql = Context.get(yield* Layer.build(PgTaskStore.layerPool(options)), PgClient.PgClient)
  yield* Effect.provideService(Migrations.run(), PgClient.PgClient, sql)
  const stores = yield* Effect.forEach([1, 2, 3, 4], () => Effect.map(Layer.build(Layer.fresh(PgTaskStore.layer(options))), (context) => Context.get(context, TaskStore.TaskStore)))
  return yield* body({ sql, url, stores })
}))

const declaration = (name: string, rule: ScheduleStore.RuleInput): ScheduleStore.Declaration => ({
  name, rule: ScheduleStore.readRule(name, "sweep", rule),
  task: { name: "sweep", version: 1, queue: "default", payload: { by: name }, priority: 5, delay: 0 }
})

/** All due, read, worked out and fired as a scheduler does it; gives how many slots it had. */
const round = ({ schedules }: TaskStore.Service) => Effect.gen(function*() {
  const due = yield* schedules.due
  const fired = yield* Effect.forEach(due.schedules, (schedule) =>
    schedules.fire({ name: schedule.name, revision: schedule.revision, ...ScheduleStore.plan(schedule, due.now) }))
  return fired.flat().length
})

/** Until nothing is due any more. */
const drain = (store: TaskStore.Service): Effect.Effect<number, unknown> => Effect.gen(function*() {
  let total = 0
  while ((yield* store.schedules.due).schedules.length > 0) total += yield* round(store)
  return total
})

const backInTime = (sql: PgClient.PgClient, hours: number) => sql`update outrigger.schedule set next_slot = next_slot - ${hours}::int * interval '1 hour'`

const slots = (sql: PgClient.PgClient) => sql<{ name: string; slot: string; n: number }>`
  select metadata ->> 'schedule' as name, metadata ->> 'slot' as slot, count(*)::int as n from outrigger.task group by 1, 2 order by 1, 2`

describe("schedules over one database", () => {
  it.live("fire each slot once, however many stores race for it", () => bench(({ sql, stores }) => Effect.gen(function*() {
    const names = Array.from({ length: 10 }, (_, n) => `s${n}`)
    yield* stores[0]!.schedules.declare(names.map((name) => declaration(name, { every: "1 hour", catchUp: "all" })))
    yield* backInTime(sql, 20)
    const fired = yield* Effect.all(stores.map(drain), { concurrency: "unbounded" })
    const all = yield* slots(sql)
    assert.strictEqual(fired.reduce((sum, count) => sum + count), all.length)
    assert.isTrue(all.every(({ n }) => n === 1))
    for (const name of names) {
      const own = all.filter((slot) => slot.name === name).map(({ slot }) => Date.parse(slot))
      assert.isAtLeast(own.length, 20)
      assert.isTrue(own.every((slot, index) => index === 0 || slot === own[index - 1]! + 3_600_000), name)
    }
    const ledger = yield* sql<{ n: number }>`select count(*)::int as n from outrigger.schedule_slot`
    assert.strictEqual(ledger[0]!.n, all.length)
  })))

  it.live("lose nothing when one is killed between its answer and its commit, and whoever waits behind it fires", () => bench(({ sql, stores, url }) => Effect.gen(function*() {
    const [store] = stores
    yield* store!.schedules.declare([declaration("nightly", { every: "1 day" })])
    yield* backInTime(sql, 24)
    const due = yield* store!.schedules.due
    const [schedule] = due.schedules
    const { next, slots: planned } = ScheduleStore.plan(schedule!, due.now)
    const doomed = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const client = new pg.Client(url)
        client.on("error", () => {}) // it is killed
        await client.connect()
        return client
      }),
      (client) => Effect.promise(() => client.end().catch(() => {}))
    )
    const killed = yield* Effect.promise(async () => {
      const { rows: [me] } = await doomed.query("select pg_backend_pid() as pid")
      await doomed.query("begin")
      const { rowCount } = await doomed.query("select * from outrigger.schedule_fire($1, $2, $3, $4)", [schedule!.name, schedule!.revision, planned, next])
      return { pid: me.pid as number, rowCount }
    })
    assert.strictEqual(killed.rowCount, 1)
    const waiting = yield* Effect.forkChild(store!.schedules.fire({ name: "nightly", revision: schedule!.revision, slots: planned, next }), { startImmediately: true })
    const blocked = sql<{ n: number }>`select count(*)::int as n from pg_stat_activity where ${killed.pid} = any(pg_blocking_pids(pid))`
    while ((yield* blocked)[0]!.n === 0) yield* Effect.yieldNow
    yield* sql`select pg_terminate_backend(${killed.pid})`
    assert.strictEqual((yield* Fiber.join(waiting)).length, 1)
    assert.deepStrictEqual((yield* slots(sql)).map(({ n }) => n), [1])
  })))

  it.live("have what a killed one committed, though it never heard of it: it does not fire again", () => bench(({ sql, stores }) => Effect.gen(function*() {
    const [a, b] = stores
    yield* a!.schedules.declare([declaration("nightly", { every: "1 day" })])
    yield* backInTime(sql, 24)
    yield* round(a!) // whose answer is lost
    assert.strictEqual(yield* drain(b!), 0)
    assert.strictEqual((yield* slots(sql)).length, 1)
  })))

  it.live("catch up as they say when the database was away", () => bench(({ sql, stores }) => Effect.gen(function*() {
    yield* stores[0]!.schedules.declare((["skip", "one", "all"] as const).map((catchUp) => declaration(catchUp, { every: "30 days", catchUp })))
    yield* backInTime(sql, 6 * 30 * 24)
    yield* Effect.all(stores.map(drain), { concurrency: "unbounded" })
    const counts = Object.groupBy(yield* slots(sql), ({ name }) => name)
    assert.deepStrictEqual([counts["skip"]?.length, counts["one"]?.length, counts["all"]?.length], [undefined, 1, 6])
    const later = yield* Effect.forEach(["skip", "one", "all"], (name) => Effect.map(stores[1]!.schedules.find(name), (found) => found.valueOrUndefined?.nextSlot))
    assert.strictEqual(new Set(later).size, 1)
  })))

  it.live("go by the server's clock alone, and wake whoever sleeps", () => bench(({ sql, stores }) => Effect.gen(function*() {
    const [store] = stores
    const woken = Latch.makeUnsafe()
    yield* store!.onWake(() => woken.openUnsafe())
    yield* woken.await // it listens
    woken.closeUnsafe()
    const worker = yield* store!.register({ name: "w", lease: 60_000 })
    yield* store!.sleeping(worker, true)
    yield* store!.schedules.declare([declaration("nightly", { every: "1 day" })])
    const { now } = yield* store!.schedules.due
    const [{ server }] = (yield* sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as server`) as readonly [{ readonly server: number }]
    assert.isTrue(now === 0 || now <= server)
    yield* backInTime(sql, 24)
    assert.strictEqual(yield* round(store!), 1)
    yield* woken.await
  })))

  it.live("are looked for by the index of what comes next", () => bench(({ sql, stores }) => Effect.gen(function*() {
    yield* stores[0]!.schedules.declare([declaration("nightly", { every: "1 day" })])
    const plan = (yield* sql.unsafe<Record<string, string>>(`explain ${dueSql}`)).map((row) => Object.values(row)[0]).join("\n")
    assert.include(plan, "schedule_next")
  })))
})
