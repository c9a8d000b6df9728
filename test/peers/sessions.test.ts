/** The sessions that a store keeps: ended under it, listening twice, with statements that they prepared before something changed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import pg from "pg"
import { TaskStore } from "@outrigger/sdk"
import { eventually, newTask, route, taskStores } from "../support/taskStore.ts"

const listeners = "select pid from pg_stat_activity where datname = current_database() and query ilike 'listen%'"

/** What is said on the channel of wake-ups, as it comes. */
const notifications = (url: string) => Effect.gen(function*() {
  const heard: Array<string> = []
  const client = new pg.Client(url)
  client.on("notification", ({ payload = "" }) => heard.push(payload))
  yield* Effect.acquireRelease(Effect.promise(() => client.connect()), () => Effect.promise(() => client.end()))
  yield* Effect.promise(() => client.query("listen outrigger_wake"))
  return heard
})

/** All that a worker and a host do, once through. */
const round = (store: TaskStore.Service, worker: string) => Effect.gen(function*() {
  const [made] = yield* store.enqueue([newTask()])
  const [claimed] = yield* store.claim({ worker, routes: [route], limit: 1 })
  assert.strictEqual(claimed!.id, made!.id)
  assert.isTrue(yield* store.renew(worker, 600_000))
  assert.deepStrictEqual(yield* store.settle(worker, [{ _tag: "Succeed", id: claimed!.id, fence: claimed!.fence, result: 1 }]), [made!.id])
  assert.strictEqual((yield* store.await(made!.id, 10_000)).state, "succeeded")
  yield* store.upkeep
})

describe("the connection that listens", () => {
  it.live("comes back when it dies, as one, and wakes once for each (oban 2.21, 2.22: none, or two)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    let wakes = 0
    yield* store!.onWake(() => { wakes++ })
    const listening = (other?: number) => eventually(Effect.map(query(listeners), (rows) =>
      rows.length === 1 && rows[0].pid !== other ? rows[0].pid as number : undefined))
    let pid = yield* listening()
    for (let death = 0; death < 2; death++) {
      yield* query("select pg_terminate_backend($1)", [pid])
      pid = yield* listening(pid)
    }
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    yield* store!.sleeping(worker, true)
    const settled = yield* eventually(Effect.map(Effect.delay(Effect.sync(() => wakes), 50), (now) => now >= 3 ? now : undefined)) // a look after each listen
    yield* store!.enqueue([newTask()])
    yield* eventually(Effect.sync(() => wakes > settled ? true : undefined))
    assert.strictEqual((yield* query(listeners)).length, 1)
    assert.strictEqual(wakes, settled + 1)
  })))
})

describe("a wake-up", () => {
  it.live("carries nothing, so that no payload is too large for it (oban #791: over 8000 bytes)", () => Effect.scoped(Effect.gen(function*() {
    const { stores: [store] } = yield* taskStores(1)
    let wakes = 0
    yield* store!.onWake(() => { wakes++ })
    yield* eventually(Effect.sync(() => wakes > 0 ? true : undefined))
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    yield* store!.sleeping(worker, true)
    yield* store!.enqueue([newTask({ payload: "x".repeat(500_000) })])
    yield* eventually(Effect.sync(() => wakes > 1 ? true : undefined))
  })))

  it.live("is sent neither in a transaction of the host nor while nobody sleeps: no commit waits for another (recall.ai)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store], url } = yield* taskStores(1)
    const heard = yield* notifications(url)
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    yield* store!.sleeping(worker, true)
    yield* query("begin")
    yield* query("select outrigger.enqueue('charge', '1')")
    yield* query("commit")
    yield* store!.sleeping(worker, false)
    yield* store!.enqueue([newTask()])
    yield* query("notify outrigger_wake, 'the first of all'") // they come in the order of their commits
    yield* eventually(Effect.sync(() => heard.length > 0 ? true : undefined))
    assert.deepStrictEqual(heard, ["the first of all"])
    yield* store!.sleeping(worker, true)
    yield* store!.enqueue([newTask()])
    yield* eventually(Effect.sync(() => heard.length > 1 ? true : undefined))
    assert.deepStrictEqual(heard, ["the first of all", ""])
  })))
})

describe("a session", () => {
  it.live("that is ended between two statements is replaced unseen, or its error says that one may ask again", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    for (let death = 0; death < 10; death++) {
      yield* query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'outrigger' and datname = current_database()")
      const answer = yield* Effect.result(store!.renew(worker, 600_000))
      if (answer._tag === "Failure") assert.isTrue(answer.failure.retryable)
    }
    yield* eventually(Effect.map(Effect.result(store!.renew(worker, 600_000)), ({ _tag }) => _tag === "Success" ? true : undefined))
    yield* round(store!, worker)
  })))

  it.live("goes on when the table under its prepared statements has changed, as in a deploy (river #238)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1, 1)
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    yield* round(store!, worker)
    yield* query("alter table outrigger.task add column of_the_next_release text default 'x'")
    yield* query("alter table outrigger.finished add column of_the_next_release text default 'x'")
    yield* query("create index of_the_next_release on outrigger.task (of_the_next_release)")
    yield* round(store!, worker)
  })))
})
