/** Breakers of two processes' worth of pools, over one PostgreSQL and the clients that hosts have. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import pg from "pg"
import postgres from "postgres"
import { PgClient } from "@effect/sql-pg"
import { Migrations } from "@outrigger/postgres"
import type { BreakerStore } from "@outrigger/sdk"
import { Breaker, type Ticket } from "../../sdk/src/core/breaker/breaker.ts"
import { sqlBreakerStore } from "../../sdk/src/core/breaker/breakerStore.ts"
import { livePort } from "../../sdk/src/core/time/live.ts"
import { SharedBreaker } from "../../sdk/src/core/breaker/sharedBreaker.ts"
import { createDatabase } from "../../../test/database.ts"

let database: Awaited<ReturnType<typeof createDatabase>>
let admin: pg.Pool
let n = 0
const fresh = () => `breaker ${++n}`

beforeAll(async () => {
  database = await createDatabase()
  admin = new pg.Pool({ connectionString: database.url, max: 2 })
  admin.on("error", () => {})
  await Effect.runPromise(Effect.provide(Migrations.run(), PgClient.layer({ url: Redacted.make(database.url) })))
})

afterAll(async () => {
  await admin.end()
  await database.drop()
})

const poolOf = (application: string, max = 4) => {
  const pool = new pg.Pool({ connectionString: database.url, max, application_name: application })
  pool.on("error", () => {})
  return { pool, store: sqlBreakerStore(async (text, values) => (await pool.query(text, [...values])).rows) }
}

const request = (name: string, changes: Partial<BreakerStore.Exchange>): BreakerStore.Exchange => ({
  name, key: "", instance: "a", turn: 1, generation: 0, vote: false, action: "none", lease: 60_000, quorum: 0.5, minimumVotes: 2, openFor: 60_000, ...changes
})

/** Looks again until it is so; the database's clock moves by itself. */
const until = async (done: () => boolean | Promise<boolean>): Promise<void> => {
  while (!await done()) await new Promise((resolve) => setImmediate(resolve))
}

describe("the statement of the store", () => {
  it("is the same through pg and through postgres.js", async () => {
    const { pool, store } = poolOf("by pg")
    const sql = postgres(database.url, { max: 1 })
    const other = sqlBreakerStore((text, values) => sql.unsafe(text, [...values]))
    const name = fresh()
    const [first] = await store.exchange([request(name, { vote: true, key: "ä\"'\\" })])
    const [second] = await other.exchange([request(name, { key: "ä\"'\\", instance: "b" })])
    assert.deepInclude(first, { state: "open", generation: 1, reason: "votes" })
    assert.deepStrictEqual({ ...second, left: 0 }, { ...first!, left: 0 })
    assert.deepStrictEqual((await other.exchange([request(fresh(), {})]))[0], { state: "closed", generation: 0, reason: undefined, reopenings: 0, left: 0, probing: false })
    await Promise.all([pool.end(), sql.end()])
  })

  it("gives one lease to two pools that race, again and again", async () => {
    const [left, right] = [poolOf("left"), poolOf("right")]
    for (let round = 0; round < 20; round++) {
      const name = fresh()
      await left.store.exchange([request(name, { vote: true, openFor: 0.001 })])
      await until(async () => (await left.store.exchange([request(name, { turn: 2, lease: 0 })]))[0]!.left === 0)
      const answers = await Promise.all(Array.from({ length: 8 }, (_, who) =>
        (who % 2 === 0 ? left : right).store.exchange([request(name, { instance: `p${who}`, generation: 1, action: "probe" })])))
      assert.strictEqual(answers.flat().filter(({ probing }) => probing).length, 1)
    }
    await Promise.all([left.pool.end(), right.pool.end()])
  })

  it("counts each of the votes that two pools send at once", async () => {
    const [left, right] = [poolOf("left"), poolOf("right")]
    for (let round = 0; round < 20; round++) {
      const name = fresh()
      const send = (vote: boolean, turn: number) => Promise.all(Array.from({ length: 8 }, (_, who) =>
        (who % 2 === 0 ? left : right).store.exchange([request(name, { instance: `p${who}`, vote, turn, quorum: 1 })])))
      await send(false, 1)
      await send(true, 2)
      assert.strictEqual((await left.store.exchange([request(name, { lease: 0 })]))[0]!.state, "open")
    }
    await Promise.all([left.pool.end(), right.pool.end()])
  })

  it("gives up on a lock that somebody holds, and changes nothing", async () => {
    const { pool, store } = poolOf("waits")
    const name = fresh()
    await store.exchange([request(name, {})])
    const holder = await admin.connect()
    await holder.query("begin")
    await holder.query("select from outrigger.breaker where name = $1 for update", [name])
    const error = await store.exchange([request(name, { vote: true, turn: 2 })]).then(() => undefined, (reason: { readonly code?: string }) => reason)
    assert.strictEqual(error?.code, "55P03")
    assert.strictEqual((await store.exchange([request(name, { turn: 3 })]))[0]!.state, "closed") // who only tells takes no lock
    await holder.query("rollback")
    holder.release()
    await pool.end()
  })

  it("forgets breakers that nobody has used for a day, and only those", async () => {
    const { pool, store } = poolOf("tidy")
    const [old, isolated, used] = [fresh(), fresh(), fresh()]
    await store.exchange([request(old, {}), request(isolated, { action: "isolate" }), request(used, {})])
    await admin.query("update outrigger.breaker set changed_at = now() - interval '25 hours' where name = any($1)", [[old, isolated, used]])
    await admin.query("update outrigger.breaker_member m set until = now() - interval '25 hours' from outrigger.breaker b where b.id = m.breaker and b.name <> $1", [used])
    await store.exchange([request(fresh(), {})])
    const { rows } = await admin.query("select name from outrigger.breaker where name = any($1) order by id", [[old, isolated, used]])
    assert.deepStrictEqual(rows, [{ name: isolated }, { name: used }])
    assert.strictEqual((await store.exchange([request(old, { turn: 2, generation: 7, vote: true })]))[0]!.generation, 0)
    await pool.end()
  })
})

/** A process: a pool of its own, a breaker, and calls that fail or not. */
const processOf = (application: string, name: string) => {
  const { pool, store } = poolOf(application, 2)
  const warnings: Array<string> = []
  let calls = 0
  const breaker: Breaker = new Breaker({ failures: 1, openFor: 100, halfOpenCalls: 1, probeLease: 1000 }, (from, to) => shared.moved(from, to))
  const shared: SharedBreaker = new SharedBreaker({
    breaker, name, port: livePort, calls: () => calls, warn: (line) => warnings.push(line),
    sharing: { store, quorum: 0.5, minimumVotes: 2, interval: 200, lease: 5000 }
  })
  const call = (well: boolean): boolean => {
    calls++
    const ticket: Ticket = { generation: 0, probe: 0 }
    if (!breaker.admit(ticket, livePort.now())) return false
    breaker.settled(ticket, well ? "success" : "failure", livePort.now)
    return true
  }
  const close = () => shared.close().then(() => pool.end())
  return { breaker, shared, warnings, call, close }
}

describe("two processes over one database", () => {
  const both = (name: string) => [processOf("one", name), processOf("two", name)] as const

  it("open together, probe one at a time, and close together", async () => {
    const name = fresh()
    const [one, two] = both(name)
    const members = "select from outrigger.breaker_member m join outrigger.breaker b on b.id = m.breaker where b.name = $1"
    await until(async () => (one.call(true), two.call(true), (await admin.query(members, [name])).rowCount === 2))
    await until(() => (one.call(false), two.call(false), one.shared.following && two.shared.following))
    await until(() => {
      assert.isFalse(one.shared.probing && two.shared.probing)
      one.call(true)
      two.call(true)
      return [one, two].every(({ breaker, shared }) => breaker.state.tag === "closed" && shared.shared?.state === "closed")
    })
    const { rows } = await admin.query("select state, reason, generation::int from outrigger.breaker where name = $1", [name])
    assert.deepInclude(rows[0], { state: "closed", reason: "probes-succeeded" })
    assert.isAtLeast(rows[0].generation, 3)
    assert.deepStrictEqual([one, two].map(({ shared }) => shared.shared!.generation), [rows[0].generation, rows[0].generation])
    await Promise.all([one.close(), two.close()])
    assert.strictEqual((await admin.query(members, [name])).rowCount, 0)
  })

  it("go on by their own breakers when connections are killed in the middle of an exchange, and join again", async () => {
    const name = fresh()
    const [one, two] = both(name)
    await until(() => (one.call(true), two.call(true), one.shared.shared !== undefined && two.shared.shared !== undefined))
    const holder = await admin.connect()
    await holder.query("begin")
    await holder.query("select from outrigger.breaker where name = $1 for update", [name])
    one.call(false) // its vote waits for the lock
    const killed = async () => (await admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'one' and wait_event_type = 'Lock' and datname = current_database()")).rowCount
    await until(async () => (one.call(false), await killed() === 1))
    await until(() => one.warnings.length > 0)
    assert.match(one.warnings[0]!, /each process goes by its own/)
    assert.strictEqual(one.breaker.state.tag, "open")
    assert.isTrue(two.call(true))
    await holder.query("rollback")
    holder.release()
    await until(() => (two.call(true), one.call(true), one.shared.connected && one.breaker.state.tag === "closed"))
    one.breaker.isolate()
    await until(() => (two.call(true), two.breaker.state.tag === "isolated"))
    await Promise.all([one.close(), two.close()])
  })
})
