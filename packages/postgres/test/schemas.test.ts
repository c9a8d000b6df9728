/** Outrigger in a schema of another name, beside one in the schema `outrigger` of the same database. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { BreakerStore, LimiterStore, Tasks, TaskStore } from "@outrigger/sdk"
import { createOutrigger, sharedState, Task as PromiseTask } from "@outrigger/sdk/promise"
import { Migrations, PgBreakerStore, PgLimiterStore, PgSchema, PgTasks, PgTaskStore } from "@outrigger/postgres"
import { PgRateLimiter } from "@outrigger/postgres/effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import pg from "pg"
import { suite as queues } from "../../../test/conformance/TaskQueues.ts"
import { suite, task } from "../../../test/conformance/TaskStore.ts"
import { freshDatabase } from "../../../test/database.ts"

const build = <A, E>(layer: Layer.Layer<A, E>) => Layer.build(Layer.fresh(layer))

/** A store in each of these schemas of one database. */
const storesIn = (url: string, schemas: ReadonlyArray<string | undefined>) => Effect.forEach(schemas, (schema) => Effect.gen(function*() {
  const at = { url: Redacted.make(url), maxConnections: 4 }
  yield* Effect.provide(Migrations.run({ schema }), PgTaskStore.layerPool({ ...at, maxConnections: 1 }))
  return Context.get(yield* build(PgTaskStore.layer({ ...at, schema })), TaskStore.TaskStore)
}))

/** One in `jobs`, beside one that has tasks of the same names and keys, and holds its queues back. */
const beside = Layer.effect(TaskStore.TaskStore, Effect.gen(function*() {
  const [other, jobs] = yield* storesIn(yield* freshDatabase, [undefined, "jobs"])
  yield* other!.enqueue([task(), task({ idempotencyKey: "k1" }), task({ uniqueKey: "u1" }), task({ concurrencyKey: "k" })])
  yield* other!.pauseQueue("default")
  return jobs!
}))

suite("PostgreSQL in another schema", beside)
queues("PostgreSQL in another schema", beside)

/** Both schemas, and their layers, which a host builds over one pool. */
const both = Effect.gen(function*() {
  const url = yield* freshDatabase
  const client = yield* build(PgClient.layer({ url: Redacted.make(url), maxConnections: 6 }))
  const at = <A, E>(schema: string, layer: Layer.Layer<A, E, PgClient.PgClient>) =>
    build(layer.pipe(Layer.provide(PgSchema.layer(schema)), Layer.provide(Layer.succeedContext(client))))
  yield* Effect.provide(Effect.all([Migrations.run(), Migrations.run({ schema: "jobs" })], { concurrency: 2 }), client)
  const sql = Context.get(client, PgClient.PgClient)
  const count = (table: string) => Effect.map(sql.unsafe<{ n: number }>(`select count(*)::int as n from ${table}`), ([row]) => row!.n)
  return { url, at, sql, count }
})

const schema = { "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) } } as const
const Charge = PromiseTask.make("charge", { payload: schema })
const exchange: BreakerStore.Exchange = {
  name: "payments", key: "", instance: "a", turn: 1, generation: 0, vote: false, action: "none", lease: 60_000, quorum: 0.5, minimumVotes: 2, openFor: 1000
}
const ask = (name: string) => ({ name, limit: 3, window: 60_000, burst: 3, process: "p", turn: 1, holds: 0, back: 0, least: 0, want: 2, lease: 60_000 })

describe("two schemas of one database", () => {
  it.live("bring themselves up to date each by itself, and have the same tables, functions and nothing of each other", () => Effect.scoped(Effect.gen(function*() {
    const { sql } = yield* both
    const inside = (schema: string) => sql.unsafe<any>(`
      select relname::text as name from pg_class where relnamespace = '${schema}'::regnamespace
      union all select proname::text from pg_proc where pronamespace = '${schema}'::regnamespace order by 1`)
    assert.deepStrictEqual(yield* inside("jobs"), yield* inside("outrigger"))
    const strangers = yield* sql.unsafe(`select proname::text from pg_proc where pronamespace = 'jobs'::regnamespace and prosrc ~ '\\moutrigger'`)
    assert.deepStrictEqual(strangers, [])
  })))

  it.live("wake their own workers alone", () => Effect.scoped(Effect.gen(function*() {
    const [first, second] = yield* storesIn(yield* freshDatabase, [undefined, "jobs"])
    const woken: Array<string> = []
    const listen = (store: TaskStore.Service, name: string) => Effect.gen(function*() {
      const heard = [yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
      let wakes = 0
      yield* store.onWake(() => {
        woken.push(name)
        Deferred.doneUnsafe(heard[Math.min(1, wakes++)]!, Effect.void)
      })
      yield* Deferred.await(heard[0]) // it listens
      yield* store.sleeping(yield* store.register({ name, lease: 60_000 }), true)
      return heard[1]
    })
    const [, heard] = yield* Effect.all([listen(first!, "outrigger"), listen(second!, "jobs")])
    woken.length = 0
    yield* second!.enqueue([task()])
    yield* Deferred.await(heard)
    assert.deepStrictEqual(woken, ["jobs"])
  })))

  it.live("have tasks, limits and breakers of their own, whoever asks for them", () => Effect.scoped(Effect.gen(function*() {
    const { at, count, url } = yield* both
    const limits = Context.get(yield* at("jobs", PgLimiterStore.layerClient), LimiterStore.LimiterStore)
    const breakers = Context.get(yield* at("jobs", PgBreakerStore.layerClient), BreakerStore.BreakerStore)
    const effects = Context.get(yield* at("jobs", PgRateLimiter.layerStore()), RateLimiter.RateLimiterStore)
    const tasks = Context.get(yield* at("jobs", PgTasks.layer), Tasks.Tasks)
    const pool = yield* Effect.acquireRelease(Effect.sync(() => new pg.Pool({ connectionString: url, max: 2 })), (open) => Effect.promise(() => open.end()))
    yield* limits.take(ask("a"))
    yield* breakers.exchange([exchange])
    yield* effects.fixedWindow({ key: "k", tokens: 1, refillRate: Duration.seconds(1), limit: undefined })
    yield* tasks.enqueue([task()])
    const shared = sharedState(pool, { schema: "jobs" })
    yield* Effect.promise(() => shared.limits.take(ask("b")))
    yield* Effect.promise(() => shared.breakers.exchange([{ ...exchange, name: "other" }]))
    yield* Effect.promise(() => pool.query(createOutrigger({ service: "shop", schema: "jobs" }).enqueueSql(Charge, { n: 1 })))
    yield* Effect.promise(() => pool.query(createOutrigger({ service: "shop", schema: "jobs" }).enqueueManySql(Charge, [{ n: 2 }, { n: 3 }])))
    const names = ["task", "breaker", "shared_limit"]
    for (const name of names) assert.strictEqual(yield* count(`outrigger.${name}`), 0)
    assert.deepStrictEqual(yield* Effect.forEach(names, (name) => count(`jobs.${name}`)), [4, 2, 2])
  })))
})

describe("the name of a schema", () => {
  for (const name of ["", "Jobs", "my-jobs", "1st", "a b", 'x"; drop schema outrigger; --', "pg_jobs", "select", "user", "a".repeat(41)]) {
    it(`is refused when it is ${JSON.stringify(name)}`, () => {
      assert.throws(() => PgSchema.layer(name), RangeError, `schema is ${JSON.stringify(name)}, but must be`)
      assert.throws(() => createOutrigger({ service: "shop", schema: name }), RangeError)
      assert.throws(() => sharedState({ query: async () => ({ rows: [] }) }, { schema: name }), RangeError)
      assert.throws(() => PgTaskStore.layer({ url: Redacted.make("postgres://localhost"), schema: name }), RangeError)
    })
  }
})
