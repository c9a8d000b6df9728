/** What is counted stays counted, and what is locked is free at once, whatever becomes of a transaction around it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Sql } from "./sql.ts"

/** Runs on a connection of its own, also inside `sql.withTransaction`. */
export const outside = <A, E, R>(sql: Sql, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(effect, (context: Context.Context<R>) => Context.omit(sql.transactionService)(context) as Context.Context<R>)
