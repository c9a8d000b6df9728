/** What becomes of tasks when the store takes a request, or not, and its answer never comes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Registry, Task, TaskHandlers, Tasks, TaskStore } from "@outrigger/sdk"
import { Executor } from "../src/index.ts"

const Count = Task.make("count", { payload: {} })

/** An executor over a memory store that is changed on the worker's side. */
const over = (change: (store: TaskStore.Service) => Partial<TaskStore.Service>, handler: Effect.Effect<unknown>, options?: Executor.Options) => {
  const faulty = Layer.effect(TaskStore.TaskStore, Effect.map(TaskStore.TaskStore, (store) => ({ ...store, ...change(store) })))
  return Executor.layer(options).pipe(
    Layer.provide(Count.toLayer(() => Effect.asVoid(handler))),
    Layer.provideMerge(Tasks.layerStore), Layer.provideMerge(faulty), Layer.provide(TaskStore.layerMemory),
    Layer.provideMerge(Layer.mergeAll(TaskHandlers.layer, Registry.layer))
  )
}
const taskOf = (id: string) => Tasks.Tasks.use((tasks) => tasks.find(id))

describe("an answer that never comes", () => {
  it.effect("of a claim: the worker asks again, and gives back what it was given unheard", () => {
    let silent = true
    return Effect.gen(function*() {
      const id = yield* Count.enqueue({})
      yield* TestClock.adjust("15 seconds")
      assert.isFalse(silent)
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(yield* taskOf(id), { state: "succeeded", attempt: 1, fence: "2" })
    }).pipe(Effect.provide(over((store) => ({
      claim: (request) => Effect.flatMap(store.claim(request), (tasks) => {
        if (!silent || tasks.length === 0) return Effect.succeed(tasks)
        silent = false
        return Effect.never
      })
    }), Effect.void)))
  })

  it.effect("of an acknowledgement: it is sent again and refused, and holds up no other", () => {
    let silent = true
    let runs = 0
    return Effect.gen(function*() {
      const first = yield* Count.enqueue({})
      yield* TestClock.adjust("1 second")
      const second = yield* Count.enqueue({})
      yield* TestClock.adjust("15 seconds")
      for (const id of [first, second]) assert.deepInclude(yield* taskOf(id), { state: "succeeded", attempt: 1, fence: "1" })
      assert.strictEqual(runs, 2)
    }).pipe(Effect.provide(over((store) => ({
      settle: (worker, settlements) => Effect.flatMap(store.settle(worker, settlements), (ids) => {
        if (!silent) return Effect.succeed(ids)
        silent = false
        return Effect.never
      })
    }), Effect.sync(() => { runs++ }))))
  })

  it.effect("of an acknowledgement that is given up: the task runs again, for its worker lives on and holds it", () => {
    let refusing = true
    return Effect.gen(function*() {
      const id = yield* Count.enqueue({})
      yield* TestClock.adjust("5 seconds")
      assert.isFalse(refusing)
      assert.deepInclude(yield* taskOf(id), { state: "succeeded", attempt: 1, fence: "2" })
    }).pipe(Effect.provide(over((store) => ({
      settle: (worker, settlements) => Effect.suspend(() => {
        if (!refusing) return store.settle(worker, settlements)
        refusing = false
        return Effect.fail(new Task.StoreUnavailable("a column is missing", false))
      })
    }), Effect.void)))
  })

  it.effect("makes the worker ask after all that it holds, and else only after what it runs, by its ids", () => {
    const asked: Array<string> = []
    let refuse = false
    const done = Latch.makeUnsafe()
    return Effect.gen(function*() {
      const id = yield* Count.enqueue({})
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual([...new Set(asked)], [id])
      refuse = true
      yield* TestClock.adjust("2 seconds")
      asked.length = 0
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([...new Set(asked)], ["all"])
      refuse = false
      yield* TestClock.adjust("90 seconds")
      asked.length = 0
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual([...new Set(asked)], [id])
      yield* done.open
      yield* TestClock.adjust("1 second")
    }).pipe(Effect.provide(over((store) => ({
      held: (worker, ids) => Effect.andThen(Effect.sync(() => void asked.push(ids?.join() ?? "all")), store.held(worker, ids)),
      claim: (request) => refuse ? Effect.fail(new Task.StoreUnavailable("the connection was cut", true)) : store.claim(request)
    }), done.await)))
  })

  it.effect("of a claim, by a worker that is never at rest: given back all the same", () => {
    let lose = true
    return Effect.gen(function*() {
      const id = yield* Count.enqueue({})
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude(yield* taskOf(id), { state: "succeeded", attempt: 1, fence: "2" })
    }).pipe(Effect.provide(over((store) => ({
      held: (worker, ids) => Effect.delay(store.held(worker, ids), "2 seconds"),
      claim: (request) => Effect.flatMap(store.claim(request), (tasks) => {
        if (!lose || tasks.length === 0) return Effect.delay(Effect.succeed(tasks), "3 seconds")
        lose = false
        return Effect.fail(new Task.StoreUnavailable("the connection was cut", true))
      })
    }), Effect.void, { poll: 1 })))
  })
})
