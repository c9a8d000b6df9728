/**
 * Whether a pooler that shares sessions (PgBouncer in transaction mode, and its like) stands before a database. A URL may say so
 * (`?pgbouncer=true`, as for Prisma); otherwise a session that was asked to plan in our way tells: a pooler refuses to ask that
 * of the server, or does not pass it on.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SqlError } from "effect/sql/SqlError"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import { planner } from "./claim/statements.ts"
import { serverErrorOf } from "./errors.ts"

/** By its URL alone. */
export const saysPooler = (url: Redacted.Redacted): boolean => {
  const text = Redacted.value(url)
  return URL.canParse(text) && new URL(text).searchParams.get("pgbouncer") === "true"
}

/** The connection was refused for what it asked of the session. */
const isRefused = (error: SqlError): boolean => {
  const { code, message } = serverErrorOf(error)
  return code === "08P01" || /startup parameter/.test(message)
}

/** By its URL, or by a connection that is made for it; fails when there is none. */
export const findPooler = (url: Redacted.Redacted): Effect.Effect<boolean, SqlError> => saysPooler(url) ? Effect.succeed(true) : Effect.gen(function*() {
  const connection = yield* PgConnection.make({ url, connectTimeout: "5 seconds", startupParameters: planner })
  const { rows } = yield* connection.query("select current_setting('plan_cache_mode') as mode", [], false)
  return rows[0]?.["mode"] !== planner.plan_cache_mode
}).pipe(
  Effect.scoped,
  Effect.catch((error) => isRefused(error) ? Effect.succeed(true) : Effect.fail(error))
)
