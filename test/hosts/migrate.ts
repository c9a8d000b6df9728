import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Migrations, PgTaskStore } from "@outrigger/postgres"

/** Brings the schema of a database up to date, as the sidecar does at its start. */
export const migrate = (url: string): Promise<unknown> =>
  Effect.runPromise(Migrations.run().pipe(Effect.provide(PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 1 }))))
