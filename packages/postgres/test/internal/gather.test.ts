import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { TaskStore } from "@outrigger/sdk"
import { gather } from "../../src/internal/gather.ts"

const task = (payload: unknown): TaskStore.NewTask => ({ name: "charge", version: 1, queue: "default", payload, priority: 5, delay: 0 })

describe("gathered enqueues", () => {
  it.effect("do not wait for ever behind a connection that fell silent", () => Effect.gen(function*() {
    let silent = true
    const enqueue = gather((tasks) => silent ? Effect.never : Effect.succeed(tasks.map((_, n) => ({ id: String(n), duplicate: false }))))
    const waiting = yield* Effect.forEach([1, 2, 3], (n) => Effect.forkChild(Effect.flip(enqueue(task(n))), { startImmediately: true }))
    yield* TestClock.adjust("29 seconds")
    silent = false
    yield* TestClock.adjust("1 second")
    for (const fiber of waiting) assert.deepInclude(yield* Fiber.join(fiber), { _tag: "StoreUnavailable", retryable: true })
    assert.deepStrictEqual(yield* enqueue(task(4)), { id: "0", duplicate: false })
  }))
})
