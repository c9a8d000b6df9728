import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { Migrations, PgBreakerStore } from "@outrigger/postgres"
import { suite } from "../../../test/conformance/BreakerStore.ts"
import { freshDatabase } from "../../../test/database.ts"

const layer = Layer.unwrap(Effect.map(freshDatabase, (url) => {
  const pool = PgClient.layer({ url: Redacted.make(url), maxConnections: 5 })
  return PgBreakerStore.layerClient.pipe(Layer.provideMerge(Layer.effectDiscard(Migrations.run())), Layer.provide(pool))
}))

suite("PostgreSQL", layer)
