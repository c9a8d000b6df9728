/** What processes share through the host's own database client, without a dependency: limits and breakers. */
import { type BreakerStore, sqlBreakerStore } from "../core/breaker/breakerStore.ts"
import { type LimiterStore, sqlLimiterStore } from "../core/limits/limiterStore.ts"
import { schemaName } from "../core/options/schema.ts"

/** By shape, so that any version fits: a `pg.Pool`, or a client of `postgres` (postgres.js). */
export type SqlClient =
  | { query(text: string, values: Array<unknown>): Promise<{ readonly rows: ReadonlyArray<unknown> }> }
  | { unsafe(text: string, values: Array<any>): PromiseLike<ReadonlyArray<unknown>> }

/** Runs one statement, on whatever connection the client takes for it. */
export type Sql = (text: string, values: ReadonlyArray<unknown>) => Promise<ReadonlyArray<Record<string, unknown>>>

export const sqlOf = (client: SqlClient): Sql => {
  if ("unsafe" in client && typeof client.unsafe === "function") {
    return async (text, values) => await client.unsafe(text, [...values]) as ReadonlyArray<Record<string, unknown>>
  }
  if ("query" in client && typeof client.query === "function") {
    return async (text, values) => (await client.query(text, [...values])).rows as ReadonlyArray<Record<string, unknown>>
  }
  throw new TypeError("sharedState takes a pg.Pool or a postgres.js client")
}

export interface SharedStateOptions {
  /** In which schema of the database it lies; `outrigger` unless said. Throws a `RangeError` for what is no name. */
  readonly schema?: string | undefined
}

/** What policies share through one database. */
export interface SharedState {
  /** For `rateLimit: { limit, window, shared: limits }`. */
  readonly limits: LimiterStore
  /** For `breaker: { shared: breakers }`. */
  readonly breakers: BreakerStore
}

/**
 * State that processes share through PostgreSQL, over the host's own client: `pg.Pool` or postgres.js. The schema must be
 * there: `Migrations.run` of `@outrigger/postgres` brings it, and so does a sidecar that starts on that database. Closing the client is the host's business.
 *
 * @example
 * import { sharedState } from "@outrigger/sdk/promise"
 * import pg from "pg"
 *
 * const pool = new pg.Pool({ connectionString: "postgres://localhost/app" })
 * const { breakers, limits } = sharedState(pool)
 */
export const sharedState = (client: SqlClient, options: SharedStateOptions = {}): SharedState => {
  const sql = sqlOf(client)
  const schema = schemaName(options.schema)
  return { limits: sqlLimiterStore(sql, schema), breakers: sqlBreakerStore(sql, schema) }
}
