/** All that the task store promises, on the PostgreSQL that the system brings. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { afterAll, beforeAll } from "vitest"
import { suite as queues } from "../../../test/conformance/TaskQueues.ts"
import { suite } from "../../../test/conformance/TaskStore.ts"
import { freshDatabaseOn } from "../../../test/database.ts"
import { startDebianPostgres, type SystemPostgres } from "../../../test/debianPostgres.ts"

let server: SystemPostgres
beforeAll(async () => {
  server = await startDebianPostgres()
})
afterAll(() => server.stop())

const layer = Layer.unwrap(Effect.map(Effect.suspend(() => freshDatabaseOn(server.url)), (url) => {
  const pool = PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 5 })
  return PgTaskStore.layerClient.pipe(Layer.provideMerge(Layer.effectDiscard(Migrations.run())), Layer.provide(pool))
}))

/** What such a server would compile anew each time, at ten times what the statement costs. */
describe("Debian's PostgreSQL", () => {
  it.live("compiles no statement of the store, dear as its plan seems", () => Effect.scoped(Effect.gen(function*() {
    const url = Redacted.make(yield* freshDatabaseOn(server.url))
    yield* Effect.provide(Migrations.run(), PgTaskStore.layerPool({ url, maxConnections: 1 }))
    const plan = PgClient.PgClient.use((sql) => sql.unsafe<{ readonly "QUERY PLAN": ReadonlyArray<{ readonly JIT?: unknown }> }>(
      "explain (analyze, format json) select from outrigger.task where payload = '1'"))
    const compiled = (layer: Layer.Layer<PgClient.PgClient, unknown>) => Effect.map(Effect.provide(plan, layer), ([row]) => row!["QUERY PLAN"][0]!.JIT !== undefined)
    const dear = PgClient.layer({ url, startupParameters: { enable_seqscan: "off" } })
    assert.deepStrictEqual([yield* compiled(dear), yield* compiled(PgTaskStore.layerPool({ url }))], [true, false])
  })))
})

suite("Debian's PostgreSQL", layer)
queues("Debian's PostgreSQL", layer)
