import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Task, TaskStore } from "@outrigger/sdk"
import { Settler } from "../../src/internal/settler.ts"

const success = (id: string): TaskStore.Settlement => ({ _tag: "Succeed", id, fence: "1", result: null })

/** A settler at work on a store that only settles, `how` it is told to. */
const bench = (how: TaskStore.Service["settle"], trusted: () => boolean = () => true) => Effect.gen(function*() {
  const calls: Array<readonly [worker: string, ids: ReadonlyArray<string>]> = []
  const store = yield* TaskStore.TaskStore.pipe(Effect.provide(Layer.mock(TaskStore.TaskStore, {
    schedules: {} as TaskStore.Service["schedules"],
    settle: (worker, settlements) => Effect.suspend(() => {
      calls.push([worker, settlements.map(({ id }) => id)])
      return how(worker, settlements)
    })
  })))
  const settler = new Settler()
  const told: Array<readonly [id: string, applied: boolean]> = []
  yield* Effect.forkScoped(settler.loop(store, trusted))
  const add = (id: string, worker = "w1") => settler.add({ worker, settlement: success(id), done: (applied) => told.push([id, applied]) })
  return { add, calls, settler, told }
})

const applied: TaskStore.Service["settle"] = (_, settlements) => Effect.succeed(settlements.map(({ id }) => id))
const away = Effect.fail(new Task.StoreUnavailable("gone", true))

describe("Settler", () => {
  it.effect("writes what ended while a write was on its way together, in the next", () => Effect.gen(function*() {
    const { add, calls, told } = yield* bench((worker, settlements) => Effect.delay(applied(worker, settlements), "1 second"))
    add("1")
    yield* TestClock.adjust("500 millis")
    for (const id of ["2", "3", "4"]) add(id)
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(calls, [["w1", ["1"]], ["w1", ["2", "3", "4"]]])
    assert.deepStrictEqual(told, [["1", true], ["2", true], ["3", true], ["4", true]])
  }))

  it.effect("writes full batches beside one another, three at most, and what fills none when they are done", () => Effect.gen(function*() {
    const { add, calls, settler, told } = yield* bench((worker, settlements) => Effect.delay(applied(worker, settlements), "1 second"))
    const sizes = () => calls.map(([, ids]) => ids.length)
    const end = (many: number) => { for (let n = 0; n < many; n++) add(`${calls.length}-${n}`) }
    end(1)
    yield* TestClock.adjust("1 milli")
    end(499)
    yield* TestClock.adjust("1 milli")
    assert.deepStrictEqual(sizes(), [1])
    end(1900)
    yield* TestClock.adjust("1 milli")
    assert.deepStrictEqual([sizes(), settler.size], [[1, 500, 500], 2400])
    yield* TestClock.adjust("4 seconds")
    assert.deepStrictEqual([sizes(), settler.size, told.length], [[1, 500, 500, 500, 500, 399], 0, 2400])
  }))

  it.effect("tells each outcome whether it was applied", () => Effect.gen(function*() {
    const { add, told } = yield* bench((_, settlements) => Effect.succeed(settlements.map(({ id }) => id).filter((id) => id !== "2")))
    for (const id of ["1", "2", "3"]) add(id)
    yield* TestClock.adjust("1 milli")
    assert.deepStrictEqual(told, [["1", true], ["2", false], ["3", true]])
  }))

  it.effect("writes outcomes under the worker that claimed them", () => Effect.gen(function*() {
    const { add, calls } = yield* bench(applied)
    add("1", "w1")
    add("2", "w2")
    add("3", "w1")
    yield* TestClock.adjust("1 milli")
    assert.deepStrictEqual(calls, [["w1", ["1", "3"]], ["w2", ["2"]]])
  }))

  it.effect("asks a store that is away again and again, and writes what came meanwhile after it", () => Effect.gen(function*() {
    let there = false
    const { add, calls, told } = yield* bench((worker, settlements) => there ? applied(worker, settlements) : away)
    add("1")
    yield* TestClock.adjust("1 second")
    add("2")
    yield* TestClock.adjust("9 seconds")
    assert.isAtLeast(calls.length, 8)
    assert.deepStrictEqual(told, [])
    there = true
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(told, [["1", true], ["2", true]])
  }))

  it.effect("gives up when the lease can no longer be trusted, and goes on with what comes next", () => Effect.gen(function*() {
    let held = true
    const { add, told } = yield* bench((worker, settlements) => held ? away : applied(worker, settlements), () => held)
    add("1")
    yield* TestClock.adjust("5 seconds")
    held = false
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(told.length, 1)
    add("2")
    yield* TestClock.adjust("1 milli")
    assert.deepStrictEqual(told.at(-1), ["2", true])
  }))
})
