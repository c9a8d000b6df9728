/** Claims beside other people's transactions: what they cannot see yet, what is rolled back, what is written at the same time. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import pg from "pg"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import type { TaskStore } from "@outrigger/sdk"
import { route, task } from "../../../test/conformance/TaskStore.ts"
import { freshDatabase } from "../../../test/database.ts"

const lease = 60_000

/** `count` stores on one database, each as another process has it, and a way to open sessions of other people. */
const stores = (count: number) => Effect.gen(function*() {
  const url = yield* freshDatabase
  const pool = PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 3 })
  const store = Effect.flatMap(Layer.build(Layer.fresh(pool)), (services) => Effect.provide(PgTaskStore.make, services))
  yield* Effect.provide(Migrations.run(), pool)
  const open = Effect.acquireRelease(Effect.promise(async () => {
    const client = new pg.Client(url)
    client.on("error", () => {})
    await client.connect()
    return { client, query: (text: string) => Effect.promise(() => client.query(text)) }
  }), ({ client }) => Effect.promise(() => client.end()))
  const all = yield* Effect.forEach(Array.from({ length: count }), () => store)
  return { all, open }
})

const claim = (store: TaskStore.Service, worker: string, limit = 100) => store.claim({ worker, routes: [route], limit })
const idsOf = (tasks: ReadonlyArray<TaskStore.ClaimedTask>) => tasks.map(({ id }) => id)
const succeed = ({ fence, id }: TaskStore.ClaimedTask): TaskStore.Settlement => ({ _tag: "Succeed", id, fence, result: null })

/** Claims again and again until something comes. */
const eventually = (store: TaskStore.Service, worker: string): Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, unknown> =>
  Effect.flatMap(claim(store, worker), (found) => found.length > 0 ? Effect.succeed(found) : Effect.andThen(Effect.yieldNow, eventually(store, worker)))

const enqueue = `select outrigger.enqueue('charge', '1') as id`

describe("a claim", () => {
  it.live("finds what was committed long after later tasks were run, and keeps nobody else waiting", () => Effect.gen(function*() {
    const { all: [store], open } = yield* stores(1)
    const worker = yield* store!.register({ name: "w", lease })
    yield* claim(store!, worker) // which makes the route known
    const slow = yield* open
    yield* slow.query("begin")
    const { rows: [{ id }] } = (yield* slow.query(enqueue)) as { rows: ReadonlyArray<any> }
    for (let round = 0; round < 5; round++) {
      const made = yield* store!.enqueue(Array.from({ length: 20 }, () => task()))
      const claimed = yield* claim(store!, worker)
      assert.sameMembers(idsOf(claimed), made.map((one) => one.id))
      yield* store!.settle(worker, claimed.map(succeed))
    }
    yield* slow.query("commit")
    assert.deepStrictEqual(idsOf(yield* eventually(store!, worker)), [id])
  }).pipe(Effect.scoped))

  it.live("finds again what somebody else's claim took and rolled back", () => Effect.gen(function*() {
    const { all: [store], open } = yield* stores(1)
    const worker = yield* store!.register({ name: "w", lease })
    const made = yield* store!.enqueue(Array.from({ length: 10 }, () => task()))
    const other = yield* open
    yield* other.query("begin")
    yield* other.query("update outrigger.task set state = 'running' where id in (select id from outrigger.task order by seq limit 5)")
    assert.sameMembers(idsOf(yield* claim(store!, worker)), made.slice(5).map(({ id }) => id))
    assert.deepStrictEqual(yield* claim(store!, worker), [])
    yield* other.query("rollback")
    assert.sameMembers(idsOf(yield* eventually(store!, worker)), made.slice(0, 5).map(({ id }) => id))
  }).pipe(Effect.scoped))

  it.live("finds what a session that holds a snapshot leaves untouched, however often", () => Effect.gen(function*() {
    const { all: [store], open } = yield* stores(1)
    const worker = yield* store!.register({ name: "w", lease })
    const reader = yield* open
    yield* reader.query("begin isolation level repeatable read")
    yield* reader.query("select from outrigger.task")
    for (let round = 0; round < 5; round++) {
      const made = yield* store!.enqueue(Array.from({ length: 50 }, () => task()))
      const claimed = yield* claim(store!, worker)
      assert.sameMembers(idsOf(claimed), made.map(({ id }) => id))
      yield* store!.settle(worker, claimed.map(succeed))
    }
  }).pipe(Effect.scoped))

  it.live("of many at once takes everything once, with several processes and several claims of each on their way", () => Effect.gen(function*() {
    const { all } = yield* stores(2)
    const made = yield* all[0]!.enqueue(Array.from({ length: 300 }, (_, n) => task({ priority: n % 3 })))
    const seen: Array<string> = []
    const drain = (store: TaskStore.Service, worker: string): Effect.Effect<void, unknown> => Effect.flatMap(claim(store, worker, 11), (claimed) => {
      seen.push(...idsOf(claimed))
      return seen.length < made.length ? Effect.andThen(store.settle(worker, claimed.map(succeed)), drain(store, worker)) : Effect.void
    })
    yield* Effect.forEach(all, (store) => Effect.flatMap(store.register({ name: "w", lease }), (worker) =>
      Effect.all([drain(store, worker), drain(store, worker), drain(store, worker)], { concurrency: "unbounded" })), { concurrency: "unbounded" })
    assert.sameMembers(seen, made.map(({ id }) => id))
  }).pipe(Effect.scoped))
})

describe("a settle", () => {
  it.live("is applied though the task was just being written, as its fence still holds", () => Effect.gen(function*() {
    const { all: [store], open } = yield* stores(1)
    const worker = yield* store!.register({ name: "w", lease })
    yield* store!.enqueue([task(), task()])
    const claimed = yield* claim(store!, worker)
    const writer = yield* open
    yield* writer.query("begin")
    yield* writer.query("update outrigger.task set progress = '{}'")
    const settling = yield* Effect.forkChild(store!.settle(worker, [
      succeed(claimed[0]!), { _tag: "HandBack", id: claimed[1]!.id, fence: claimed[1]!.fence, delay: 0, reason: "" }
    ]), { startImmediately: true })
    yield* untilBlocked(writer)
    yield* writer.query("commit")
    assert.sameMembers([...yield* Fiber.join(settling)], idsOf(claimed))
  }).pipe(Effect.scoped))

  it.live("is not applied when the task was taken away at that moment", () => Effect.gen(function*() {
    const { all: [store], open } = yield* stores(1)
    const worker = yield* store!.register({ name: "w", lease })
    yield* store!.enqueue([task()])
    const [claimed] = yield* claim(store!, worker)
    const reaper = yield* open
    yield* reaper.query("begin")
    yield* reaper.query("update outrigger.task set state = 'ready', worker = null")
    const settling = yield* Effect.forkChild(store!.settle(worker, [succeed(claimed!)]), { startImmediately: true })
    yield* untilBlocked(reaper)
    yield* reaper.query("commit")
    assert.deepStrictEqual(yield* Fiber.join(settling), [])
  }).pipe(Effect.scoped))

  it.live("of one task twice in a batch is one, under the fence that holds", () => Effect.gen(function*() {
    const { all: [store] } = yield* stores(1)
    const worker = yield* store!.register({ name: "w", lease })
    yield* store!.enqueue([task()])
    const [first] = yield* claim(store!, worker)
    yield* store!.settle(worker, [{ _tag: "HandBack", id: first!.id, fence: first!.fence, delay: 0, reason: "" }])
    const [second] = yield* claim(store!, worker)
    assert.deepStrictEqual(yield* store!.settle(worker, [succeed(first!), succeed(second!), succeed(second!)]), [second!.id])
  }).pipe(Effect.scoped))

  it.live("of many at once, several on their way, ends each once", () => Effect.gen(function*() {
    const { all: [store] } = yield* stores(1)
    const worker = yield* store!.register({ name: "w", lease })
    yield* store!.enqueue(Array.from({ length: 60 }, () => task()))
    const claimed = yield* claim(store!, worker)
    const both = [claimed.slice(0, 40), claimed.slice(20)].map((some) => store!.settle(worker, some.map(succeed)))
    const [a, b] = yield* Effect.all(both, { concurrency: "unbounded" })
    assert.sameMembers([...a!, ...b!], idsOf(claimed))
  }).pipe(Effect.scoped))
})

/** Some session waits for a lock. */
const untilBlocked = ({ query }: { readonly query: (text: string) => Effect.Effect<{ readonly rows: ReadonlyArray<unknown> }> }): Effect.Effect<void> =>
  Effect.flatMap(query("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"), ({ rows }) =>
    rows.length > 0 ? Effect.void : Effect.andThen(Effect.yieldNow, untilBlocked({ query })))

describe("a key", () => {
  const keyed = (changes: Partial<TaskStore.NewTask> = {}) => task({ concurrencyKey: "k", ...changes })

  it.live("whose holder is in a process that died passes on to another's, though nobody asks", () => Effect.gen(function*() {
    const { all: [dying, living] } = yield* stores(2)
    const [a, b] = [yield* dying!.register({ name: "a", lease }), yield* living!.register({ name: "b", lease })]
    const made = yield* living!.enqueue([keyed(), keyed()])
    const [first] = yield* claim(dying!, a, 1)
    assert.deepStrictEqual(yield* claim(living!, b), [])
    yield* dying!.settle(a, [succeed(first!)]) // and it claims no more
    assert.deepStrictEqual(idsOf(yield* eventually(living!, b)), [made[1]!.id])
  }).pipe(Effect.scoped))

  it.live("runs what was committed late behind others that have run already", () => Effect.gen(function*() {
    const { all: [store], open } = yield* stores(1)
    const worker = yield* store!.register({ name: "w", lease })
    yield* claim(store!, worker) // which makes the route known
    const slow = yield* open
    yield* slow.query("begin")
    const { rows: [{ id }] } = (yield* slow.query(`select outrigger.enqueue('charge', '1', '{"concurrencyKey": "k"}') as id`)) as { rows: ReadonlyArray<any> }
    yield* store!.enqueue([keyed(), keyed(), keyed()])
    for (let turn = 0; turn < 2; turn++) yield* store!.settle(worker, (yield* eventually(store!, worker)).map(succeed))
    const third = yield* eventually(store!, worker)
    yield* slow.query("commit")
    // While the third runs, the late one is parked, behind what has run.
    const parked: Effect.Effect<void, unknown> = Effect.flatMap(slow.query("select from outrigger.task where state = 'parked'"), ({ rows }) =>
      rows.length > 0 ? Effect.void : Effect.andThen(claim(store!, worker), parked))
    yield* parked
    yield* store!.settle(worker, third.map(succeed))
    assert.deepStrictEqual(idsOf(yield* eventually(store!, worker)), [id])
  }).pipe(Effect.scoped))

  it.live("is never held twice, nor overtaken, by processes that claim and end and retry beside each other", () => Effect.gen(function*() {
    const { all, open } = yield* stores(2)
    yield* all[0]!.enqueue(Array.from({ length: 90 }, (_, n) => keyed({ payload: n, concurrencyKey: `k${n % 3}`, ...(n % 3 === 2 && { keyConcurrency: 2 }) })))
    const running = new Map<string, number>()
    let done = 0
    const work = (store: TaskStore.Service, worker: string): Effect.Effect<void, unknown> => Effect.gen(function*() {
      while (done < 90) {
        const claimed = yield* claim(store, worker, 9)
        for (const { concurrencyKey: key = "" } of claimed) {
          running.set(key, (running.get(key) ?? 0) + 1)
          assert.isAtMost(running.get(key)!, key === "k2" ? 2 : 1)
        }
        yield* Effect.yieldNow
        for (const { concurrencyKey: key = "" } of claimed) running.set(key, running.get(key)! - 1)
        const settlements = claimed.map((one): TaskStore.Settlement => one.attempt === 1 && (one.payload as number) % 7 === 0
          ? { _tag: "Retry", id: one.id, fence: one.fence, delay: 0, failure: { name: "Error", message: "" } }
          : succeed(one))
        const ended = new Set(yield* store.settle(worker, settlements))
        done += settlements.filter(({ _tag, id }) => _tag === "Succeed" && ended.has(id)).length
      }
    })
    yield* Effect.forEach(all, (store) => Effect.flatMap(store.register({ name: "w", lease }), (worker) =>
      Effect.all([work(store, worker), work(store, worker)], { concurrency: "unbounded" })), { concurrency: "unbounded" })
    const { rows } = yield* (yield* open).query("select from outrigger.task")
    assert.strictEqual(rows.length, 0)
  }).pipe(Effect.scoped))
})
