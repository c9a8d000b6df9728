import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { TaskStore } from "@outrigger/sdk"
import { impatient } from "../../src/internal/impatient.ts"

const route = { name: "charge", version: 1, queue: "default" }
const requests = {
  define: (store) => store.define([]),
  register: (store) => store.register({ name: "w", lease: 1 }),
  renew: (store) => store.renew("1", 1),
  deregister: (store) => store.deregister("1"),
  held: (store) => store.held("1"),
  claim: (store) => store.claim({ worker: "1", routes: [route], limit: 1 }),
  settle: (store) => store.settle("1", []),
  progress: (store) => store.progress("1", { id: "1", fence: "1", ratio: 0, text: "" }),
  upkeep: (store) => store.upkeep,
  sleeping: (store) => store.sleeping("1", true)
} satisfies { readonly [request: string]: (store: TaskStore.Service) => Effect.Effect<unknown, unknown> }

const silent = new Proxy({}, { get: (_, request) => request === "upkeep" ? Effect.never : () => Effect.never }) as TaskStore.Service

describe("an impatient store", () => {
  for (const [name, request] of Object.entries(requests)) {
    it.effect(`waits no longer than it has patience: ${name}`, () => Effect.gen(function*() {
      const seconds = name === "upkeep" ? 60 : 10
      const waiting = yield* Effect.forkChild(Effect.flip(request(impatient(silent))), { startImmediately: true })
      yield* TestClock.adjust(seconds * 1000 - 1)
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(waiting)
      assert.deepInclude(error, { _tag: "StoreUnavailable", retryable: true, message: `The task store gave no answer in ${seconds} s` })
    }))
  }

  it.effect("gives what the store gives", () => Effect.gen(function*() {
    const store = impatient(yield* TaskStore.TaskStore)
    const [enqueued] = yield* store.enqueue([{ ...route, payload: 1, priority: 5, delay: 0 }])
    const worker = yield* store.register({ name: "w", lease: 60_000 })
    const [claimed] = yield* store.claim({ worker, routes: [route], limit: 1 })
    assert.strictEqual(claimed!.id, enqueued!.id)
    assert.deepStrictEqual(yield* store.upkeep, { promoted: 0, reaped: 0 })
    assert.deepStrictEqual(yield* store.settle(worker, [{ _tag: "Succeed", id: claimed!.id, fence: claimed!.fence, result: 1 }]), [claimed!.id])
  }).pipe(Effect.provide(TaskStore.layerMemory)))
})
