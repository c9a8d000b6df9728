/** What calls leave behind, by number: nothing, however they end. */
import { getEventListeners } from "node:events"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/testing/TestClock"
import { Api as EffectApi, Policy, Registry } from "@outrigger/sdk"
import { Dependency } from "../src/core/dependency.ts"
import type { PolicyOptions } from "../src/core/options.ts"
import { Api } from "../src/promise/Api.ts"
import { caught, gate, turn, virtual } from "./support/virtual.ts"

const many = 20
const hour = 3_600_000
const down = new Error("down")
const each = <A>(make: (n: number) => A): Array<A> => Array.from({ length: many }, (_, n) => make(n))

/** Timers of Node that keep this process alive. */
const liveTimers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length

let unhandled = 0
const count = () => {
  unhandled++
}
beforeAll(() => {
  process.on("unhandledRejection", count)
})
afterAll(() => {
  process.off("unhandledRejection", count)
})

const options = {
  timeout: 1000, attemptTimeout: 400, retry: { times: 2, base: 10, jitter: "none", budget: false }, breaker: { failures: 1000, openFor: hour },
  bulkhead: { concurrency: many, queue: many }
} as const

describe("calls with promises leave nothing behind", () => {
  const setup = (changed: PolicyOptions = {}) => {
    const { port, timers } = virtual()
    const api = new Api(new Dependency("x", { ...options, ...changed }, timers))
    const caller = new AbortController()
    /** Work that ends long after its call, and badly. */
    const late = gate<never>()
    late.promise.catch(() => {}) // it may never have been begun
    const call = (work: () => PromiseLike<unknown>) => caught(api.call(work, { signal: caller.signal }))
    return { api, call, caller, late, port }
  }
  type Setup = ReturnType<typeof setup>

  const endings: ReadonlyArray<readonly [how: string, options: PolicyOptions, run: (setup: Setup) => Promise<unknown>]> = [
    ["succeed", {}, ({ call }) => Promise.all(each(() => call(async () => 1)))],
    ["fail", { retry: false }, ({ call }) => Promise.all(each(() => call(() => Promise.reject(down))))],
    ["fail after retries", {}, ({ call, port }) => {
      const calls = each(() => call(() => Promise.reject(down)))
      return port.pass(100).then(() => Promise.all(calls))
    }],
    ["time out", {}, async ({ call, late, port }) => {
      const calls = each(() => call(() => late.promise))
      await port.pass(1000)
      await Promise.all(calls)
    }],
    ["are aborted while they run", {}, async ({ call, caller, late }) => {
      const calls = each(() => call(() => late.promise))
      caller.abort(down)
      await Promise.all(calls)
    }],
    ["are aborted between attempts", {}, async ({ call, caller, port }) => {
      const calls = each(() => call(() => Promise.reject(down)))
      await port.pass(5)
      caller.abort(down)
      await Promise.all(calls)
    }],
    ["are rejected by an open breaker", { breaker: { failures: 1, openFor: hour }, retry: false }, async ({ call }) => {
      await call(() => Promise.reject(down))
      await Promise.all(each(() => call(async () => 1)))
    }],
    ["are rejected by a full bulkhead", { bulkhead: { concurrency: 1 } }, async ({ call }) => {
      const first = gate<number>()
      const one = call(() => first.promise)
      await Promise.all(each(() => call(async () => 1)))
      first.resolve(1)
      await one
    }],
    ["are queued and then aborted", { bulkhead: { concurrency: 1, queue: many } }, async ({ call, caller, late }) => {
      const calls = each(() => call(() => late.promise))
      await turn()
      caller.abort(down)
      await Promise.all(calls)
    }],
    ["are queued and then time out", { bulkhead: { concurrency: 1, queue: many }, attemptTimeout: false }, async ({ call, late, port }) => {
      const calls = each(() => call(() => late.promise))
      await port.pass(1000)
      await Promise.all(calls)
    }],
    ["wait for the rate limit and are aborted", { rateLimit: { limit: 1, window: hour, queue: many } }, async ({ call, caller, late }) => {
      const calls = each(() => call(() => late.promise))
      await turn()
      caller.abort(down)
      await Promise.all(calls)
    }],
    ["are hedged and then aborted", { hedge: { delay: 100 }, bulkhead: false }, async ({ call, caller, late, port }) => {
      const calls = each(() => call(() => late.promise))
      await port.pass(100)
      caller.abort(down)
      await Promise.all(calls)
    }],
    ["are hedged, and one of the two succeeds", { hedge: { delay: 100 }, bulkhead: false }, async ({ call, late, port }) => {
      const first = gate<number>()
      let begun = 0
      const calls = each(() => call(() => begun++ < many ? late.promise : first.promise))
      await port.pass(100)
      first.resolve(1)
      await Promise.all(calls)
    }],
    ["share a miss of the cache that fails", { retry: false }, async ({ api, caller }) => {
      await Promise.all(each(() => caught(api.cached({ key: "one", ttl: hour, signal: caller.signal }, () => Promise.reject(down)))))
      await Promise.all(each(() => caught(api.cached({ key: "one", ttl: hour }, () => Promise.reject(down)))))
    }],
    ["share a miss of the cache and are aborted", {}, async ({ api, caller, late }) => {
      const calls = each(() => caught(api.cached({ key: "one", ttl: hour, signal: caller.signal }, () => late.promise)))
      await turn()
      caller.abort(down)
      await Promise.all(calls)
    }]
  ]

  it.each(endings)("when they %s", async (_, changed, run) => {
    unhandled = 0
    const setting = setup(changed)
    const { api, caller, late, port } = setting
    await run(setting)
    assert.strictEqual(api.state().queued, 0, "places in the queue")
    assert.strictEqual(getEventListeners(caller.signal, "abort").length, 0, "listeners of the caller's signal")
    assert.isAtMost(port.waiting.length, 2, "timers: one for each duration that is in use")
    late.reject(down)
    await turn()
    const { abandoned, queued, running } = api.state()
    assert.deepStrictEqual({ abandoned, queued, running, unhandled }, { abandoned: 0, queued: 0, running: 0, unhandled: 0 })
    await port.pass(hour)
    assert.strictEqual(port.waiting.length, 0, "timers that go on by themselves")
  })

  it("on the clock of the machine: no timer outlives a call that waited for one of its own", async () => {
    const api = new Api(new Dependency("x", { ...options, timeout: hour, attemptTimeout: false, retry: { ...options.retry, base: hour / 4 } }))
    const before = liveTimers()
    const caller = new AbortController()
    const waiting = each(() => caught(api.call(() => Promise.reject(down), { signal: caller.signal })))
    await Promise.all(each(() => api.call(async () => 1, { deadline: performance.now() + hour / 2 })))
    await turn()
    assert.isAtLeast(liveTimers(), many, "the backoffs")
    caller.abort(down)
    await Promise.all(waiting)
    assert.isAtMost(liveTimers(), before)
  })
})

describe("calls in fibers leave nothing behind", () => {
  /** Counts the fibers that are alive, and the sleeps that somebody waits for. */
  const counted = <A, E, R>(body: (alive: { fibers: number; sleeps: number }) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function*() {
      const alive = { fibers: 0, sleeps: 0 }
      const clock = yield* Clock.Clock
      const sleep = (duration: Parameters<typeof clock.sleep>[0]) => Effect.suspend(() => {
        alive.sleeps++
        return Effect.ensuring(clock.sleep(duration), Effect.sync(() => { alive.sleeps-- }))
      })
      const counting: Clock.Clock = Object.create(clock, { sleep: { value: sleep } })
      const metrics: Metric.FiberRuntimeMetricsService = { recordFiberStart: () => { alive.fibers++ }, recordFiberEnd: () => { alive.fibers-- } }
      return yield* body(alive).pipe(
        Effect.provideService(Clock.Clock, counting),
        Effect.provideService(Metric.FiberRuntimeMetrics, metrics)
      )
    })

  const quiet = Layer.mergeAll(Registry.layer, Logger.layer([]))

  const make = (changed: Policy.Options) => Effect.gen(function*() {
    return Policy.fromRegistry(yield* Registry.Registry, "policy", "x", { ...options, ...changed }, yield* Effect.context<never>())
  })

  const all = (effect: Effect.Effect<unknown, unknown>) =>
    Effect.forEach(each((n) => n), () => Effect.forkChild(Effect.exit(effect), { startImmediately: true }))

  type Fibers = ReadonlyArray<Fiber.Fiber<unknown, unknown>>
  const joined = (fibers: Fibers) => Effect.forEach(fibers, Fiber.await, { discard: true })
  const after = (millis: number) => (fibers: Fibers) => Effect.andThen(TestClock.adjust(millis), joined(fibers))
  const interrupted = (fibers: Fibers) => Fiber.interruptAll(fibers)

  const slow = Effect.onInterrupt(Effect.never, () => Effect.yieldNow)
  const endings: ReadonlyArray<readonly [how: string, options: Policy.Options, work: Effect.Effect<unknown, unknown>, end: (fibers: Fibers) => Effect.Effect<unknown>]> = [
    ["succeed", {}, Effect.succeed(1), joined],
    ["succeed later", {}, Effect.sleep(100), after(100)],
    ["fail", { retry: false }, Effect.fail(down), joined],
    ["fail after retries", {}, Effect.fail(down), after(100)],
    ["die", {}, Effect.die(down), joined],
    ["time out", {}, slow, after(1000)],
    ["are interrupted while they run", {}, slow, interrupted],
    ["are interrupted while they run without any deadline", { timeout: false, attemptTimeout: false }, slow, interrupted],
    ["are interrupted between attempts", {}, Effect.fail(down), interrupted],
    ["are rejected by an open breaker", { breaker: { failures: 1, openFor: hour }, retry: false }, Effect.fail(down), joined],
    ["are rejected by a full bulkhead", { bulkhead: { concurrency: 1 } }, Effect.sleep(100), after(100)],
    ["are queued and then interrupted", { bulkhead: { concurrency: 1, queue: many } }, slow, interrupted],
    ["are queued and then time out", { bulkhead: { concurrency: 1, queue: many }, attemptTimeout: false }, slow, after(1000)],
    ["wait for the rate limit and are interrupted", { rateLimit: { limit: 1, window: hour, queue: many } }, slow, interrupted],
    ["are hedged and then time out", { hedge: { delay: 100 }, bulkhead: false }, slow, after(1000)],
    ["are hedged, and one of the two succeeds", { hedge: { delay: 100 }, bulkhead: false }, Effect.sleep(150), after(150)]
  ]

  it.effect.each(endings)("when they %s", ([, changed, work, end]) => counted((alive) => Effect.gen(function*() {
    unhandled = 0
    const before = alive.fibers
    const policy = yield* make(changed)
    yield* Effect.flatMap(all(policy.run(work)), end)
    yield* TestClock.adjust(0)
    assert.strictEqual(alive.fibers, before, "fibers")
    assert.isAtMost(alive.sleeps, 2, "timers: one for each duration that is in use")
    const { abandoned, queued, running } = policy.state()
    assert.deepStrictEqual({ abandoned, queued, running, unhandled }, { abandoned: 0, queued: 0, running: 0, unhandled: 0 })
    yield* TestClock.adjust(hour)
    assert.strictEqual(alive.sleeps, 0, "timers that go on by themselves")
  })).pipe(Effect.provide(quiet)))

  it.effect("when they share a miss of the cache and are interrupted", () => counted((alive) => Effect.gen(function*() {
    class Shared extends EffectApi.Service<Shared>()("shared", options) {}
    const before = alive.fibers
    yield* Effect.gen(function*() {
      const services = yield* Effect.context<Shared>()
      const cached = Shared.cached("get", { key: "one", ttl: hour }, slow)
      yield* Effect.flatMap(all(Effect.provideContext(cached, services)), interrupted)
      yield* TestClock.adjust(0)
      assert.strictEqual(alive.fibers, before, "fibers")
      assert.isAtMost(alive.sleeps, 2)
    }).pipe(Effect.provide(Shared.layer))
  })).pipe(Effect.provide(quiet)))

  it.live("on the clock of the machine: no timer outlives an interrupted backoff", () => Effect.gen(function*() {
    const policy = yield* make({ timeout: hour, attemptTimeout: false, retry: { ...options.retry, base: hour / 4 } })
    const before = liveTimers()
    const fibers = yield* all(policy.run(Effect.fail(down)))
    assert.isAtLeast(liveTimers(), many, "the backoffs")
    yield* interrupted(fibers)
    assert.isAtMost(liveTimers(), before)
  }).pipe(Effect.provide(quiet)))
})
