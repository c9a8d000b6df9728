import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { suite } from "../../../test/conformance/ScheduleStore.ts"
import { freshDatabase } from "../../../test/database.ts"

const layer = Layer.unwrap(Effect.map(freshDatabase, (url) => {
  const pool = PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 5 })
  return PgTaskStore.layerClient.pipe(Layer.provideMerge(Layer.effectDiscard(Migrations.run())), Layer.provideMerge(pool))
}))

/** The server's clock cannot be set: all that is known of the schedules becomes so much older. */
const elapse = (millis: number) => PgClient.PgClient.use((sql) => sql`
  update outrigger.schedule set next_slot = next_slot - ${millis}::float8 * interval '1 ms', last_slot = last_slot - ${millis}::float8 * interval '1 ms',
    declared_at = declared_at - ${millis}::float8 * interval '1 ms'`)

suite("PostgreSQL", { layer, test: it.live, elapse })
