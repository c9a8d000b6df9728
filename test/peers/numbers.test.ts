/** Numbers that grow for years. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { newTask, route, taskStores } from "../support/taskStore.ts"

const failure = { name: "Error", message: "boom" }

describe("ids, places and fences", () => {
  it.live("are exact beyond 2^31 and 2^53, in every statement (graphile-worker #619: an int4 that was used up)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    const first = 9_007_199_254_740_993n // 2^53 + 1
    yield* query(`alter table outrigger.task alter column id restart with ${first}`)
    yield* query("select setval('outrigger.task_place_seq', $1)", [String(first)])
    const [a, b] = yield* store!.enqueue([newTask(), newTask({ uniqueKey: "u", idempotencyKey: "i" })])
    assert.deepStrictEqual([a!.id, BigInt(b!.id) > first], [String(first), true])
    yield* query("update outrigger.task set fence = $1", [String(first)])
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    const claimed = yield* store!.claim({ worker, routes: [route], limit: 2 })
    const [one, two] = [a, b].map((enqueued) => claimed.find(({ id }) => id === enqueued!.id))
    assert.deepStrictEqual([one!.fence, two!.fence], [String(first + 1n), String(first + 1n)])
    assert.isTrue(yield* store!.progress(worker, { id: one!.id, fence: one!.fence, ratio: 1, text: "" }))
    assert.sameDeepMembers((yield* store!.held(worker)).map(({ fence, id }) => [id, fence]), claimed.map(({ fence, id }) => [id, fence]))
    const settled = yield* store!.settle(worker, [
      { _tag: "Succeed", id: one!.id, fence: one!.fence, result: 1 }, { _tag: "Die", id: two!.id, fence: two!.fence, failure }
    ])
    assert.sameMembers([...settled], [one!.id, two!.id])
    assert.strictEqual(Option.getOrThrow(yield* store!.find(one!.id)).fence, String(first + 1n))
    assert.strictEqual((yield* store!.redrive(two!.id)).state, "ready")
    assert.strictEqual((yield* store!.cancel(two!.id)).state, "cancelled")
    assert.deepStrictEqual((yield* store!.list({ limit: 5 })).tasks.map(({ id }) => id), [b!.id, a!.id])
  })))

  it.live("are not used up by duplicates (graphile-worker #619)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    const tasks = Array.from({ length: 50 }, () => newTask({ uniqueKey: "one" }))
    yield* store!.enqueue(tasks)
    const used = Effect.map(query("select last_value::int as n from outrigger.route_id_seq"), ([{ n }]) => n as number)
    const before = yield* used
    for (let round = 0; round < 5; round++) yield* store!.enqueue(tasks)
    assert.strictEqual(yield* used, before, "the small number of a route")
  })))

  it.live("may be retried for ever: a row does not grow with its attempts beyond a bound (river #974: attempted_by)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    yield* store!.enqueue([newTask()])
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    const message = "x".repeat(2000)
    for (let attempt = 1; attempt <= 150; attempt++) {
      const [one] = yield* store!.claim({ worker, routes: [route], limit: 1 })
      yield* store!.settle(worker, [{ _tag: "Retry", id: one!.id, fence: one!.fence, delay: 0, failure: { name: "Error", message: `${attempt} ${message}` } }])
    }
    const [{ bytes }] = (yield* query("select length(t::text) as bytes from outrigger.task t")) as [{ bytes: number }]
    assert.isBelow(bytes, 300_000)
  })), 60_000)
})
