/** Time that is moved by hand, for stores that go by the fiber's clock and for those that go by the database's. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { PgClient } from "@effect/sql-pg"
import { Migrations } from "@outrigger/postgres"
import { freshDatabase } from "./database.ts"

/** Lets time go by. */
export class Passing extends Context.Service<Passing, (millis: number) => Effect.Effect<void>>()("test/Passing") {}

/** Of the fiber's own clock. */
export const passingHere: Layer.Layer<Passing> = Layer.merge(Layer.succeed(Passing, (millis) => TestClock.adjust(millis)), TestClock.layer())

const stopClock = Effect.gen(function*() {
  const sql = yield* PgClient.PgClient
  yield* sql`create table public.test_clock as select 1e12::float8 as millis`
  yield* sql.unsafe(`create or replace function outrigger.clock_millis() returns float8 language sql volatile as 'select millis from public.test_clock'`)
  return Passing.of((millis) => Effect.asVoid(Effect.orDie(sql`update public.test_clock set millis = millis + ${millis}::float8`)))
})

/** A database of its own with the schema, and its limits' clock, which stands still until it is moved. */
export const stoppedDatabase: Layer.Layer<Passing | PgClient.PgClient, unknown> = Layer.unwrap(Effect.map(freshDatabase, (url) =>
  Layer.provideMerge(
    Layer.effect(Passing, Effect.andThen(Migrations.run(), stopClock)),
    PgClient.layer({ url: Redacted.make(url), maxConnections: 8 })
  )))

/** Two pools on one database with the schema, as two processes have; its clock runs. */
export const twoPools = Effect.gen(function*() {
  const url = Redacted.make(yield* freshDatabase)
  const pool = Effect.map(Layer.build(Layer.fresh(PgClient.layer({ url, maxConnections: 5 }))), Context.get(PgClient.PgClient))
  const [first, second] = yield* Effect.all([pool, pool])
  yield* Effect.provideService(Migrations.run(), PgClient.PgClient, first)
  return [first, second] as const
})
