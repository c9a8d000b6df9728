/**
 * The store on PostgreSQL for breakers that processes share.
 *
 * PostgreSQL decides who is alive, whether the votes are enough, when an opening is over and who probes, by its own clock
 * (`clock_timestamp()`) and in one statement for all breakers of a process: about one short transaction a second for each process,
 * which waits for no disk while nothing changes. An exchange that nobody waits for any more is cancelled on the server.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { SqlError } from "effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import { BreakerStore } from "@outrigger/sdk"
import { isRetryable, serverErrorOf } from "./internal/errors.ts"
import { currentSql } from "./internal/sql.ts"
import * as PgSchema from "./PgSchema.ts"

const unavailable = (error: SqlError): BreakerStore.BreakerStoreUnavailable => {
  const { code, message } = serverErrorOf(error)
  return new BreakerStore.BreakerStoreUnavailable({
    reason: `PostgreSQL${code === undefined ? "" : ` (${code})`}: ${message}`, retryable: isRetryable(error), cause: error
  })
}

/**
 * The store over the client at hand. The schema must be there: see `Migrations`.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 * import { PgClient } from "@effect/sql-pg"
 * import { Migrations, PgBreakerStore } from "@outrigger/postgres"
 *
 * const store = PgBreakerStore.layerClient.pipe(
 *   Layer.provide(Layer.effectDiscard(Migrations.run())),
 *   Layer.provide(PgClient.layer({ url: Redacted.make("postgres://localhost/app") }))
 * )
 */
export const layerClient: Layer.Layer<BreakerStore.BreakerStore, never, PgClient.PgClient> = Layer.effect(
  BreakerStore.BreakerStore,
  Effect.map(currentSql, (sql) => BreakerStore.BreakerStore.of({
    exchange: (requests) => sql.unsafe<Record<string, unknown>>(BreakerStore.exchangeStatement, [JSON.stringify(requests)]).pipe(
      Effect.map(([row]) => BreakerStore.answersOf(row)),
      Effect.mapError(unavailable)
    )
  }))
)

export interface Options {
  readonly url: Redacted.Redacted
  /** `PgSchema` unless said. */
  readonly schema?: string | undefined
  readonly applicationName?: string | undefined
}

/** A store with two connections of its own, so that it does not wait behind the queries of the app. The schema must be there. */
export const layer = ({ applicationName = "outrigger", schema, url }: Options): Layer.Layer<BreakerStore.BreakerStore, SqlError> =>
  layerClient.pipe(Layer.provide([
    // Unprepared, and so through a pooler too: it asks once a second.
    PgClient.layer({ url, applicationName, maxConnections: 2, connectTimeout: "5 seconds", prepare: false }),
    schema === undefined ? Layer.empty : PgSchema.layer(schema)
  ]))
