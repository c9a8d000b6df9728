/**
 * The client at hand, as this package uses it: with statements that are written for the schema `outrigger`, and reach the one
 * that was chosen. It takes no template strings, which nobody would render.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import { TaskStore } from "@outrigger/sdk"
import { PgSchema } from "../PgSchema.ts"

/** A statement, to be run. */
export interface Rows<A> extends Effect.Effect<ReadonlyArray<A>, SqlError> {
  /** For one whose text is new each time. */
  readonly unprepared: Effect.Effect<ReadonlyArray<A>, SqlError>
}

export interface Sql extends Pick<PgClient.PgClient, "listen" | "transactionService" | "withTransaction"> {
  readonly unsafe: <A extends object>(text: string, values?: ReadonlyArray<unknown>) => Rows<A>
  /** For a statement that travels as a value of another one, and for names. */
  readonly render: (text: string) => string
  /** Sessions are shared with strangers: nothing that is set, listened to or prepared on one is there for the next statement. */
  readonly pooled: boolean
}

/** A client that prepares nothing is one for poolers. */
const isPooled = ({ config }: PgClient.PgClient): boolean => config.prepare === false

export const sqlOf = (client: PgClient.PgClient, schema: string): Sql => {
  const { listen, transactionService, withTransaction } = client
  const render = (text: string) => TaskStore.inSchema(text, schema)
  const unsafe: Sql["unsafe"] = schema === TaskStore.defaultSchema ? client.unsafe : (text, values) => client.unsafe(render(text), values)
  return { unsafe, render, listen, transactionService, withTransaction, pooled: isPooled(client) }
}

/** In the schema at hand; a name that will not do is a defect. */
export const currentSql: Effect.Effect<Sql, never, PgClient.PgClient> = Effect.gen(function*() {
  return sqlOf(yield* PgClient.PgClient, TaskStore.schemaName(yield* PgSchema))
})
