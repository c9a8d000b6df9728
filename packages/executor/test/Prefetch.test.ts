import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Task, type TaskStore } from "@outrigger/sdk"
import { Executor } from "../src/index.ts"
import { bench, depth } from "./bench.ts"

const Count = Task.make("count", { payload: { n: Schema.Int } })
const enqueue = (many: number) => Count.enqueueMany(Array.from({ length: many }, (_, n) => ({ n })))

/** Attempts of a millisecond are quick by this. */
const quick = { prefetch: { ahead: "20 millis" } } as const

/** A store whose every claim takes 20 ms; notes what was asked, and how many claims were on their way at once. */
const slowStore = () => {
  const asked: Array<number> = []
  let onTheirWay = 0
  let most = 0
  const changed = (store: TaskStore.Service): TaskStore.Service => ({
    ...store,
    claim: (request) => Effect.suspend(() => {
      asked.push(request.limit)
      most = Math.max(most, ++onTheirWay)
      return Effect.ensuring(Effect.delay(store.claim(request), 20), Effect.sync(() => { onTheirWay-- }))
    })
  })
  return { asked, changed, most: () => most }
}

describe("prefetch", () => {
  it.effect("claims quick tasks in full batches, three on their way at once", () => {
    const { asked, changed, most } = slowStore()
    return Effect.gen(function*() {
      yield* enqueue(6000)
      yield* TestClock.adjust("300 millis")
      assert.strictEqual(asked[0], 100)
      assert.isAtLeast(asked.filter((limit) => limit === 500).length, 5)
      assert.strictEqual(most(), 3)
      assert.isAtLeast((yield* Executor.Executor).counts().succeeded, 4000)
    }).pipe(Effect.provide(bench(Count.toLayer(() => Effect.void), {}, changed)))
  })

  it.effect("keeps nothing from others while its own tasks are slow", () =>
    Effect.gen(function*() {
      yield* enqueue(1000)
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* depth, { running: 100 })
      assert.strictEqual((yield* Executor.Executor).running().length, 100)
    }).pipe(Effect.provide(bench(Count.toLayer(() => Effect.sleep("3 seconds")), { drainTimeout: 0 }))))

  it.effect("is turned off by `false`", () => {
    const { asked, changed } = slowStore()
    return Effect.gen(function*() {
      yield* enqueue(2000)
      yield* TestClock.adjust("300 millis")
      assert.isAtMost(Math.max(...asked), 100)
      assert.isAtLeast((yield* Executor.Executor).counts().succeeded, 1000)
    }).pipe(Effect.provide(bench(Count.toLayer(() => Effect.void), { prefetch: false }, changed)))
  })

  it.effect("hands back, unspent, what has not begun within a second, for handlers are suddenly slow", () => {
    let slow = false
    return Effect.gen(function*() {
      const ids = yield* enqueue(3000)
      yield* TestClock.adjust(20)
      slow = true
      yield* TestClock.adjust(400)
      const executor = yield* Executor.Executor
      assert.isAbove((yield* depth).running, 100)
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* depth, { running: 100 })
      assert.isAbove(executor.counts().returned, 100)
      slow = false
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(executor.counts().succeeded, ids.length)
    }).pipe(Effect.provide(bench(Count.toLayer((_, { attempt }) => {
      assert.strictEqual(attempt, 1)
      return Effect.sleep(slow ? "5 seconds" : 1)
    }), quick)))
  })

  it.effect("hands back at once, unspent, what has not begun when the executor drains", () =>
    Effect.gen(function*() {
      const release = yield* Deferred.make<void>()
      let slow = false
      const handler = Count.toLayer(() => slow ? Deferred.await(release) : Effect.sleep(1))
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(bench(handler, quick), scope)
      const inside = Effect.provideContext(services)
      yield* inside(enqueue(3000))
      yield* TestClock.adjust(20)
      slow = true
      yield* TestClock.adjust(400)
      assert.isAbove((yield* inside(depth)).running, 100)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* inside(depth), { running: 100 })
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(closing)
      assert.deepInclude(yield* inside(depth), { running: 0 })
    }))

  it.effect("refuses what is no duration, and says what is allowed", () => Effect.gen(function*() {
    const exit = yield* Effect.exit(Effect.provide(Executor.Executor, bench(Layer.empty, { prefetch: { ahead: "soon" as "1 second" } })))
    assert.include(Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "", 'prefetch.ahead is "soon", but must be a duration, such as "30 seconds"')
  }))
})
