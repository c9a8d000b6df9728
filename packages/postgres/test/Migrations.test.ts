import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { Migrations } from "@outrigger/postgres"
import { freshDatabase } from "../../../test/database.ts"

const client = (url: string) => PgClient.layer({ url: Redacted.make(url), maxConnections: 3 })
const onFresh = <A, E>(body: (url: string) => Effect.Effect<A, E, PgClient.PgClient>) =>
  Effect.scoped(Effect.flatMap(freshDatabase, (url) => Effect.provide(body(url), client(url))))
const step = (id: number, oldestRelease: string, ...statements: ReadonlyArray<string>): Migrations.Migration => ({ id, name: `step ${id}`, oldestRelease, statements })

describe("migrations", () => {
  it.live("run once, however many processes start at once", () => onFresh((url) => Effect.gen(function*() {
    const ran = yield* Effect.all(Array.from({ length: 10 }, () => Migrations.run().pipe(Effect.provide(client(url)))), { concurrency: "unbounded" })
    assert.deepStrictEqual(ran.flat().map(({ id }) => id).sort((a, b) => a - b), Migrations.migrations.map(({ id }) => id)) // whoever ran which
  })))

  it.live("touch nothing outside the schema", () => onFresh(() => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const outside = sql<{ count: number }>`select count(*)::int as count from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'`
    yield* sql`create table mine (id int)`
    const before = yield* outside
    yield* Migrations.run()
    assert.deepStrictEqual(yield* outside, before)
  })))

  it.live("go on from where they were, and keep what is there when one fails", () => onFresh(() => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const first = step(1, "1.0.0", "create table outrigger.a (id int)")
    const broken = step(2, "1.0.0", "create table outrigger.b (id int)", "create table outrigger.a (id int)")
    yield* Migrations.run({ migrations: [first], release: "1.0.0" })
    yield* Effect.flip(Migrations.run({ migrations: [first, broken], release: "1.1.0" }))
    assert.deepStrictEqual(yield* sql`select to_regclass('outrigger.b')::text as b`, [{ b: null }])
    const mended = yield* Migrations.run({ migrations: [first, step(2, "1.0.0", "create table outrigger.b (id int)")], release: "1.1.0" })
    assert.deepStrictEqual(mended.map(({ id }) => id), [2])
  })))

  it.live("let an older release go on, so that a release can be rolled back, and refuse one that is too old", () => onFresh(() => Effect.gen(function*() {
    const steps = [step(1, "1.0.0"), step(2, "1.2.0")]
    yield* Migrations.run({ migrations: steps, release: "1.3.0" })
    assert.deepStrictEqual(yield* Migrations.run({ migrations: steps.slice(0, 1), release: "1.2.5" }), [])
    const error = yield* Effect.flip(Migrations.run({ migrations: steps.slice(0, 1), release: "1.1.9" }))
    assert.strictEqual(error._tag, "ReleaseTooOld")
    assert.match(error.message, /needs Outrigger 1\.2\.0 or later, and this is 1\.1\.9: update it/)
  })))

  it("compare releases as numbers", () => {
    assert.deepStrictEqual([["1.9.0", "1.10.0"], ["2.0.0", "1.9.9"], ["1.2.3", "1.2.3"]].map(([a, b]) => Migrations.isOlder(a!, b!)), [true, false, false])
  })
})
