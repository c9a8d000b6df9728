/** What both of Effect's stores need of PostgreSQL. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { PgClient } from "@effect/sql-pg"
import { serverErrorOf } from "./errors.ts"
import { outside } from "./outside.ts"
import { currentSql } from "./sql.ts"

/** Calls a function of the schema, in a transaction of its own; gives its one row. */
export type Invoke = <A>(text: string, values: ReadonlyArray<string | number | boolean | null>) => Effect.Effect<A | undefined, SqlError>

/** Functions of the schema over the client at hand, and somebody who cleans up every minute while the scope is open. */
export const makeInvoke: Effect.Effect<Invoke, never, PgClient.PgClient | Scope.Scope> = Effect.gen(function*() {
  const sql = yield* currentSql
  const sweep = outside(sql, sql.unsafe("select outrigger.sweep_effect()::text"))
  yield* Effect.forkScoped(Effect.ignore(sweep).pipe(Effect.delay("1 minute"), Effect.repeat(Schedule.forever)))
  return (text, values) => Effect.map(outside(sql, sql.unsafe<any>(text, values)), ([row]) => row)
})

/** In the words of the server. */
export const explain = (error: SqlError): string => serverErrorOf(error).message
