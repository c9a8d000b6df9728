/** The plans of what a worker asks all day: the same whatever the statistics say, and whatever lies dead in the table. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { heldAmongSql, heldSql } from "../src/internal/held.ts"
import { Lanes } from "../src/internal/claim/lanes.ts"
import { claimSql, lookSql } from "../src/internal/claim/statements.ts"
import { pastTurnsSql, turnSql, waitingSql } from "../src/internal/claim/turns.ts"
import { againSql, bothSql, endSql } from "../src/internal/settle.ts"
import { expireSql, promoteSql, reapSql } from "../src/internal/upkeep.ts"
import { freshDatabase } from "../../../test/database.ts"
import { faults, pagesOf } from "./support/plans.ts"

const ids = Array.from({ length: 500 }, (_, index) => String(index + 1))
const each = (value: string) => ids.map(() => value)
const owned = [ids, each("1")]
const changes = JSON.stringify(Object.fromEntries(ids.map((id) => [id, { delay: 0, unspent: 1, counted: 1 }])))
const keys = Array.from({ length: 100 }, (_, index) => `k${index}`)
const lanes = Array.from({ length: 30 }, (_, index) => ({ route: 1 + Math.floor(index / 10), priority: index % 10 }))

const picks = (after: number, limit: number) => {
  const known = new Lanes()
  for (const route of [1, 2]) known.add(route)
  return known.question(0).lanes.filter(({ priority }) => priority === 5).map((lane) => ({ lane, after, upTo: undefined, limit }))
}

const look = (mark: string): readonly [string, ReadonlyArray<unknown>] =>
  [lookSql, [lanes.map(({ route }) => route), lanes.map(({ priority }) => priority), lanes.map(() => mark), 0, 0]]

const statements: Readonly<Record<string, readonly [text: string, values?: ReadonlyArray<unknown>]>> = {
  claim: [claimSql(1, picks(0, 250), 500)],
  "claim of what is late": [claimSql(1, [{ ...picks(0, 32)[0]!, upTo: 1000 }], 32)],
  look: look("0"),
  turn: [turnSql(1, [1, 2], 2, 500), [keys]],
  waiting: [waitingSql],
  "past turns": [pastTurnsSql("")],
  end: [endSql, [1, ...owned, each("succeeded"), each("1"), each("")]],
  again: [againSql, [1, ...owned, changes]],
  both: [bothSql, [1, ...owned, each("succeeded"), each("1"), each(""), ...owned, changes]],
  held: [heldSql, [1]],
  "held of these": [heldAmongSql, [1, ids]],
  "promote what is recent": [promoteSql(false)],
  "promote all": [promoteSql(true)],
  "expire what is recent": [expireSql(false), ["{}"]],
  "expire all": [expireSql(true), ["{}"]],
  reap: [reapSql, ["{}"]]
}

const run = (text: string, values?: ReadonlyArray<unknown>) => PgClient.PgClient.use((sql) => sql.unsafe(text, values).unprepared)

/** Some of everything: ready, running, scheduled and parked, with and without keys. */
const fill = (count: number) => run(`
  insert into outrigger.task (route, priority, state, worker, fence, key, expires_at, payload)
  select 1 + g % 2, 5, case g % 10 when 7 then 'running' when 8 then 'scheduled' when 9 then 'parked' else 'ready' end, case g % 10 when 7 then 1 end, 1,
    case when g % 2 = 1 then 'k' || g % 1000 end, case when g % 50 = 0 then now() + interval '1 hour' end, '{}' from generate_series(1, ${count}) g`)

const prepare = Effect.gen(function*() {
  yield* Migrations.run()
  yield* run("select outrigger.route_of('default', 'a', 1), outrigger.route_of('default', 'b', 1)")
})

const inDatabase = <A, E>(body: Effect.Effect<A, E, PgClient.PgClient>) => Effect.scoped(Effect.gen(function*() {
  const url = Redacted.make(yield* freshDatabase)
  return yield* Effect.provide(Effect.andThen(prepare, body), PgTaskStore.layerPool({ url, maxConnections: 2 }))
}))

const noFaults = Effect.forEach(Object.entries(statements), ([name, [text, values]]) => Effect.map(faults(text, values), (found) => {
  assert.deepStrictEqual(found, [], name)
}), { discard: true })

/** As if there were so many, as far as the planner is told. */
const pretend = (rows: number) => run(`
  update pg_class set reltuples = ${rows}, relpages = greatest(1, pg_relation_size(oid) / 8192)
  where relnamespace = 'outrigger'::regnamespace and relname ~ '^task'`)

/** A session that has looked and goes on: nothing that dies from now on can be cleared away. */
const holdSnapshot = Effect.gen(function*() {
  const sql = yield* PgClient.PgClient
  const held = Latch.makeUnsafe(false)
  yield* Effect.forkScoped(sql.withTransaction(Effect.gen(function*() {
    yield* sql.unsafe("set transaction isolation level repeatable read").unprepared
    yield* sql.unsafe("select from outrigger.task")
    yield* held.open
    yield* Effect.never
  })))
  yield* held.await
})

describe("plans", () => {
  it.live("are told when they read the whole table, sort it, or join it with itself", () => inDatabase(Effect.gen(function*() {
    yield* fill(100)
    assert.deepStrictEqual(yield* faults("select from outrigger.task where attempt = 0"), ["Seq Scan of task"])
    assert.deepStrictEqual(yield* faults("select id from outrigger.task where id < 5 order by seq"), ["Sort of tasks"])
    assert.deepStrictEqual(yield* faults("select from outrigger.task where attempt = 0 order by id"), ["Index Scan of all tasks"])
    yield* run("set enable_nestloop = off")
    const joined = yield* faults("select from outrigger.task a join outrigger.task b on a.id = b.fence")
    assert.isTrue(joined.some((fault) => /Join of tasks with tasks/.test(fault)))
  })))

  it.live("walk an index at 0 rows, at 20,000, and when there seem to be a million", () => inDatabase(Effect.gen(function*() {
    yield* noFaults
    yield* fill(20_000)
    yield* noFaults
    yield* run("vacuum analyze outrigger.task")
    yield* noFaults
    yield* pretend(1_000_000)
    yield* noFaults
  })))

  it.live("stay when the statistics were taken while the table was all dead rows", () => inDatabase(Effect.scoped(Effect.gen(function*() {
    yield* holdSnapshot
    yield* fill(20_000)
    yield* run("delete from outrigger.task")
    yield* run("analyze outrigger.task")
    yield* noFaults
    yield* fill(20_000)
    yield* noFaults
  }))))
})

describe("while a session holds a snapshot", () => {
  it.live("a claim, a look, a turn, a watch and an end touch no more pages with 40,000 dead rows in the way", () => inDatabase(Effect.scoped(Effect.gen(function*() {
    yield* holdSnapshot
    const pages = Effect.gen(function*() {
      const [{ mark } = { mark: "0" }] = (yield* run("select last_value::text as mark from outrigger.task_place_seq")) as ReadonlyArray<{ mark: string }>
      yield* run(`insert into outrigger.task (route, priority, key, payload) select 1, 5, case when g > 200 then 'k' || g % 50 end, '{}' from generate_series(1, 400) g`)
      const claim = yield* pagesOf(claimSql(1, [{ ...picks(Number(mark), 400)[0]! }], 400))
      const turn = yield* pagesOf(turnSql(1, [1], 1, 500), [Array.from({ length: 50 }, (_, index) => `k${index}`)])
      const running = (yield* run("select id::text, fence::text from outrigger.task where state = 'running' order by id")) as ReadonlyArray<{ id: string; fence: string }>
      const some = running.map(() => "")
      const held = yield* pagesOf(heldAmongSql, [1, running.map(({ id }) => id)])
      const end = yield* pagesOf(endSql, [1, running.map(({ id }) => id), running.map(({ fence }) => fence), running.map(() => "succeeded"), some, some])
      return { claim, turn, held, end, look: yield* pagesOf(...look(mark)) }
    })
    const dies = Effect.gen(function*() { // as many of each key as there are dead rows elsewhere
      yield* run(`insert into outrigger.task (route, priority, key, payload) select 1, 5, case when g % 2 = 0 then 'k' || g / 2 % 50 end, '{}' from generate_series(1, 20000) g`)
      yield* run("update outrigger.task set state = 'running', worker = 1, fence = fence + 1 where state = 'ready'")
      yield* run(`insert into outrigger.hold (key, slot, turn, task, fence, mark) select key, 1, 1000 + row_number() over (order by id), id, fence, seq - 1 from outrigger.task where key is not null and state = 'running'`)
      yield* run("delete from outrigger.task")
    })
    yield* pages
    const before = yield* pages
    yield* dies
    const after = yield* pages
    for (const what of ["claim", "turn", "held", "end", "look"] as const) assert.isAtMost(after[what], 1.5 * before[what] + 100, what)
  }))))
})
