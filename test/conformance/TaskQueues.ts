/** What every `TaskStore` promises of its queues: pausing, limits over all workers, depth. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { TaskStore } from "@outrigger/sdk"
import { route, task, using } from "./TaskStore.ts"

const definition = (queueLimits?: TaskStore.QueueLimits): TaskStore.TaskDefinition => ({
  name: "charge", version: 1, queue: "default", queueLimits, priority: 5, timeout: 60_000, needs: [], payloadSchema: undefined,
  retry: { times: 1, base: 1, factor: 1, max: 1, jitter: "none" }
})
const hour = 3_600_000

/** Runs over `layer`, which is built anew for each test. */
export const suite = (name: string, layer: Layer.Layer<TaskStore.TaskStore, unknown>): void => {
  const test = (title: string, body: Effect.Effect<unknown, unknown, TaskStore.TaskStore>) =>
    it.live(title, () => body.pipe(Effect.provide(layer), Effect.orDie))

  /** Claims again until something comes, or the queue's state says that it should. */
  const eventually = <A, E, R>(claim: Effect.Effect<ReadonlyArray<A>, E, R>): Effect.Effect<ReadonlyArray<A>, E, R> =>
    Effect.flatMap(claim, (claimed) => claimed.length > 0 ? Effect.succeed(claimed) : Effect.andThen(Effect.yieldNow, eventually(claim)))

  describe(`${name}: queues`, () => {
    test("are known from the first task or the first worker on, and tell their depth", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      yield* store.define([definition({ concurrency: 7 })])
      yield* enqueue(task(), task(), task({ delay: hour }), task({ queue: "mail" }))
      yield* claim(yield* worker(), 1)
      const states = new Map((yield* store.queues).map((state) => [state.queue, state]))
      assert.deepInclude(states.get("default"), { scheduled: 1, ready: 1, running: 1, estimated: false, pausedAt: undefined, limits: { concurrency: 7 } })
      assert.deepInclude(states.get("mail"), { ready: 1, limits: {} })
      assert.isAtLeast(states.get("mail")!.oldest!, 0)
    }))

    test("give nothing while they are paused, and go on where they were", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const w = yield* worker()
      yield* enqueue(...Array.from({ length: 3 }, () => task()))
      assert.strictEqual((yield* claim(w, 1)).length, 1)
      assert.isNumber((yield* store.pauseQueue("default")).pausedAt)
      yield* enqueue(task())
      assert.strictEqual((yield* claim(w)).length, 0)
      assert.isUndefined((yield* store.resumeQueue("default")).pausedAt)
      assert.strictEqual((yield* claim(w)).length, 3)
    }))

    test("leave others alone when one is paused", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const w = yield* worker()
      yield* enqueue(task({ queue: "mail" }))
      yield* store.pauseQueue("mail")
      const [id] = yield* enqueue(task())
      const routes = [route, { ...route, queue: "mail" }]
      assert.deepStrictEqual((yield* eventually(claim(w, 10, routes))).map((one) => one.id), [id])
    }))

    test("that nobody knows are refused, and nothing is made", Effect.gen(function*() {
      const { store } = yield* using
      for (const ask of [store.pauseQueue("typo"), store.resumeQueue("typo"), store.limitQueue("typo", { concurrency: 1 })]) {
        assert.strictEqual((yield* Effect.flip(ask))._tag, "QueueNotFound")
      }
      assert.deepStrictEqual(yield* store.queues, [])
    }))

    test("refuse limits that make no sense, and keep those that they have", Effect.gen(function*() {
      const { store } = yield* using
      yield* store.define([definition({ concurrency: 7 })])
      for (const limits of [{ concurrency: 0 }, { concurrency: 1.5 }, { rateLimit: { limit: 0, per: 1 } }, { rateLimit: { limit: 1, per: 0 } }]) {
        assert.strictEqual((yield* Effect.flip(store.limitQueue("default", limits)))._tag, "InvalidOption")
      }
      assert.deepStrictEqual((yield* store.queues)[0]!.limits, { concurrency: 7 })
    }))

    test("run no more at a time than their concurrency, over all workers", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      yield* store.define([definition({ concurrency: 3 })])
      yield* enqueue(...Array.from({ length: 10 }, () => task()))
      const [a, b] = [yield* worker(), yield* worker()]
      const first = yield* claim(a, 2)
      assert.strictEqual(first.length, 2)
      assert.strictEqual((yield* eventually(claim(b))).length, 1)
      assert.strictEqual((yield* claim(a)).length + (yield* claim(b)).length, 0)
      const [one, other] = first
      yield* store.settle(a, [
        { _tag: "Succeed", id: one!.id, fence: one!.fence, result: null },
        { _tag: "HandBack", id: other!.id, fence: other!.fence, delay: hour, reason: "snoozed" }
      ])
      assert.strictEqual((yield* eventually(claim(b))).length, 2)
      assert.strictEqual((yield* claim(a)).length, 0)
    }))

    test("count what was cancelled, or whose worker left, as run", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      yield* store.define([definition({ concurrency: 2 })])
      yield* enqueue(...Array.from({ length: 4 }, () => task()))
      const [a, b] = [yield* worker(), yield* worker()]
      const [one] = yield* claim(a)
      yield* store.cancel(one!.id)
      assert.strictEqual((yield* eventually(claim(b))).length, 1)
      yield* store.deregister(a)
      assert.strictEqual((yield* eventually(claim(b))).length, 1)
      assert.strictEqual((yield* claim(b)).length, 0)
    }))

    test("begin no more attempts in a time than their rate, over all workers", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      yield* store.define([definition({ rateLimit: { limit: 4, per: 24 * hour } })])
      yield* enqueue(...Array.from({ length: 10 }, () => task()))
      const [a, b] = [yield* worker(), yield* worker()]
      assert.strictEqual((yield* claim(a, 3)).length, 3)
      assert.strictEqual((yield* eventually(claim(b))).length, 1)
      assert.strictEqual((yield* claim(a)).length + (yield* claim(b)).length, 0)
      yield* store.limitQueue("default", { rateLimit: { limit: 1000, per: 1000 } }) // an operator's word holds at once
      assert.isAtLeast((yield* eventually(claim(a))).length, 1)
    }))

    test("keep an operator's limits whatever workers declare, until they are taken back", Effect.gen(function*() {
      const { store } = yield* using
      yield* store.define([definition({ concurrency: 7 })])
      assert.deepStrictEqual((yield* store.limitQueue("default", { concurrency: 1 })).limits, { concurrency: 1 })
      yield* store.define([definition({ concurrency: 9 })])
      assert.deepStrictEqual((yield* store.queues)[0]!.limits, { concurrency: 1 })
      assert.deepStrictEqual((yield* store.limitQueue("default", undefined)).limits, { concurrency: 9 })
      yield* store.define([definition()]) // a task that names its queue alone says nothing of its limits
      assert.deepStrictEqual((yield* store.queues)[0]!.limits, { concurrency: 9 })
    }))
  })
}
