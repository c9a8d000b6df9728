/** What PostgreSQL itself is told of a deadline. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { PgClient } from "@effect/sql-pg"
import pg from "pg"
import { Database } from "@outrigger/postgres"
import { Deadline, Registry } from "@outrigger/sdk"
import { freshDatabase } from "../../../test/database.ts"

interface Fresh {
  readonly fresh: "main"
}
type Main = Database.DatabaseClass<Fresh, "main">

/** One connection, so that whoever comes next has the one that was used before; and another to look from. */
const onFresh = <A, E>(body: (Main: Main, admin: pg.Client, url: string) => Effect.Effect<A, E, Fresh>, options: Partial<Database.Options> = {}) =>
  Effect.scoped(Effect.gen(function*() {
    const url = yield* freshDatabase
    const Main = Database.Service<Fresh>()("main", { url: Redacted.make(url), pool: { max: 1 }, retry: false, ...options })
    const admin = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const client = new pg.Client(url)
        await client.connect()
        return client
      }),
      (client) => Effect.promise(() => client.end())
    )
    return yield* body(Main, admin, url).pipe(Effect.provide(Layer.provide(Main.layer, Registry.layer)))
  }))

interface Session { readonly millis: number; readonly pid: number }
const session = (sql: PgClient.PgClient) =>
  Effect.map(sql<Session>`select setting::int as millis, pg_backend_pid() as pid from pg_settings where name = 'statement_timeout'`, (rows) => rows[0]!)
/** A deadline that was `most` ms away, and the tenth of a second by which PostgreSQL is later. */
const within = (millis: number, most: number) => assert.isTrue(millis >= 100 && millis <= most + 100, `${millis} is not within 100 and ${most + 100}`)
const active = async (admin: pg.Client): Promise<number> =>
  (await admin.query(`select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and datname = current_database()`)).rows.length

describe("a statement of a Database", () => {
  it.live("is ended by PostgreSQL at the longest of all limits", () => onFresh((Main) => Effect.gen(function*() {
    assert.strictEqual((yield* Main.read(session)).millis, 20_100)
    assert.strictEqual((yield* Main.use(({ sql }) => session(sql))).millis, 20_100)
  }), { queryTimeout: { read: "3 seconds", write: "20 seconds", analytics: "4 seconds" } }))

  it.live("has the limit that the host says instead, or the server's own", () => Effect.gen(function*() {
    const own = (statementTimeout: Database.Options["statementTimeout"]) => onFresh((Main) => Main.read(session).pipe(Deadline.within("1 minute")), { statementTimeout })
    assert.strictEqual((yield* own("45 seconds")).millis, 45_000)
    assert.strictEqual((yield* own(false)).millis, 0)
  }))

  it.live("has the caller's time where that is shorter, on a connection that is then as before", () => onFresh((Main) => Effect.gen(function*() {
    const before = yield* Main.read(session)
    for (const ask of [Main.read(session), Main.write(session), Main.analytics(session)]) {
      const inside = yield* Deadline.within("2 seconds")(ask)
      within(inside.millis, 2000)
      assert.deepStrictEqual([yield* Main.read(session), inside.pid], [before, before.pid])
    }
  })))

  it.live("leaves nothing behind that its error or its deadline ended: no statement, and no limit", () => onFresh((Main, admin) => Effect.gen(function*() {
    const before = (yield* Main.read(session)).millis
    const failed = yield* Effect.exit(Main.read((sql) => sql`select 1 / 0`).pipe(Deadline.within("2 seconds")))
    const ended = yield* Effect.flip(Main.read((sql) => sql`select pg_sleep(60)`).pipe(Deadline.within("150 millis")))
    assert.isTrue(Exit.isFailure(failed))
    assert.include(["CallTimeoutError", "SqlError"], (ended as { readonly _tag: string })._tag) // a process that is held up hears PostgreSQL first
    assert.strictEqual((yield* Main.read(session)).millis, before)
    assert.strictEqual(yield* Effect.promise(() => active(admin)), 0)
  })))

  it.live("sets nothing on a session that is shared with strangers", () => onFresh((Main) => Effect.gen(function*() {
    assert.strictEqual((yield* Main.read(session).pipe(Deadline.within("2 seconds"))).millis, 0)
    const inside = yield* Main.transaction(Main.use(({ sql }) => session(sql))).pipe(Deadline.within("2 seconds"))
    within(inside.millis, 2000)
  }), { statementTimeout: false }))

  it.live("runs beside others of its kind, and beside a transaction that is begun by hand", () => onFresh((Main) => Effect.gen(function*() {
    const [one, two, own] = yield* Main.read((sql) =>
      Effect.all([session(sql), session(sql), sql.withTransaction(session(sql))], { concurrency: "unbounded" })).pipe(Deadline.within("4 seconds"))
    within(one.millis, 4000)
    within(two.millis, 4000)
    assert.strictEqual(own.millis, 30_100)
  }), { pool: { max: 3 } }))

  it.live("ends on the server though its process was killed", () => onFresh((_, admin, url) => Effect.gen(function*() {
    const child = spawn(process.execPath, ["--conditions", "outrigger-source", fileURLToPath(new URL("support/orphan.ts", import.meta.url)), url], { stdio: "ignore" })
    const asleep = async () => (await admin.query(`select 1 from pg_stat_activity where query like '%orphaned%' and wait_event = 'PgSleep' and datname = current_database()`)).rows.length
    while ((yield* Effect.promise(asleep)) === 0) yield* Effect.yieldNow
    child.kill("SIGKILL")
    while ((yield* Effect.promise(asleep)) > 0) yield* Effect.yieldNow
  })))
})

describe("a transaction of a Database", () => {
  it.live("has the caller's time, and its connection is then as before, committed or rolled back", () => onFresh((Main) => Effect.gen(function*() {
    const before = yield* Main.read(session)
    const inside = yield* Main.transaction(Main.use(({ sql }) => session(sql))).pipe(Deadline.within("2 seconds"))
    within(inside.millis, 2000)
    assert.deepStrictEqual([inside.pid, yield* Main.read(session)], [before.pid, before])
    yield* Effect.exit(Main.transaction(Effect.fail("undo")).pipe(Deadline.within("2 seconds")))
    assert.deepStrictEqual(yield* Main.read(session), before)
  })))

  it.live("keeps its limit when one inside it is in more of a hurry, and so do the reads inside", () => onFresh((Main) => Effect.gen(function*() {
    const read = Main.use(({ sql }) => session(sql))
    const [outer, inner, hurried, after] = yield* Main.transaction(Effect.all([
      read, Main.transaction(read).pipe(Deadline.within("2 seconds")), Main.read(session).pipe(Deadline.within("2 seconds")), read
    ]))
    assert.deepStrictEqual([inner, hurried, after], [outer, outer, outer])
  })))

  it.live("is cancelled on the server when its caller leaves, and rolled back", () => onFresh((Main, admin) => Effect.gen(function*() {
    yield* Main.write((sql) => sql`create table t (n int)`)
    const slow = Main.transaction(Main.use(({ sql }) => Effect.andThen(sql`insert into t values (1)`, sql`select pg_sleep(60)`))).pipe(Deadline.within("8 seconds"))
    const fiber = yield* Effect.forkChild(slow)
    const asleep = async () => (await admin.query(`select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`)).rows.length
    while ((yield* Effect.promise(asleep)) === 0) yield* Effect.yieldNow
    yield* Fiber.interrupt(fiber)
    assert.strictEqual(yield* Effect.promise(() => active(admin)), 0)
    assert.deepStrictEqual(yield* Main.read((sql) => sql`select n from t`), [])
    assert.strictEqual((yield* Main.read(session)).millis, 30_100)
  })))
})
