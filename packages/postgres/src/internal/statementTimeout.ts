/**
 * How long PostgreSQL itself lets a statement run, so that one whose process died, or whose cancel request got lost, ends too.
 *
 * Every session begins with the longest of the host's limits: that costs nothing. Only who came with less time than that pays
 * for more: a transaction with one `set local`, which ends with it, and a single statement with a setting on a connection of
 * its own, which is reset before anybody else may have that connection. The caller does not wait for the reset.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Connection } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import { PgClient } from "@effect/sql-pg"
import { Deadline } from "@outrigger/sdk"

/** PostgreSQL is later than the caller's own clock, which decides; and has time to set and reset what is as good as over, ms. */
export const margin = 100
/** PostgreSQL counts in a signed integer. */
const most = 2 ** 31 - 1

/** Milliseconds for a session, as its startup packet says them; none for a limit that PostgreSQL cannot hold. */
export const startupParameters = (millis: number): Readonly<Record<string, string>> =>
  millis <= most ? { statement_timeout: String(Math.ceil(millis)) } : {}

const set = (connection: Connection, local: boolean): Effect.Effect<void, SqlError> =>
  Effect.flatMap(Deadline.left, (left) => {
    const millis = String(Math.min(most, Math.ceil(left) + margin))
    return Effect.asVoid(connection.execute(`select set_config('statement_timeout', $1, ${local})`, [millis], undefined))
  })

/** A cancel request that comes late may hit the reset: again. A session that cannot be mended is ended. */
const reset = (connection: Connection): Effect.Effect<void> =>
  connection.execute("reset statement_timeout", [], undefined).pipe(
    Effect.retry({ times: 4 }),
    Effect.catch(() => connection.execute("select pg_terminate_backend(pg_backend_pid())", [], undefined)),
    Effect.ignore
  )

/** The whole transaction has what is left of the caller's time. In one within another, the outer one's limit stands. */
export const limitTransaction = (sql: PgClient.PgClient): Effect.Effect<void, SqlError> =>
  Effect.flatMap(Effect.serviceOption(sql.transactionService), Option.match({
    onNone: () => Effect.void,
    onSome: ([connection, depth]) => depth === 0 ? set(connection, true) : Effect.void
  }))

/** The same client, whose single statements have what is left of the caller's time. */
export const limitStatements = (sql: PgClient.PgClient): PgClient.PgClient => {
  const reserve = Effect.tap(sql.reserve, (connection) =>
    Effect.andThen(Effect.addFinalizer(() => reset(connection)), set(connection, false)))
  const session = Effect.acquireRelease(Scope.make(), (scope, exit) => Effect.sync(() => { Effect.runFork(Scope.close(scope, exit)) }))
  const alone = Effect.flatMap(session, (scope) => Scope.provide(reserve, scope))
  const acquire = Effect.flatMap(Effect.serviceOption(sql.transactionService), Option.match({
    onNone: () => alone,
    onSome: ([connection]) => Effect.succeed(connection)
  }))
  const statement = Statement.make(acquire, PgClient.makeCompiler(), [], undefined)
  return Object.assign(statement, { ...sql, ...statement })
}
