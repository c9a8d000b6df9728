import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { suite as queues } from "../../../test/conformance/TaskQueues.ts"
import { suite } from "../../../test/conformance/TaskStore.ts"
import { modelSuite } from "../../../test/conformance/TaskStoreModel.ts"
import { freshDatabase } from "../../../test/database.ts"

const layer = Layer.unwrap(Effect.map(freshDatabase, (url) => {
  const pool = PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 5 })
  return PgTaskStore.layerClient.pipe(Layer.provideMerge(Layer.effectDiscard(Migrations.run())), Layer.provide(pool))
}))

suite("PostgreSQL", layer)
queues("PostgreSQL", layer)
modelSuite("PostgreSQL", layer, 60)
