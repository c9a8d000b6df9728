/** What others got wrong about permits and budgets: each was a bug that somebody met in production, or that was measured. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { assert, describe, it } from "@effect/vitest"
import { Policy, Registry } from "@outrigger/sdk"
import { createOutrigger } from "@outrigger/sdk/promise"
import { caught, virtual } from "../../packages/sdk/test/support/virtual.ts"

const boom = new Error("boom")
const make = (options: Parameters<ReturnType<typeof createOutrigger>["api"]>[1]) => {
  const { port, timers } = virtual()
  return { api: createOutrigger({ service: "shop", timers, log: () => {} }).api("x", { breaker: false, ...options }), port }
}

describe("permits, unlike elsewhere", () => {
  it("bound what is at work, not what is waited for: work that ignores its timeout keeps its permit (opossum let 10 run where 2 may)", async () => {
    const { api, port } = make({ timeout: 100, retry: false, bulkhead: { concurrency: 2 } })
    let [atWork, most] = [0, 0]
    const work = () => new Promise<void>((resolve) => {
      most = Math.max(most, ++atWork)
      port.at(1000, () => { atWork--; resolve() })
    })
    const calls: Array<Promise<unknown>> = []
    for (let n = 0; n < 10; n++) {
      calls.push(caught(api.call(work)))
      await port.pass(150)
    }
    assert.deepStrictEqual([most, api.state().attempts], [2, 4])
    await port.pass(1000)
    await Promise.all(calls)
    assert.deepInclude(api.state(), { running: 0, abandoned: 0 })
    assert.strictEqual(await api.call(() => "again"), "again")
  })

  it.effect("come back whenever a fiber is interrupted: in the queue, as it is let in, at work, in a backoff (Effect #6081, #6638, #6910; Failsafe #393)", () => Effect.gen(function*() {
    const policy = Policy.fromRegistry(yield* Registry.Registry, "policy", "x", {
      timeout: "10 seconds", bulkhead: { concurrency: 1, queue: 10 }, retry: { times: 3, base: 100, jitter: "none", budget: false }
    }, yield* Effect.context<never>())
    for (const deadline of [true, false]) {
      if (!deadline) policy.update({ timeout: false })
      for (let round = 0; round < 20; round++) {
        const holder = yield* Effect.forkChild(policy.run(Effect.sleep(10)), { startImmediately: true })
        const queued = yield* Effect.forkChild(policy.run(Effect.never), { startImmediately: true })
        const granted = yield* Effect.forkChild(policy.run(Effect.never), { startImmediately: true })
        yield* Fiber.interrupt(queued)
        yield* TestClock.adjust(10)
        yield* Fiber.join(holder)
        yield* Fiber.interrupt(granted)
        const failing = yield* Effect.forkChild(Effect.exit(policy.run(Effect.fail(boom))), { startImmediately: true })
        yield* TestClock.adjust(50)
        yield* Fiber.interrupt(failing)
        assert.strictEqual(yield* policy.run(Effect.succeed(round)), round)
      }
    }
    assert.deepInclude(policy.state(), { running: 0, abandoned: 0, queued: 0, aborted: 120, successes: 80 })
  }).pipe(Effect.provide([Registry.layer, Logger.layer([])])))

  it("pass to the next in line when the one that was let in is gone in the same turn, and nobody waits for ever (Cockatiel #114)", async () => {
    const { api, port } = make({ retry: false, bulkhead: { concurrency: 1, queue: 10 } })
    const callers = Array.from({ length: 6 }, () => new AbortController())
    const begun: Array<number> = []
    const calls = callers.map(({ signal }, n) => caught(api.call(({ signal: stop }) => new Promise((_, reject) => {
      begun.push(n)
      callers[n + 1]?.abort(new Error("left")) // the next in line leaves just before its turn
      stop.addEventListener("abort", () => reject(new Error("stopped")))
      port.at(10, () => reject(boom))
    }), { signal })))
    await port.pass(1000)
    await Promise.all(calls)
    assert.deepStrictEqual(begun, [0, 2, 4])
    assert.deepInclude(api.state(), { running: 0, queued: 0 })
  })
})

describe("the retry budget, unlike elsewhere", () => {
  it("counts the calls of its window, not those that are still at work: it does not shrink as they fail (Envoy #30205, Envoy Mobile #811)", async () => {
    const retried = async (apart: number) => {
      const { api, port } = make({ retry: { times: 1, base: 5000, jitter: "none", budget: { ratio: 0.2, perSecond: 0, window: "1 hour" } } })
      const calls: Array<Promise<unknown>> = []
      for (let n = 0; n < 100; n++) {
        calls.push(caught(api.call(() => Promise.reject(boom))))
        await port.pass(apart)
      }
      await port.pass(60_000)
      await Promise.all(calls)
      return api.state().retries
    }
    assert.deepStrictEqual([await retried(0), await retried(100)], [20, 20])
  })

  it("is neither stuck when it was empty, nor richer for calls that were never retried (AWS SDK for JavaScript #4754, for Go #3550)", async () => {
    const { api, port } = make({ retry: { times: 1, base: 1, jitter: "none", budget: { ratio: 0, perSecond: 1, window: "10 seconds" } } })
    const fail = async (times: number) => {
      const before = api.state().retries
      const calls = Array.from({ length: times }, () => caught(api.call(() => Promise.reject(boom))))
      await port.pass(100)
      await Promise.all(calls)
      return api.state().retries - before
    }
    assert.deepStrictEqual([await fail(50), await fail(50)], [10, 0])
    for (let n = 0; n < 1000; n++) await api.call(() => 1)
    await port.pass(11_000)
    assert.deepStrictEqual([await fail(50), await fail(1)], [10, 0])
  })
})
