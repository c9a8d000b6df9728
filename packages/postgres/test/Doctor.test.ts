/** The doctor on a real server, with what ails it made on purpose. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { Doctor, Migrations } from "@outrigger/postgres"
import { freshDatabase } from "../../../test/database.ts"

const database = Effect.gen(function*() {
  const url = Redacted.make(yield* freshDatabase)
  const client = (applicationName: string) =>
    Effect.map(Layer.build(PgClient.layer({ url, applicationName, maxConnections: 1 })), (services) => ({ services, ask: Effect.provide(PgClient.PgClient, services) }))
  const { ask, services } = yield* client("tests")
  return {
    sql: yield* ask,
    migrate: Effect.provide(Migrations.run(), services),
    diagnose: (options?: Doctor.Options) => Effect.provide(Doctor.diagnose(options), services),
    other: (name: string) => Effect.flatMap(client(name), ({ ask }) => ask)
  }
})

const about = (check: string, { findings }: Doctor.Diagnosis) => findings.filter((finding) => finding.check === check)

describe("the doctor", () => {
  it.live("says that there is no schema, or that it is old, and what to do", () => Effect.gen(function*() {
    const { diagnose, migrate, sql } = yield* database
    const [none] = (yield* diagnose()).findings
    assert.deepInclude(none, { check: "schema", severity: "fail", found: "There is no schema of Outrigger in this database" })
    yield* migrate
    yield* sql`delete from outrigger.migration where id = 8`
    const [old] = (yield* diagnose()).findings
    assert.include(old!.found, "The schema lacks the migrations 8")
    assert.include(old!.advice, "outrigger start")
  }).pipe(Effect.scoped))

  it.live("looks at everything, and finds what this server of tests has: no durability", () => Effect.gen(function*() {
    const { diagnose, migrate } = yield* database
    yield* migrate
    const diagnosis = yield* diagnose({ snapshot: "1 day" })
    assert.include(diagnosis.checks, "horizon")
    const ofThisDatabase = diagnosis.findings.filter(({ check }) => check !== "connections") // all tests share the server's
    assert.deepStrictEqual(new Set(ofThisDatabase.map(({ check }) => check)), new Set(["durability"]))
    assert.isTrue(about("durability", diagnosis).some(({ advice }) => advice.includes("alter system set fsync = on")))
  }).pipe(Effect.scoped))

  it.live("names the session that holds the horizon back, what it did last, and how to end it", () => Effect.gen(function*() {
    const { diagnose, migrate, other } = yield* database
    yield* migrate
    const reader = yield* other("a forgotten report")
    yield* reader.withTransaction(Effect.gen(function*() {
      yield* reader`set transaction isolation level repeatable read`
      const [me] = yield* reader<{ pid: number }>`select pg_backend_pid() as pid, 'of the quarter' as report`
      const held = about("horizon", yield* diagnose({ snapshot: "0 seconds" })).find(({ found }) => found.includes("a forgotten report"))
      assert.include(held!.found, `Session ${me!.pid} (a forgotten report, user `)
      assert.include(held!.found, "idle in transaction")
      assert.include(held!.found, "of the quarter")
      assert.include(held!.advice, `pg_terminate_backend(${me!.pid})`)
      assert.deepStrictEqual(about("horizon", yield* diagnose()), [])
    }))
  }).pipe(Effect.scoped))

  it.live("finds tables that nobody vacuums, and the dead rows in them", () => Effect.gen(function*() {
    const { diagnose, migrate, sql } = yield* database
    yield* migrate
    yield* sql`alter table outrigger.task set (autovacuum_enabled = false)`
    yield* sql`insert into outrigger.task (route, priority, payload) select 1, 5, '1' from generate_series(1, 2000)`
    yield* sql`delete from outrigger.task`
    yield* sql`select pg_stat_force_next_flush()`
    const found = about("vacuum", yield* diagnose({ snapshot: "1 day", deadRows: 1000 })).map(({ found }) => found)
    assert.include(found, "task is without autovacuum")
    assert.isTrue(found.some((text) => text.startsWith("outrigger.task has 2000 dead rows beside 0 live ones; it was never vacuumed")))
  }).pipe(Effect.scoped))

  it.live("finds an index that is larger than its rows, and one that a reindex left behind", () => Effect.gen(function*() {
    const { diagnose, migrate, sql } = yield* database
    yield* migrate
    yield* sql`alter table outrigger.task set (autovacuum_enabled = false)`
    yield* sql`insert into outrigger.task (route, priority, payload) select 1, 5, '1' from generate_series(1, 5000)`
    yield* sql`delete from outrigger.task`
    yield* sql`select pg_stat_force_next_flush()` // or the deletes would be counted after the vacuum
    yield* sql`vacuum outrigger.task`
    yield* sql`insert into outrigger.route (queue, name, version) values ('q', 'a', 1), ('q', 'b', 1)`
    yield* Effect.flip(sql`create unique index concurrently left_over on outrigger.route (queue)`)
    const found = about("bloat", yield* diagnose({ snapshot: "1 day", indexSize: 100_000 }))
    assert.isTrue(found.some(({ advice }) => advice === "reindex index concurrently outrigger.task_ready"))
    assert.isTrue(found.some(({ advice }) => advice === "drop index concurrently outrigger.left_over"))
  }).pipe(Effect.scoped))

  it.live("finds finished tasks that lie outside of any day", () => Effect.gen(function*() {
    const { diagnose, migrate, sql } = yield* database
    yield* migrate
    yield* sql`insert into outrigger.finished (id, fence, route, priority, state, attempt, created_at, run_at, finished_at, payload)
      values (1, 1, 1, 5, 'succeeded', 1, now(), now(), '2020-01-01', '1')`
    assert.include(about("partitions", yield* diagnose({ snapshot: "1 day" }))[0]!.found, "1 finished tasks lie outside of any day's partition")
  }).pipe(Effect.scoped))
})
