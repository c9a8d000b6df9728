/** Unique keys, as they went wrong elsewhere: a duplicate of what was never saved, a conflict with oneself, a rescue that is stuck. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TaskStore } from "@outrigger/sdk"
import { eventually, newTask, route, session, taskStores } from "../support/taskStore.ts"

const failure = { name: "Error", message: "boom" }
const unique = newTask({ uniqueKey: "order 7" })

const claimOne = (store: TaskStore.Service, worker: string) => eventually(Effect.map(
  Effect.andThen(store.upkeep, store.claim({ worker, routes: [route], limit: 1 })), ([one]) => one))

describe("a unique key", () => {
  it.live("is nobody's when the transaction that had it rolls back: who waited makes the task (oban #1087, #1093)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store], url } = yield* taskStores(1)
    const holder = yield* session(url)
    yield* holder("begin")
    yield* holder(`select outrigger.enqueue('charge', '1', '{"uniqueKey": "order 7"}')`)
    const waiting = yield* Effect.forkChild(store!.enqueue([unique]), { startImmediately: true })
    yield* eventually(Effect.map(query("select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"), (rows) =>
      rows.length > 0 ? true : undefined))
    yield* holder("rollback")
    const [made] = yield* Fiber.join(waiting)
    assert.isFalse(made!.duplicate)
    assert.deepStrictEqual(yield* query("select id::text, state from outrigger.task"), [{ id: made!.id, state: "ready" }])
  })))

  it.live("does not stand in its own task's way: retried, handed back, taken over and revived, it is the same task (river #619)", () => Effect.scoped(Effect.gen(function*() {
    const { stores: [store] } = yield* taskStores(1)
    const [made] = yield* store!.enqueue([unique])
    const id = made!.id
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    const settlements: ReadonlyArray<(fence: string) => TaskStore.Settlement> = [
      (fence) => ({ _tag: "Retry", id, fence, delay: 1, failure }),
      (fence) => ({ _tag: "HandBack", id, fence, delay: 0, reason: "" }),
      (fence) => ({ _tag: "Die", id, fence, failure })
    ]
    for (const settlement of settlements) {
      const { fence } = yield* claimOne(store!, worker)
      assert.deepStrictEqual(yield* store!.enqueue([unique]), [{ id, duplicate: true }])
      assert.deepStrictEqual(yield* store!.settle(worker, [settlement(fence)]), [id])
    }
    assert.strictEqual((yield* store!.redrive(id)).state, "ready")
    assert.deepStrictEqual(yield* store!.enqueue([unique]), [{ id, duplicate: true }])
    assert.strictEqual((yield* claimOne(store!, worker)).id, id)
  })))

  it.live("holds up no rescue: a dead worker's tasks go on, whatever was enqueued with their keys meanwhile (awa #388)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    const keyed = Array.from({ length: 5 }, (_, n) => newTask({ uniqueKey: `k${n}` }))
    const ids = (yield* store!.enqueue(keyed)).map(({ id }) => id)
    const dying = yield* store!.register({ name: "dying", lease: 60_000 })
    yield* store!.claim({ worker: dying, routes: [route], limit: 5 })
    yield* store!.cancel(ids[0]!)
    const [next] = yield* store!.enqueue(keyed)
    assert.isFalse(next!.duplicate)
    yield* store!.redrive(ids[0]!) // the key has two tasks now
    yield* query("update outrigger.worker set expires_at = now() - interval '1 second'")
    const living = yield* store!.register({ name: "living", lease: 60_000 })
    const got = new Set<string>()
    while (got.size < 6) got.add((yield* claimOne(store!, living)).id)
    assert.sameMembers([...got], [...ids, next!.id])
  })))
})
