import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import pg from "pg"
import postgres from "postgres"
import { PgClient } from "@effect/sql-pg"
import { Migrations } from "@outrigger/postgres"
import { LimiterStore } from "@outrigger/sdk"
import { sharedState, type SqlClient } from "@outrigger/sdk/promise"
import { livePort } from "../../sdk/src/core/time/live.ts"
import { SharedLimit } from "../../sdk/src/core/limits/sharedLimit.ts"
import { suite } from "../../../test/conformance/LimiterStore.ts"
import { freshDatabase } from "../../../test/database.ts"
import { stoppedDatabase } from "../../../test/passing.ts"

const clients = {
  "pg.Pool": (url: string) => {
    const pool = new pg.Pool({ connectionString: url, max: 4 })
    // The database is dropped while its last connections close: each may hear of it, in use or idle.
    pool.on("error", () => {})
    pool.on("connect", (client) => client.on("error", () => {}))
    return { client: pool as SqlClient, end: () => pool.end() }
  },
  "postgres.js": (url: string) => {
    const sql = postgres(url, { max: 4, onnotice: () => {} })
    return { client: sql as SqlClient, end: () => sql.end() }
  }
}

const migrated = Effect.tap(freshDatabase, (url) => Migrations.run().pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url) }))))

const clientOn = (make: (typeof clients)["pg.Pool"], url: string) =>
  Effect.map(Effect.acquireRelease(Effect.sync(() => make(url)), ({ end }) => Effect.promise(end)), ({ client }) => client)

for (const [name, make] of Object.entries(clients)) {
  const store = Layer.effect(LimiterStore.LimiterStore, Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const [row] = yield* sql<{ name: string }>`select current_database() as name`
    const url = new URL(Redacted.value(sql.config.url!))
    url.pathname = `/${row!.name}`
    const { limits } = sharedState(yield* clientOn(make, url.href))
    return LimiterStore.LimiterStore.of({ take: (request) => Effect.promise(() => limits.take(request)) })
  }))
  suite(`a ${name} of the host`, store.pipe(Layer.provideMerge(stoppedDatabase)))
}

describe("state shared through the host's own client", () => {
  it.live("lets four processes begin no more than the limit, though each has calls for more", () => Effect.scoped(Effect.gen(function*() {
    const url = yield* migrated
    const all = yield* Effect.forEach([clients["pg.Pool"], clients["postgres.js"], clients["pg.Pool"], clients["postgres.js"]], (make) => clientOn(make, url))
    let began = 0
    const full = Promise.withResolvers<void>()
    const settings = { algorithm: "token-bucket", limit: 1, window: 86_400_000, burst: 100, queue: 100, queueTimeout: Infinity } as const
    const limits = all.map((client) => new SharedLimit("payments", settings, { store: sharedState(client).limits, processes: 1 }, livePort, () => {}))
    for (let call = 0; call < 50; call++) {
      for (const limit of limits) {
        const granted = () => { if (++began === 100) full.resolve() }
        if (limit.enter(1, livePort.now())) granted()
        else limit.wait({ ahead: null, behind: null, weight: 1, granted }, livePort.now())
      }
    }
    yield* Effect.promise(() => full.promise)
    const rest = { name: "payments", limit: 1, window: 86_400_000, burst: 100, process: "x", turn: 1, holds: 0, back: 0, least: 0, want: 100, lease: 1000 }
    const answer = yield* Effect.promise(() => sharedState(all[0]!).limits.take(rest))
    assert.deepStrictEqual([answer.granted, began], [0, 100])
    for (const limit of limits) limit.open()
  })), 30_000)

  it("refuses what is no client, and a client that gives no rows", async () => {
    assert.throws(() => sharedState({} as never), /pg\.Pool or a postgres\.js client/)
    const { limits } = sharedState({ query: async () => ({ rows: [] }) })
    const error = await limits.take({ name: "n", limit: 1, window: 1, burst: 1, process: "p", turn: 1, holds: 0, back: 0, least: 0, want: 1, lease: 1 }).catch(String)
    assert.match(String(error), /gave no rows with numbers/)
  })
})
