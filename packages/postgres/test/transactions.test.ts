/** Enqueuing in the host's own transaction, from every client that hosts use. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import pg from "pg"
import postgres from "postgres"
import { PgClient } from "@effect/sql-pg"
import { Migrations, PgTasks, PgTaskStore } from "@outrigger/postgres"
import { Task, Tasks, TaskStore } from "@outrigger/sdk"
import { createOutrigger, Task as PromiseTask } from "@outrigger/sdk/promise"
import { freshDatabase } from "../../../test/database.ts"

const schema = { "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) } } as const
const Charge = PromiseTask.make("charge", { payload: schema })
const Welcome = Task.make("welcome", { payload: { user: Schema.String } })
const { enqueueSql } = createOutrigger({ service: "shop" })
const charge = enqueueSql.bind(createOutrigger({ service: "shop" }), Charge)

const withStore = <A, E>(body: (url: string) => Effect.Effect<A, E, TaskStore.TaskStore | Tasks.Tasks | PgClient.PgClient>) =>
  Effect.scoped(Effect.flatMap(freshDatabase, (url) => body(url).pipe(Effect.provide(
    Layer.merge(PgTaskStore.layerClient, PgTasks.layer).pipe(
      Layer.provideMerge(Layer.effectDiscard(Migrations.run())),
      Layer.provideMerge(PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 6 }))
    )
  ))))
const count = TaskStore.TaskStore.use((store) => Effect.map(store.list({ limit: 500 }), ({ tasks }) => tasks.length))

describe("outrigger.enqueue", () => {
  it.live("takes part in a transaction of pg: saved with it, gone with it", () => withStore((url) => Effect.gen(function*() {
    const client = new pg.Client(url)
    const run = (text: string | { readonly text: string; readonly values: Array<string> }) => Effect.promise(() => client.query(text))
    yield* Effect.promise(() => client.connect())
    yield* run("begin")
    yield* run(charge({ n: 1 }))
    assert.strictEqual(yield* count, 0)
    yield* run("rollback")
    assert.strictEqual(yield* count, 0)
    yield* run("begin")
    const { rows: [{ id }] } = yield* run(charge({ n: 2 }, { priority: 3, metadata: { tenant: "t" } }))
    yield* run("commit")
    yield* Effect.promise(() => client.end())
    const store = yield* TaskStore.TaskStore
    const [task] = (yield* store.list({ limit: 10 })).tasks
    assert.deepInclude(task, { id, name: "charge", payload: { n: 2 }, priority: 3, metadata: { tenant: "t" } })
  })))

  it.live("takes part in a transaction of postgres.js", () => withStore((url) => Effect.gen(function*() {
    const client = postgres(url, { max: 1, onnotice: () => {} })
    yield* Effect.promise(() => client.begin(async (sql) => {
      const { text, values } = charge({ n: 1 })
      await sql.unsafe(text, values)
    }))
    yield* Effect.promise(() => client.begin(async (sql) => {
      const { text, values } = charge({ n: 2 })
      await sql.unsafe(text, values)
      throw new Error("undo")
    }).catch(() => undefined))
    yield* Effect.promise(() => client.end())
    assert.strictEqual(yield* count, 1)
  })))

  it.live("takes the queue and priority of the definition, when a worker has announced one", () => withStore((url) => Effect.gen(function*() {
    const store = yield* TaskStore.TaskStore
    yield* store.define([TaskStore.defineTask("bill", { queue: "money", priority: 2 })])
    const client = new pg.Client(url)
    yield* Effect.promise(() => client.connect())
    yield* Effect.promise(() => client.query(`select outrigger.enqueue('bill', '{"n":1}')`))
    yield* Effect.promise(() => client.end())
    assert.deepInclude((yield* store.list({ limit: 1 })).tasks[0], { queue: "money", priority: 2 })
  })))

  for (const [what, statement, code] of [
    ["a key with another payload", `select outrigger.enqueue('a', '1', '{"idempotencyKey":"k"}'), outrigger.enqueue('a', '2', '{"idempotencyKey":"k"}')`, "OR409"],
    ["a name that is none", `select outrigger.enqueue('a b', '1')`, "OR422"],
    ["a priority over 9", `select outrigger.enqueue('a', '1', '{"priority":10}')`, "OR422"],
    ["a negative delay", `select outrigger.enqueue('a', '1', '{"delay":-1}')`, "OR422"],
    ["no payload", `select outrigger.enqueue('a', null)`, "OR422"]
  ] as const) {
    it.live(`refuses ${what}, and enqueues nothing`, () => withStore((url) => Effect.gen(function*() {
      const client = new pg.Client(url)
      yield* Effect.promise(() => client.connect())
      const error = yield* Effect.promise(() => client.query(statement).then(() => undefined, (error: { readonly code: string }) => error))
      yield* Effect.promise(() => client.end())
      assert.strictEqual(error?.code, code)
      assert.strictEqual(yield* count, 0)
    })))
  }

  it.live("waits for whoever is just using the key, and is theirs only when they commit", () => withStore((url) => Effect.gen(function*() {
    const [a, b] = [new pg.Client(url), new pg.Client(url)]
    yield* Effect.promise(() => Promise.all([a.connect(), b.connect()]))
    yield* Effect.promise(() => a.query("begin"))
    yield* Effect.promise(() => a.query(charge(1, { idempotencyKey: "k" })))
    const waiting = b.query(charge(1, { idempotencyKey: "k" }))
    yield* Effect.promise(() => a.query("rollback"))
    const { rows } = yield* Effect.promise(() => waiting)
    yield* Effect.promise(() => Promise.all([a.end(), b.end()]))
    const store = yield* TaskStore.TaskStore
    assert.deepStrictEqual((yield* store.list({ limit: 10 })).tasks.map(({ id }) => id), [rows[0].id])
  })))
})

describe("PgTasks", () => {
  it.live("takes part in the caller's transaction", () => withStore(() => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    yield* Effect.exit(sql.withTransaction(Effect.andThen(Welcome.enqueue({ user: "ada" }), Effect.fail("undo"))))
    assert.strictEqual(yield* count, 0)
    yield* sql.withTransaction(Welcome.enqueue({ user: "ada" }))
    assert.strictEqual(yield* count, 1)
  })))

  it.live("wakes who sleeps when it is told of a commit, and sends nothing before, or when nobody sleeps", () => withStore((url) => Effect.gen(function*() {
    const [sql, tasks] = [yield* PgClient.PgClient, yield* Tasks.Tasks]
    const listener = new pg.Client(url)
    const heard: Array<string | undefined> = []
    const all = new Promise<void>((resolve) => listener.on("notification", ({ payload }) => {
      heard.push(payload)
      if (payload === "end") resolve()
    }))
    yield* Effect.promise(() => listener.connect())
    yield* Effect.promise(() => listener.query("listen outrigger_wake"))
    yield* sql`insert into outrigger.sleeper (worker) values (1)`
    yield* sql.withTransaction(Effect.andThen(Welcome.enqueue({ user: "ada" }), tasks.wake))
    assert.strictEqual(yield* count, 1)
    yield* tasks.wake
    yield* sql`delete from outrigger.sleeper`
    yield* tasks.wake
    yield* sql`select pg_notify('outrigger_wake', 'end')`
    yield* Effect.promise(() => all)
    yield* Effect.promise(() => listener.end())
    assert.deepStrictEqual(heard, ["", "end"])
  })))

  it.live("gathers what is enqueued at once, and gives each caller its own answer", () => withStore(() => Effect.gen(function*() {
    const tasks = yield* Tasks.Tasks
    const one = (n: number, key?: string) => ({ name: "x", version: 1, queue: "default", payload: n, priority: 5, delay: 0, idempotencyKey: key })
    const all = yield* Effect.all([
      ...Array.from({ length: 60 }, (_, n) => Effect.exit(tasks.enqueue([one(n)]))),
      Effect.exit(tasks.enqueue([one(-1, "k")])), Effect.exit(tasks.enqueue([one(-2, "k")]))
    ], { concurrency: "unbounded" })
    const failed = all.filter(({ _tag }) => _tag === "Failure")
    assert.deepStrictEqual([all.length, failed.length, yield* count], [62, 1, 61])
  })))
})
