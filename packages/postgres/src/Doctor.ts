/**
 * What is wrong with the database as far as tasks are concerned: each finding says what was seen, why it matters, and what to do.
 *
 * The gravest is a session that holds the horizon back: as long as its snapshot lives, no dead row anywhere in the database can be
 * removed, and every queue on it gets slower. The doctor names it. It reads catalogues and statistics alone, and changes nothing.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import { TaskStore } from "@outrigger/sdk"
import { type Examination, examinationsOf, type Finding } from "./internal/examinations.ts"
import { type Sql, sqlOf } from "./internal/sql.ts"
import * as Migrations from "./Migrations.ts"
import { PgSchema } from "./PgSchema.ts"

export type { Finding, Severity } from "./internal/examinations.ts"

/** From where on something counts as a finding. */
export interface Options {
  /** The schema to look at; `PgSchema` unless said, which is `outrigger` unless said. */
  readonly schema?: string | undefined
  /** How long a snapshot may be held; 1 minute unless said. Five times as long is a `fail`. */
  readonly snapshot?: Duration.Input | undefined
  /** Of one table, when they are more than five times those that live; 100 000 unless said. */
  readonly deadRows?: number | undefined
  /** An index below this size is never called bloated, bytes; 64 MiB unless said. */
  readonly indexSize?: number | undefined
}

/** What the doctor looked at, and what it found. */
export interface Diagnosis {
  readonly server: string
  readonly checks: ReadonlyArray<string>
  readonly findings: ReadonlyArray<Finding>
}

const examine = (sql: Sql, { check, findingOf, statement }: Examination): Effect.Effect<ReadonlyArray<Finding>, SqlError> =>
  Effect.map(sql.unsafe<any>(statement), (rows) => rows.map((row) => {
    const { advice, found, ...rest } = findingOf(row)
    return { check, ...rest, found: sql.render(found), advice: sql.render(advice) }
  }))

const missingSchema = (found: string): Finding => ({
  check: "schema", severity: "fail", found, advice: "Start the sidecar once (outrigger start): it brings the schema up to date"
})

/**
 * Looks at everything; fails only when the database cannot be asked.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 * import { PgClient } from "@effect/sql-pg"
 * import { Doctor } from "@outrigger/postgres"
 *
 * const diagnosis = Doctor.diagnose().pipe(Effect.provide(PgClient.layer({ url: Redacted.make("postgres://localhost/app") })))
 */
export const diagnose = ({
  deadRows = 100_000, indexSize = 64 * 1024 * 1024, schema, snapshot = "1 minute"
}: Options = {}): Effect.Effect<Diagnosis, SqlError, PgClient.PgClient> => Effect.gen(function*() {
  const sql = sqlOf(yield* PgClient.PgClient, TaskStore.schemaName(schema ?? (yield* PgSchema)))
  const [about] = yield* sql.unsafe<{ server: string; there: boolean }>(
    "select current_setting('server_version') as server, to_regclass('outrigger.migration') is not null as there")
  const { server, there } = about!
  if (!there) return { server, checks: ["schema"], findings: [missingSchema("There is no schema of Outrigger in this database")] }
  const applied = yield* sql.unsafe<{ id: number }>("select id from outrigger.migration")
  const missing = Migrations.migrations.filter(({ id }) => !applied.some((done) => done.id === id))
  if (missing.length > 0) {
    const names = missing.map(({ id, name }) => `${id} (${name})`).join(", ")
    return { server, checks: ["schema"], findings: [missingSchema(`The schema lacks the migrations ${names}`)] }
  }
  const examinations = examinationsOf({ deadRows, indexSize, snapshot: Duration.toSeconds(Duration.fromInputUnsafe(snapshot)) })
  const findings = yield* Effect.forEach(examinations, (examination) => examine(sql, examination))
  return { server, checks: ["schema", ...new Set(examinations.map(({ check }) => check))], findings: findings.flat() }
})
