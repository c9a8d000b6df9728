import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import { Task, TaskStore } from "@outrigger/sdk"
import { type Verdict, verdictOf } from "../src/agent/supervision/blame.ts"
import { settleDead } from "../src/agent/supervision/settleDead.ts"

const route = { name: "resize", version: 1, queue: "default" }
const definition = TaskStore.defineTask("resize", { retry: { times: 1, base: 1000, jitter: "none" } })

/** A worker that holds two tasks, and is dead by now. */
const bench = Effect.gen(function*() {
  const store = yield* TaskStore.TaskStore
  yield* store.define([definition])
  yield* store.enqueue([1, 2].map((payload) => ({ ...route, payload, priority: 5, delay: 0 })))
  const worker = yield* store.register({ name: "dead", lease: 30_000 })
  const [first, second] = yield* store.claim({ worker, routes: [route], limit: 2 })
  const find = (id: string) => Effect.map(store.find(id), Option.getOrThrow)
  const blocked: Verdict = verdictOf({
    at: 0, code: null, signal: "SIGKILL", outOfMemory: false,
    sentence: { _tag: "Blocked", blocked: 10_000, where: "spin (/app/tasks.ts:42)", task: first! }
  })
  return { store, worker, first: first!, second: second!, find, blocked }
})

describe("what a dead runner left", () => {
  it.effect("is settled: the culprit's attempt is spent and tried again, the others go back unspent", () => Effect.gen(function*() {
    const { blocked, find, first, second, store, worker } = yield* bench
    const spent = yield* settleDead(store, worker, blocked)
    assert.deepStrictEqual(spent.map(({ id }) => id), [first.id])
    const culprit = yield* find(first.id)
    assert.deepInclude(culprit, { state: "scheduled", attempt: 1 })
    assert.deepStrictEqual(culprit.failure, { name: "EventLoopBlocked", message: "blocked the event loop for 10 s in spin (/app/tasks.ts:42)" })
    assert.deepInclude(yield* find(second.id), { state: "ready", attempt: 0 })
  }).pipe(Effect.provide(TaskStore.layerMemory)))

  it.effect("dies at its last attempt, so that a poisonous task does not kill runners for ever", () => Effect.gen(function*() {
    const { blocked, find, first, store, worker } = yield* bench
    yield* settleDead(store, worker, blocked)
    yield* TestClock.adjust("2 seconds")
    yield* store.upkeep
    const next = yield* store.register({ name: "next", lease: 30_000 })
    const again = (yield* store.claim({ worker: next, routes: [route], limit: 2 })).find(({ id }) => id === first.id)
    yield* settleDead(store, next, { ...blocked, culprits: [again!] })
    assert.deepInclude(yield* find(first.id), { state: "dead", attempt: 2 })
  }).pipe(Effect.provide(TaskStore.layerMemory)))

  it.effect("is settled once the store is back", () => Effect.gen(function*() {
    const { blocked, find, first, store, worker } = yield* bench
    let away = 3
    const held: TaskStore.Service["held"] = (id) => Effect.suspend(() =>
      away-- > 0 ? Effect.fail(new Task.StoreUnavailable("the database is away", true)) : store.held(id))
    const settling = yield* Effect.forkChild(settleDead({ ...store, held }, worker, blocked))
    yield* TestClock.adjust("5 seconds")
    yield* Fiber.join(settling)
    assert.strictEqual((yield* find(first.id)).attempt, 1)
    assert.strictEqual(away, -1)
  }).pipe(Effect.provide(TaskStore.layerMemory)))
})
