/**
 * Rate limits shared through PostgreSQL: one round trip a question, in a transaction of its own, on the database's clock.
 *
 * Each question locks the row of its limit and no other. The tables are unlogged: a crash of the server empties them, and
 * limits begin anew, as after any outage.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PgClient } from "@effect/sql-pg"
import { LimiterStore, Task } from "@outrigger/sdk"
import { limiterUnavailable } from "./internal/errors.ts"
import { outside } from "./internal/outside.ts"
import { currentSql } from "./internal/sql.ts"

/** Nobody waits any longer for an answer: the query is cancelled on the server, so that it does not keep a connection. */
const patience = "5 seconds"

const silent = () => new Task.StoreUnavailable(`The limiter store in PostgreSQL did not answer within ${patience}`, true)

/** The store over the client at hand. The schema must be there: see `Migrations`. */
export const make: Effect.Effect<LimiterStore.Service, never, PgClient.PgClient> = Effect.gen(function*() {
  const sql = yield* currentSql
  return LimiterStore.LimiterStore.of({
    take: (request) => outside(sql, sql.unsafe<LimiterStore.Allotment>(LimiterStore.takeStatement, LimiterStore.takeValues(request))).pipe(
      Effect.map(([answer]) => answer!),
      Effect.mapError(limiterUnavailable),
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(silent()) })
    )
  })
})

/**
 * Over the client at hand.
 *
 * @example
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 * import { PgClient } from "@effect/sql-pg"
 * import { PgLimiterStore } from "@outrigger/postgres"
 *
 * const limits = PgLimiterStore.layerClient.pipe(
 *   Layer.provide(PgClient.layer({ url: Redacted.make("postgres://localhost/app"), maxConnections: 2 }))
 * )
 */
export const layerClient: Layer.Layer<LimiterStore.LimiterStore, never, PgClient.PgClient> = Layer.effect(LimiterStore.LimiterStore, make)
