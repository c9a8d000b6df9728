import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import pg from "pg"
import { Database } from "@outrigger/postgres"
import { Registry } from "@outrigger/sdk"
import { freshDatabase } from "../../../test/database.ts"

interface Fresh {
  readonly fresh: "main"
}

/** A database of its own, and another connection to look from. */
const onFresh = <A, E>(
  body: (Main: Database.DatabaseClass<Fresh, "main">, admin: pg.Client) => Effect.Effect<A, E, Fresh>,
  options: Partial<Database.Options> = {}
) =>
  Effect.scoped(Effect.gen(function*() {
    const url = yield* freshDatabase
    const Main = Database.Service<Fresh>()("main", { url: Redacted.make(url), retry: { times: 2, base: "10 millis" }, ...options })
    const admin = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const client = new pg.Client(url)
        await client.connect()
        return client
      }),
      (client) => Effect.promise(() => client.end())
    )
    return yield* body(Main, admin).pipe(Effect.provide(Layer.provide(Main.layer, Registry.layer)))
  }))

describe("a Database", () => {
  it.live("reads, writes, and does a transaction as a whole or not at all", () => onFresh((Main) => Effect.gen(function*() {
    yield* Main.write((sql) => sql`create table t (n int)`)
    yield* Effect.exit(Main.transaction(Effect.andThen(Main.write((sql) => sql`select 1`), Effect.fail("undo"))))
    yield* Main.transaction(Main.use(({ sql }) => Effect.andThen(sql`insert into t values (1)`, sql`insert into t values (2)`)))
    yield* Effect.exit(Main.transaction(Main.use(({ sql }) => Effect.andThen(sql`insert into t values (3)`, Effect.fail("undo")))))
    assert.deepStrictEqual(yield* Main.read((sql) => sql`select n from t order by n`), [{ n: 1 }, { n: 2 }])
  })))

  it.live("cancels on the server what takes too long", () => onFresh((Main, admin) => Effect.gen(function*() {
    const exit = yield* Effect.exit(Main.read((sql) => sql`select pg_sleep(60) as named_by_this_test`))
    assert.isTrue(Exit.isFailure(exit))
    const running = async (): Promise<number> => (await admin.query(`select 1 from pg_stat_activity where query like '%named_by_this_test%' and state = 'active' and pid <> pg_backend_pid()`)).rows.length
    while ((yield* Effect.promise(running)) > 0) yield* Effect.yieldNow
  }), { queryTimeout: { read: "100 millis" }, retry: false }))

  it.live("repeats a read whose connection was cut, and never a write that may have been applied", () => onFresh((Main, admin) => Effect.gen(function*() {
    yield* Main.write((sql) => sql`create sequence counted`)
    const cut = (kind: "read" | "write") => Effect.gen(function*() {
      const query = kind === "read"
        ? Main.read((sql) => sql`select nextval('counted'), pg_sleep(case when currval('counted') % 2 = 1 then 30 else 0 end)`)
        : Main.write((sql) => sql`select nextval('counted'), pg_sleep(case when currval('counted') % 2 = 1 then 30 else 0 end)`)
      const fiber = yield* Effect.forkChild(Effect.exit(query))
      const kill = async () => (await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`)).rows.length
      while ((yield* Effect.promise(kill)) === 0) yield* Effect.yieldNow
      return yield* Fiber.join(fiber)
    })
    assert.isTrue(Exit.isSuccess(yield* cut("read")))
    assert.isTrue(Exit.isFailure(yield* cut("write")))
  })))

  it.live("does not repeat what no repetition mends", () => onFresh((Main) => Effect.gen(function*() {
    yield* Main.write((sql) => sql`create sequence counted`)
    const error = yield* Effect.flip(Main.read((sql) => sql`select nextval('counted'), 1 / 0`))
    assert.strictEqual((error as { readonly _tag: string })._tag, "SqlError")
    assert.deepStrictEqual(yield* Main.read((sql) => sql`select last_value::int as n from counted`), [{ n: 1 }])
  })))
})
