/** Everything at once on the same few rows and keys: nobody waits for each other in a circle, and nothing is done twice. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TaskStore } from "@outrigger/sdk"
import { seeded } from "../faults/support/random.ts"
import { eventually, newTask, route, session, taskStores } from "../support/taskStore.ts"

const failure = { name: "Error", message: "boom" }

describe("keys", () => {
  it.live("enqueued in opposite orders at once do not deadlock (hatchet #1343, river #1059)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [a, b] } = yield* taskStores(2)
    for (const kind of ["uniqueKey", "idempotencyKey"] as const) {
      for (let round = 0; round < 20; round++) {
        const tasks = Array.from({ length: 50 }, (_, n) => newTask({ [kind]: `${kind} ${round} ${n}` }))
        const [up, down] = yield* Effect.all([a!.enqueue(tasks), b!.enqueue(tasks.toReversed())], { concurrency: 2 })
        assert.deepStrictEqual(down.toReversed().map(({ id }) => id), up.map(({ id }) => id))
        for (const [index, { duplicate }] of up.entries()) assert.notStrictEqual(down.toReversed()[index]!.duplicate, duplicate)
      }
    }
    assert.deepStrictEqual(yield* query("select deadlocks::int from pg_stat_database where datname = current_database()"), [{ deadlocks: 0 }])
  })))
})

describe("claiming, settling, cancelling, reviving, reaping and enqueuing with keys, all at once", () => {
  it.live("end without a deadlock, and no claim is given twice (hatchet #1343, river #1059, solid_queue #531)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores } = yield* taskStores(3)
    const random = seeded(11)
    const below = (n: number) => Math.floor(random() * n)
    const seen: Array<string> = []
    const known: Array<string> = []
    const workers = new Map<TaskStore.Service, string>()
    const claims: Array<{ readonly store: TaskStore.Service; readonly worker: string; readonly id: string; readonly fence: string }> = []
    const join = (store: TaskStore.Service) => Effect.map(store.register({ name: "busy", lease: 600_000 }), (worker) => { workers.set(store, worker) })
    for (const store of stores) yield* join(store)

    const actions: ReadonlyArray<(store: TaskStore.Service) => Effect.Effect<unknown, unknown>> = [
      (store) => Effect.map(store.enqueue(Array.from({ length: 1 + below(6) }, () => newTask({
        ...(random() < 0.5 && { uniqueKey: `u${below(8)}` }), ...(random() < 0.3 && { idempotencyKey: `i${below(40)}` })
      }))), (all) => known.push(...all.map(({ id }) => id))),
      (store) => {
        const worker = workers.get(store)!
        return Effect.map(store.claim({ worker, routes: [route], limit: 5 }), (all) => {
          for (const { fence, id } of all) {
            seen.push(`${id} ${fence}`)
            claims.push({ store, worker, id, fence })
          }
        })
      },
      () => {
        const some = claims.splice(below(claims.length), 4)
        return Effect.forEach(some, ({ fence, id, store, worker }) => store.settle(worker, [
          random() < 0.5 ? { _tag: "Succeed", id, fence, result: 1 } : { _tag: "Retry", id, fence, delay: 0, failure }
        ]))
      },
      (store) => {
        const worker = workers.get(store)!
        const mine = claims.filter((claim) => claim.worker === worker)
        return store.settle(worker, mine.map(({ fence, id }, n): TaskStore.Settlement =>
          n % 2 === 0 ? { _tag: "Die", id, fence, failure } : { _tag: "HandBack", id, fence, delay: 0, reason: "" }))
      },
      (store) => known.length === 0 ? Effect.void : store.cancel(known[below(known.length)]!),
      (store) => known.length === 0 ? Effect.void : store.redrive(known[below(known.length)]!),
      (store) => random() < 0.2 ? Effect.andThen(store.renew(workers.get(store)!, 1), join(store)) : store.upkeep,
      (store) => random() < 0.2 ? Effect.andThen(store.deregister(workers.get(store)!), join(store)) : store.upkeep
    ]
    for (let round = 0; round < 60; round++) {
      const all = Array.from({ length: 16 }, () => actions[below(actions.length)]!(stores[below(stores.length)]!))
      yield* Effect.all(all, { concurrency: "unbounded" })
    }
    assert.isAbove(seen.length, 200)
    assert.strictEqual(new Set(seen).size, seen.length)
    assert.deepStrictEqual(yield* query("select id from outrigger.task intersect select id from outrigger.finished"), [])
    const [{ n }] = yield* query("select (select count(*) from outrigger.task)::int + (select count(*) from outrigger.finished)::int as n") as never as Effect.Effect<[{ n: number }]>
    assert.strictEqual(n, new Set(known).size)
  })), 60_000)
})

describe("a session that holds one task", () => {
  it.live("holds up nobody's claim of the others, nor their end (dbos-transact-ts #1300: a lock of the whole backlog)", () => Effect.scoped(Effect.gen(function*() {
    const { stores: [store], url } = yield* taskStores(1)
    const ids = (yield* store!.enqueue(Array.from({ length: 20 }, () => newTask()))).map(({ id }) => id)
    const stranger = yield* session(url)
    yield* stranger("begin")
    yield* stranger("select from outrigger.task where id = $1 for update", [ids[0]])
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    const claimed = yield* store!.claim({ worker, routes: [route], limit: 100 })
    assert.sameMembers(claimed.map(({ id }) => id), ids.slice(1))
    yield* store!.settle(worker, claimed.map(({ fence, id }) => ({ _tag: "Succeed", id, fence, result: 1 })))
    yield* stranger("rollback")
    const [last] = yield* eventually(Effect.map(store!.claim({ worker, routes: [route], limit: 100 }), (all) => all.length > 0 ? all : undefined))
    assert.strictEqual(last!.id, ids[0])
  })))
})

describe("a claim", () => {
  it.live("gives no more than its limit, whoever else claims, ends and enqueues (oban: a limit overrun without a fence around it)", () => Effect.scoped(Effect.gen(function*() {
    const { stores } = yield* taskStores(3)
    yield* stores[0]!.enqueue(Array.from({ length: 600 }, (_, n) => newTask({ priority: n % 10 })))
    const sizes = yield* Effect.forEach(stores, (store) => Effect.gen(function*() {
      const worker = yield* store.register({ name: "w", lease: 600_000 })
      const mine: Array<number> = []
      for (let turn = 0; turn < 30; turn++) {
        const claimed = yield* store.claim({ worker, routes: [route], limit: 7 })
        mine.push(claimed.length)
        yield* store.settle(worker, claimed.map(({ fence, id }) => ({ _tag: "Retry", id, fence, delay: 0, failure })))
      }
      return mine
    }), { concurrency: "unbounded" })
    assert.strictEqual(Math.max(...sizes.flat()), 7)
  })))
})
