/**
 * Tasks while a session holds a snapshot open, so that no dead row can be removed: what brought queues that update and delete
 * to a standstill. Counted is what PostgreSQL reads, not how long it takes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { TaskStore } from "@outrigger/sdk"
import { freshDatabase } from "../database.ts"
import { newTask, route, session } from "../support/taskStore.ts"

const done = 10_000
const batch = 500

/** A store and its session, of which there is only one: what it has read can be asked there. */
const oneSession = (url: string) => PgTaskStore.layerClient.pipe(
  Layer.provideMerge(Layer.effectDiscard(Migrations.run())),
  Layer.provideMerge(PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 0 }))
)

/** Rows of the line, dead ones among them, that this session has read so far: as entries of an index, or one by one. */
const rowsRead = Effect.gen(function*() {
  const sql = yield* PgClient.PgClient
  yield* sql`select pg_stat_force_next_flush()`
  const [row] = yield* sql<{ n: number }>`
    select (select seq_tup_read from pg_stat_user_tables where relid = 'outrigger.task'::regclass)::float8
      + (select sum(idx_tup_read) from pg_stat_user_indexes where relid = 'outrigger.task'::regclass)::float8 as n`
  return row!.n
})

describe("while a session holds a snapshot", () => {
  for (const [what, hold] of [
    ["a transaction that reads and stays open", ["begin isolation level repeatable read", "select count(*) from outrigger.task"]],
    ["a transaction that wrote and stays open", ["create table if not exists public.note (n int)", "begin", "insert into public.note values (1)"]]
  ] as const) {
    it.live(`tasks flow, and a claim does not wade through ${done} dead rows, also with statistics taken of them: ${what} (brandur, PgQue #61, boss #842)`, () =>
      Effect.scoped(Effect.flatMap(freshDatabase, (url) => Effect.gen(function*() {
        const store = yield* TaskStore.TaskStore
        const sql = yield* PgClient.PgClient
        const holder = yield* session(url)
        for (const statement of hold) yield* holder(statement)
        const worker = yield* store.register({ name: "w", lease: 600_000 })
        const seen: Array<string> = []
        const flow = (limit: number) => Effect.gen(function*() {
          const claimed = yield* store.claim({ worker, routes: [route], limit })
          seen.push(...claimed.map(({ id }) => id))
          yield* store.settle(worker, claimed.map(({ fence, id }) => ({ _tag: "Succeed", id, fence, result: 1 })))
          return claimed.length
        })
        for (let n = 0; n < done; n += batch) {
          yield* store.enqueue(Array.from({ length: batch }, () => newTask()))
          for (let left = batch; left > 0;) left -= yield* flow(left)
        }
        assert.strictEqual(new Set(seen).size, done)

        yield* sql`analyze outrigger.task`
        yield* store.enqueue(Array.from({ length: 60 }, () => newTask()))
        const reads: Array<number> = []
        for (let left = 60; left > 0;) {
          const before = yield* rowsRead
          left -= yield* flow(10)
          reads.push((yield* rowsRead) - before)
        }
        // Not each of them: behind an open writer one look in a while begins at the beginning, a tenth of the time at most.
        assert.isBelow(reads.toSorted((a, b) => a - b)[Math.floor(reads.length / 2)]!, 2_000 / reads.length)
        yield* holder("rollback")
      }).pipe(Effect.provide(oneSession(url))))), 120_000)
  }
})
