/** A task that kills its workers, none of which lives to say so. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Registry, Task, TaskHandlers, Tasks, TaskStore } from "@outrigger/sdk"
import { Executor } from "../src/index.ts"

const Poison = Task.make("poison", { payload: {}, retry: { times: 2, base: "1 second" } })
const route = { name: "poison", version: 1, queue: "default" }

/** A worker that claims the task and is never heard of again. */
const dies = Effect.gen(function*() {
  const store = yield* TaskStore.TaskStore
  const worker = yield* store.register({ name: "victim", lease: 1000 })
  assert.strictEqual((yield* store.claim({ worker, routes: [route], limit: 1 })).length, 1)
  yield* TestClock.adjust("2 seconds")
  yield* store.upkeep
})

describe("a task that kills its worker", () => {
  const run = (deaths: number) => Effect.gen(function*() {
    let runs = 0
    const id = yield* Poison.enqueue({})
    yield* Effect.repeat(dies, { times: deaths - 1 })
    yield* Layer.build(Executor.layer().pipe(Layer.provide(Poison.toLayer(() => Effect.sync(() => { runs++ })))))
    yield* TestClock.adjust("1 second")
    return { runs, task: yield* Tasks.Tasks.use((tasks) => tasks.find(id)) }
  }).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(Tasks.layerMemory, TaskHandlers.layer, Registry.layer)))

  it.effect("is dead after its attempts, and not run again", () => Effect.gen(function*() {
    const { runs, task } = yield* run(3)
    assert.strictEqual(runs, 0)
    assert.deepInclude(task, { state: "dead" })
    assert.strictEqual(task.failure!.name, "WorkerLost")
    assert.include(task.failure!.message, "each of its 3 attempts ended without a word")
    assert.deepStrictEqual(task.errors!.map(({ attempt, name, worker }) => [attempt, name, worker.split(" ")[0]]), [
      [1, "WorkerLost", "victim"], [2, "WorkerLost", "victim"], [3, "WorkerLost", "victim"], [4, "WorkerLost", "worker"]
    ])
  }))

  it.effect("has its last attempt like any other", () => Effect.gen(function*() {
    const { runs, task } = yield* run(2)
    assert.strictEqual(runs, 1)
    assert.deepInclude(task, { state: "succeeded", attempt: 3 })
  }))
})
