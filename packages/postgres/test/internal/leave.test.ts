import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { leaveSoon } from "../../src/internal/leave.ts"

const ending = (finalizer: Effect.Effect<void>) => leaveSoon(Effect.onInterrupt(Effect.never, () => finalizer))

describe("leaving", () => {
  it.effect("passes on what the effect comes to", () => Effect.gen(function*() {
    assert.strictEqual(yield* leaveSoon(Effect.succeed(1)), 1)
    assert.strictEqual(yield* Effect.flip(leaveSoon(Effect.fail("own"))), "own")
    assert.isTrue(Exit.hasDies(yield* Effect.exit(leaveSoon(Effect.die("defect")))))
  }))

  it.effect("waits for what comes to rest within a second", () => Effect.gen(function*() {
    let rested = false
    const fiber = yield* Effect.forkChild(ending(Effect.andThen(Effect.sleep(999), Effect.sync(() => { rested = true }))), { startImmediately: true })
    fiber.interruptUnsafe()
    yield* TestClock.adjust(998)
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust(1)
    assert.isTrue(rested)
    assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
  }))

  it.effect("waits a second for what does not, and no longer", () => Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(ending(Effect.never), { startImmediately: true })
    fiber.interruptUnsafe()
    yield* TestClock.adjust(999)
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust(1)
    assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
  }))
})
