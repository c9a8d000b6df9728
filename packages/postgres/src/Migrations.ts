/**
 * The schema (`outrigger` unless said), brought up to date: numbered migrations, embedded in code, each in a transaction of its own under
 * one advisory lock, so that any number of processes may start at once. Nothing outside the schema is touched.
 *
 * Each migration records the oldest release that still works with it. A process of an older release is refused, with what to
 * do; any other goes on, also one that does not know the newest migrations: a release can be rolled back.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import { TaskStore } from "@outrigger/sdk"
import { statements as tasks } from "./internal/migrations/0001_tasks.ts"
import { statements as breakers } from "./internal/migrations/0002_breakers.ts"
import { statements as effectStores } from "./internal/migrations/0003_effectStores.ts"
import { statements as limits } from "./internal/migrations/0003_limits.ts"
import { statements as enqueueOptions } from "./internal/migrations/0004_enqueueOptions.ts"
import { statements as keys } from "./internal/migrations/0005_keys.ts"
import { statements as schedules } from "./internal/migrations/0006_schedules.ts"
import { statements as queues } from "./internal/migrations/0007_queues.ts"
import { statements as finished } from "./internal/migrations/0008_finished.ts"
import { statements as attemptErrors } from "./internal/migrations/0009_attemptErrors.ts"
import { statements as planned } from "./internal/migrations/0012_planned.ts"
import { sqlOf } from "./internal/sql.ts"
import { PgSchema } from "./PgSchema.ts"

/** One step, and the oldest release that works with the schema after it. */
export interface Migration {
  readonly id: number
  readonly name: string
  readonly oldestRelease: string
  readonly statements: ReadonlyArray<string>
}

/** This release. */
export const release = "0.1.0"

/** All steps, in order. */
export const migrations: ReadonlyArray<Migration> = [
  { id: 1, name: "tasks", oldestRelease: "0.1.0", statements: tasks },
  { id: 2, name: "breakers", oldestRelease: "0.1.0", statements: breakers },
  { id: 3, name: "limits", oldestRelease: "0.1.0", statements: [...limits, ...effectStores] },
  { id: 4, name: "enqueue options", oldestRelease: "0.1.0", statements: enqueueOptions },
  { id: 5, name: "keys", oldestRelease: "0.1.0", statements: keys },
  { id: 6, name: "schedules", oldestRelease: "0.1.0", statements: schedules },
  { id: 7, name: "queues", oldestRelease: "0.1.0", statements: queues },
  { id: 8, name: "finished by day", oldestRelease: "0.1.0", statements: finished },
  { id: 9, name: "errors of attempts", oldestRelease: "0.1.0", statements: attemptErrors },
  { id: 12, name: "planned", oldestRelease: "0.1.0", statements: planned }
]

/** The oldest PostgreSQL that will do. */
const oldestServer = 140_000

/** The schema is newer than this release can work with. */
export class ReleaseTooOld extends Data.TaggedError("ReleaseTooOld")<{
  readonly schema: string
  readonly oldestRelease: string
  readonly release: string
}> {
  override get message() {
    return `The schema "${this.schema}" in this database needs Outrigger ${this.oldestRelease} or later, and this is ${this.release}: update it, or point it at another database`
  }
}

/** The server is older than what Outrigger was made for. */
export class ServerTooOld extends Data.TaggedError("ServerTooOld")<{ readonly version: string }> {
  override get message() {
    return `This PostgreSQL is ${this.version}, and Outrigger needs 14 or later`
  }
}

const parts = (version: string): ReadonlyArray<number> => version.split(/[.-]/).slice(0, 3).map(Number)

/** Whether release `a` is older than `b`. */
export const isOlder = (a: string, b: string): boolean => {
  const [left, right] = [parts(a), parts(b)]
  const at = [0, 1, 2].find((index) => left[index] !== right[index])
  return at !== undefined && left[at]! < right[at]!
}

/** Of the schema `outrigger`; others have keys of their own. */
const lockKey = 7_288_437_001

export interface Options {
  /** The schema to bring up to date; `PgSchema` unless said, which is `outrigger` unless said. */
  readonly schema?: string | undefined
  /** For tests: other steps, and another release than this. */
  readonly migrations?: ReadonlyArray<Migration> | undefined
  readonly release?: string | undefined
}

/**
 * Brings the schema up to date, and gives the migrations that this very call ran.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 * import { PgClient } from "@effect/sql-pg"
import { TaskStore } from "@outrigger/sdk"
 * import { Migrations } from "@outrigger/postgres"
 *
 * const program = Migrations.run().pipe(
 *   Effect.provide(PgClient.layer({ url: Redacted.make("postgres://localhost/app") }))
 * )
 */
export const run = (options: Options = {}): Effect.Effect<
  ReadonlyArray<Migration>, SqlError | ReleaseTooOld | ServerTooOld, PgClient.PgClient
> =>
  Effect.gen(function*() {
    const schema = TaskStore.schemaName(options.schema ?? (yield* PgSchema))
    const sql = sqlOf(yield* PgClient.PgClient, schema)
    const ask = <A extends object>(text: string, values: ReadonlyArray<unknown> = []) => sql.unsafe<A>(text, values).unprepared
    const all = options.migrations ?? migrations
    const mine = options.release ?? release
    const [server] = yield* ask<{ number: number; version: string }>(
      "select current_setting('server_version_num')::int as number, current_setting('server_version') as version")
    if (server!.number < oldestServer) return yield* new ServerTooOld({ version: server!.version })

    const step = Effect.gen(function*() {
      yield* ask("select pg_advisory_xact_lock(case when $2 = $3 then $1::bigint else hashtextextended($2, $1::bigint) end)", [lockKey, schema, TaskStore.defaultSchema])
      yield* ask(`create schema if not exists ${schema}`)
      yield* ask(`create table if not exists outrigger.migration (
        id int primary key, name text not null, oldest_release text not null, applied_at timestamptz not null default now())`)
      const applied = yield* ask<{ id: number; oldest: string }>("select id, oldest_release as oldest from outrigger.migration order by id")
      const tooOld = applied.find(({ oldest }) => isOlder(mine, oldest))
      if (tooOld !== undefined) return yield* new ReleaseTooOld({ schema, oldestRelease: tooOld.oldest, release: mine })
      const next = all.find(({ id }) => !applied.some((done) => done.id === id))
      if (next === undefined) return undefined
      for (const statement of next.statements) yield* ask(statement)
      yield* ask("insert into outrigger.migration (id, name, oldest_release) values ($1, $2, $3)", [next.id, next.name, next.oldestRelease])
      return next
    })

    const ran: Array<Migration> = []
    for (let next = yield* sql.withTransaction(step); next !== undefined; next = yield* sql.withTransaction(step)) ran.push(next)
    return ran
  })
