/** All that the task store promises, through PgBouncer in transaction mode; and how it knows that it goes through one. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { PgClient } from "@effect/sql-pg"
import { Executor } from "@outrigger/executor"
import { Database, Migrations, PgTasks, PgTaskStore } from "@outrigger/postgres"
import { Registry, Task, TaskHandlers, TaskStore } from "@outrigger/sdk"
import { createOutrigger, Task as PromiseTask } from "@outrigger/sdk/promise"
import pg from "pg"
import { afterAll, beforeAll, inject } from "vitest"
import { suite as queues } from "../../../test/conformance/TaskQueues.ts"
import { suite } from "../../../test/conformance/TaskStore.ts"
import { freshDatabase } from "../../../test/database.ts"
import { planner } from "../src/internal/claim/statements.ts"
import { type Pooler, startPooler } from "../../../test/pgbouncer.ts"

let pooler: Pooler
beforeAll(async () => {
  pooler = await startPooler(inject("databaseUrl"))
})
afterAll(() => pooler.stop())

const pool = (url: string, maxConnections = 5) => PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections })
const migrated = Effect.tap(freshDatabase, (url) => Effect.provide(Migrations.run(), pool(pooler.through(url), 1)))
const layer = Layer.unwrap(Effect.map(migrated, (url) => Layer.provide(PgTaskStore.layerClient, pool(pooler.through(url)))))

suite("PostgreSQL through a pooler", layer)
queues("PostgreSQL through a pooler", layer)

const Count = Task.make("count", { payload: { n: Schema.Number }, retry: { times: 5, base: "100 millis", jitter: "none" } })

/** A worker that notes what it ran. */
const worker = (url: string, ran: (n: number) => void) => Executor.layer({ concurrency: 20 }).pipe(
  Layer.provide(Count.toLayer(({ n }) => Effect.sync(() => ran(n)))),
  Layer.provideMerge(Layer.provideMerge(PgTasks.layer, Layer.provideMerge(PgTaskStore.layerClient, pool(url)))),
  Layer.provide([TaskHandlers.layer, Registry.layer])
)

/** What is logged meanwhile. */
const lines = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.gen(function*() {
  const said: Array<string> = []
  const answer = yield* Effect.provide(effect, Logger.layer([Logger.make(({ message }) => { said.push(String(message)) })]))
  return [answer, said] as const
})

/** A session beside the pooler. */
const aside = (url: string) => Effect.map(Effect.acquireRelease(
  Effect.promise(async () => {
    const client = new pg.Client(url)
    client.on("error", () => {})
    await client.connect()
    return client
  }),
  (client) => Effect.promise(() => client.end())
), (client) => (text: string, values: Array<string> = []) => Effect.promise(async () => (await client.query(text, values)).rows as ReadonlyArray<any>))

const untilOver = (ask: (text: string) => Effect.Effect<ReadonlyArray<any>>, count: number): Effect.Effect<void> =>
  Effect.flatMap(ask("select from outrigger.finished where state = 'succeeded'"), ({ length }) =>
    length >= count ? Effect.void : Effect.andThen(Effect.yieldNow, untilOver(ask, count)))

describe("an executor through a pooler", () => {
  it.live("runs hundreds of tasks by polling, and says so once", () => Effect.scoped(Effect.gen(function*() {
    const url = yield* migrated
    const ask = yield* aside(url)
    const ran = new Map<number, number>()
    const [, said] = yield* lines(Effect.gen(function*() {
      yield* Effect.forEach(Array.from({ length: 300 }, (_, n) => n), (n) => Count.enqueue({ n }), { concurrency: 50 })
      yield* untilOver(ask, 300)
    }).pipe(Effect.provide(worker(pooler.through(url), (n) => ran.set(n, (ran.get(n) ?? 0) + 1)))))
    assert.deepStrictEqual([ran.size, Math.max(...ran.values())], [300, 1])
    assert.deepStrictEqual(said.filter((line) => line.includes("pooler")), ["The database is reached through a pooler: notifications fall back to polling"])
  })))

  it.live("announces no sleep, which would make every enqueue notify in vain", () => Effect.scoped(Effect.gen(function*() {
    const url = yield* migrated
    const ask = yield* aside(url)
    const announced = (through: string) => Effect.gen(function*() {
      const store = yield* TaskStore.TaskStore
      yield* store.sleeping(yield* store.register({ name: "w", lease: 60_000 }), true)
      return (yield* ask("select from outrigger.sleeper")).length
    }).pipe(Effect.provide(Layer.provide(PgTaskStore.layerClient, pool(through, 2))))
    assert.deepStrictEqual([yield* announced(pooler.through(url)), yield* announced(url)], [0, 1])
  })))

  it.live("goes on when the pooler is restarted under load, and loses nothing", () => Effect.scoped(Effect.gen(function*() {
    const url = yield* migrated
    const ask = yield* aside(url)
    const other = yield* Effect.promise(() => startPooler(inject("databaseUrl")))
    yield* Effect.addFinalizer(() => Effect.promise(other.stop))
    const ran = new Set<number>()
    const busy = Promise.withResolvers<void>()
    const tasks = Array.from({ length: 400 }, (_, n) => n)
    yield* lines(Effect.gen(function*() {
      const store = yield* TaskStore.TaskStore
      yield* store.enqueue(tasks.map((n) => ({ name: "count", version: 1, queue: "default", payload: { n }, priority: 5, delay: n })))
      yield* Effect.promise(() => busy.promise)
      yield* Effect.promise(other.stop)
      yield* Effect.promise(other.start)
      yield* untilOver(ask, 400)
    }).pipe(Effect.provide(worker(other.through(url), (n) => {
      ran.add(n)
      if (ran.size === 20) busy.resolve()
    }))))
    assert.strictEqual(ran.size, 400)
    assert.deepStrictEqual(yield* ask("select id from outrigger.finished group by id having count(*) > 1"), [])
    assert.deepStrictEqual(yield* ask("select from outrigger.task"), [])
  })), 60_000)

  it.live("plans as a pool of its own does, and leaves nothing set on a session that others get", () => Effect.scoped(Effect.gen(function*() {
    const url = yield* migrated
    const settings = `select ${Object.keys(planner).map((name) => `current_setting('${name}') as ${name}`).join(", ")}`
    const [inside, outside] = yield* Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      return [yield* sql.unsafe("select outrigger.planned($1) as row", [settings]), yield* sql.unsafe(settings)]
    }).pipe(Effect.provide(pool(pooler.through(url), 1)))
    const own = yield* Effect.provide(PgClient.PgClient.use((sql) => sql.unsafe(settings)), pool(url, 1))
    assert.deepStrictEqual([inside, own], [[{ row: planner }], [planner]])
    assert.deepStrictEqual(outside, [{ plan_cache_mode: "auto", enable_seqscan: "on", enable_bitmapscan: "on", enable_sort: "on", jit: "on" }])
  })))
})

describe("an enqueue through a pooler", () => {
  const schema = { "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) } } as const
  const Charge = PromiseTask.make("charge", { payload: schema })

  it.live("takes part in a transaction of the host, over its own client and over pg", () => Effect.scoped(Effect.gen(function*() {
    const url = yield* migrated
    const host = PgClient.layer({ url: Redacted.make(pooler.through(url)), maxConnections: 4, prepare: false })
    const ask = yield* aside(url)
    yield* Effect.gen(function*() {
      const sql = yield* PgClient.PgClient
      yield* Effect.exit(sql.withTransaction(Effect.andThen(Count.enqueue({ n: 1 }), Effect.fail("undo"))))
      yield* Effect.forEach([2, 3, 4, 5, 6, 7], (n) => sql.withTransaction(Count.enqueue({ n })), { concurrency: 4 })
      yield* Effect.forEach([8, 9, 10], (n) => Count.enqueue({ n }), { concurrency: "unbounded" })
    }).pipe(Effect.provide(Layer.provideMerge(PgTasks.layer, host)))
    const pooled = yield* aside(pooler.through(url))
    const { text, values } = createOutrigger({ service: "shop" }).enqueueSql(Charge, { n: 11 })
    yield* pooled("begin")
    yield* pooled(text, values)
    yield* pooled("commit")
    const rows = yield* ask("select payload from outrigger.task order by id")
    assert.sameMembers(rows.map(({ payload: { n } }) => n), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })))
})

describe("a pooler", () => {
  const found = (url: string) => PgTaskStore.poolerBefore(Redacted.make(url))

  it.live("is known by what it refuses, or by the URL; a database of one's own is none, and one that is away is an error", () => Effect.scoped(Effect.gen(function*() {
    const url = yield* freshDatabase
    assert.strictEqual(yield* found(pooler.through(url)), true)
    assert.strictEqual(yield* found(url), false)
    assert.strictEqual(yield* found("postgres://127.0.0.1:1/x?pgbouncer=true"), true)
    assert.strictEqual((yield* Effect.flip(found("postgres://127.0.0.1:1/x")))._tag, "SqlError")
  })))

  it.live("is worked through by a Database that is told of it, with its deadlines kept by the client", () => Effect.scoped(Effect.gen(function*() {
    const url = yield* freshDatabase
    class Main extends Database.Service<Main>()("main", { url: Redacted.make(`${pooler.through(url)}?pgbouncer=true`), pool: { max: 8 } }) {}
    yield* Effect.gen(function*() {
      yield* Main.write((sql) => sql`create table t (n int)`)
      yield* Effect.forEach(Array.from({ length: 40 }, (_, n) => n), (n) =>
        Main.transaction(Main.use(({ sql }) => sql`insert into t values (${n})`)), { concurrency: 8 })
      const counts = yield* Effect.forEach(Array.from({ length: 20 }, () => 0), () => Main.read((sql) => sql<{ n: number }>`select count(*)::int as n from t`), { concurrency: 8 })
      assert.isTrue(counts.every(([row]) => row!.n === 40))
      assert.strictEqual((yield* Effect.flip(Main.read((sql) => sql`select pg_sleep(60)`).pipe(Effect.timeout("200 millis"))))._tag, "TimeoutError")
      assert.strictEqual((yield* Main.read((sql) => sql<{ n: number }>`select count(*)::int as n from t`))[0]!.n, 40)
    }).pipe(Effect.provide(Layer.provide(Main.layer, Registry.layer)))
  })))
})
