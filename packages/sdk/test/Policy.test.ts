import { AsyncLocalStorage } from "node:async_hooks"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import { Api, Policy, Registry, Retry } from "@outrigger/sdk"

let made = 0
const make = (options: Policy.Options) => Policy.make(`policy-${made++}`, options)
const retry = { times: 2, base: 100, jitter: "none", budget: false } as const
const failure = (exit: Exit.Exit<unknown, unknown>): any => Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : assert.fail("it succeeded")
const boom = new Error("boom")

describe("a policy over effects", () => {
  it.effect("is moved by a TestClock: deadlines, backoffs, the breaker", () => Effect.gen(function*() {
    const policy = make({ timeout: "1 second", attemptTimeout: 100, retry, breaker: { failures: 3, openFor: "1 second" } })
    const starts: Array<number> = []
    const hanging = Effect.andThen(Effect.map(Clock.currentTimeMillis, (now) => { starts.push(now) }), Effect.never)
    const fiber = yield* Effect.forkChild(Effect.exit(policy.run(hanging)))
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual(failure(yield* Fiber.join(fiber))._tag, "CallTimeoutError")
    assert.deepStrictEqual([starts, policy.state().breaker], [[0, 200, 500], "open"])
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual(yield* policy.run(Effect.succeed(1)), 1)
    assert.strictEqual(policy.state().breaker, "closed")
  }))

  it.effect("passes the effect's own error through, and its own rejections are caught by tag", () => Effect.gen(function*() {
    const policy = make({ breaker: { failures: 1 } })
    const own = { _tag: "Own" } as const
    assert.strictEqual(yield* Effect.flip(policy.run(Effect.fail(own))), own)
    const caught: string = yield* policy.run(Effect.succeed("never")).pipe(Effect.catchTag("BreakerOpenError", ({ dependency }) => Effect.succeed(dependency)))
    assert.strictEqual(caught, policy.name)
  }))

  it.effect("gives the caller its timeout without waiting for finalizers, which keep the permit", () => Effect.gen(function*() {
    const policy = make({ timeout: 30, bulkhead: { concurrency: 1 } })
    let finalized = 0
    const slow = Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(100), Effect.sync(() => { finalized++ })))
    const fiber = yield* Effect.forkChild(Effect.exit(policy.run(slow)))
    yield* TestClock.adjust(30)
    assert.strictEqual(failure(yield* Fiber.join(fiber))._tag, "CallTimeoutError")
    assert.deepInclude(policy.state(), { abandoned: 1, running: 1 })
    assert.deepStrictEqual([finalized, failure(yield* Effect.exit(policy.run(Effect.void)))._tag], [0, "BulkheadFullError"])
    yield* TestClock.adjust(100)
    assert.deepStrictEqual([finalized, policy.state().abandoned], [1, 0])
    yield* policy.run(Effect.void)
  }))

  for (const [what, options] of [["with a deadline", { timeout: 5000 }], ["without any", {}]] as const) {
    it.live(`awaits finalizers when its caller is interrupted, ${what}, and counts nothing`, () => Effect.gen(function*() {
      const policy = make({ ...options, breaker: { failures: 1 }, bulkhead: { concurrency: 1 } })
      let finalized = 0
      const work = Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.yieldNow, Effect.sync(() => { finalized++ })))
      const fiber = yield* Effect.forkChild(policy.run(work), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([finalized, policy.state().breaker, policy.state().aborted, policy.state().running], [1, "closed", 1, 0])
    }))
  }

  it.effect("neither retries nor counts a defect", () => Effect.gen(function*() {
    const policy = make({ timeout: 100, retry, breaker: { failures: 1 } })
    let runs = 0
    const exit = yield* Effect.exit(policy.run(Effect.suspend(() => { runs++; return Effect.die(boom) })))
    assert.isTrue(Exit.hasDies(exit))
    assert.deepStrictEqual([runs, policy.state().breaker, policy.state().retries], [1, "closed", 0])
  }))

  it.effect("takes a Schedule, stepped with each error", () => Effect.gen(function*() {
    const inputs: Array<unknown> = []
    const schedule = Schedule.recurs(3).pipe(
      Schedule.modifyDelay(({ attempt, input }) => Effect.sync(() => {
        inputs.push(input)
        return attempt * 100
      }))
    )
    const policy = make({ timeout: "10 seconds", retry: schedule })
    const starts: Array<number> = []
    const fiber = yield* Effect.forkChild(Effect.flip(policy.run(Effect.flatMap(Clock.currentTimeMillis, (now) => { starts.push(now); return Effect.fail(boom) }))))
    yield* TestClock.adjust("5 seconds")
    assert.strictEqual(yield* Fiber.join(fiber), boom)
    assert.deepStrictEqual([starts, inputs.every((input) => input === boom), inputs.length >= 3], [[0, 100, 300, 600], true, true])
  }))

  it.effect("ends a wait of a Schedule at the deadline with the last real error", () => Effect.gen(function*() {
    const policy = make({ timeout: 250, retry: Schedule.spaced(100) })
    const fiber = yield* Effect.forkChild(Effect.flip(policy.run(Effect.fail(boom))))
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* Fiber.join(fiber), boom)
    assert.strictEqual(policy.state().retries, 2)
  }))

  it.effect("takes the shorter of its own and an inherited deadline", () => Effect.gen(function*() {
    const [outer, inner] = [make({ timeout: 50 }), make({ timeout: 1000, breaker: { failures: 1 } })]
    const fiber = yield* Effect.forkChild(Effect.exit(outer.run(inner.run(Effect.never))))
    yield* TestClock.adjust(50)
    assert.strictEqual(failure(yield* Fiber.join(fiber))._tag, "CallTimeoutError")
    assert.strictEqual(inner.state().breaker, "closed")
  }))

  it.live("keeps the caller's AsyncLocalStorage", () => Effect.gen(function*() {
    const storage = new AsyncLocalStorage<string>()
    const policy = make({ timeout: 1000, bulkhead: { concurrency: 1, queue: 5 } })
    const seen = yield* Effect.all(["a", "b"].map((name) => Effect.promise(() => storage.run(name, () =>
      Effect.runPromise(policy.run(Effect.andThen(Effect.yieldNow, Effect.sync(() => storage.getStore()))))))), { concurrency: "unbounded" })
    assert.deepStrictEqual(seen, ["a", "b"])
  }))

  it("refuses options that make no sense when it is made", () => {
    assert.throws(() => make({ timeout: "soon" as never }), /timeout is "soon", but must be milliseconds or a duration/)
    assert.throws(() => make({ retry: { times: -1 } }), /retry\.times is -1, but must be a whole number from 0/)
    assert.throws(() => make({ breaker: { failures: 0 } }), /breaker\.failures/)
  })
})

describe("an Api", () => {
  class Github extends Api.Service<Github>()("github", { timeout: "1 second", retry, breaker: { failures: 2, openFor: "1 minute" } }) {}
  class Other extends Api.Service<Other>()("other") {}
  const layer = Layer.provideMerge(Github.layer, Registry.layer)

  it.effect("is a service whose calls share one policy", () => Effect.gen(function*() {
    assert.strictEqual(yield* Github.call("issues", Effect.succeed(3)), 3)
    assert.deepInclude(yield* Github.state, { calls: 1, breaker: "closed" })
    const registry = yield* Registry.Registry
    assert.deepStrictEqual([...registry.all().keys()], ["github"])
  }).pipe(Effect.provide(layer)))

  it("shows in the types what it needs and how it may end", () => {
    const call = Github.call("x", Effect.fail("own" as const))
    const typed: Effect.Effect<never, "own" | Policy.Rejected, Github> = call
    // @ts-expect-error one Api does not stand for another
    void (() => Effect.runPromise(Effect.provide(call, Other.layer)))
    // @ts-expect-error units are in the type
    void (() => Api.Service<Other>()("y", { timeout: "30 secs" }))
    assert.isDefined(typed)
  })

  it.effect("serves stale answers while it is isolated, and one call for all who miss at once", () => Effect.gen(function*() {
    let calls = 0
    const ask = Github.cachedEntry("search", { key: "k", ttl: "1 second", staleIfError: "1 hour" }, Effect.suspend(() => Effect.as(Effect.sleep(10), ++calls)))
    const all = yield* Effect.forkChild(Effect.all([ask, ask, ask], { concurrency: "unbounded" }))
    yield* TestClock.adjust(10)
    assert.deepStrictEqual((yield* Fiber.join(all)).map(({ value }) => value), [1, 1, 1])
    yield* Github.isolate
    yield* TestClock.adjust("1 minute")
    assert.deepInclude(yield* ask, { value: 1, stale: true })
    yield* TestClock.adjust("2 hours")
    assert.strictEqual((yield* Effect.flip(ask))._tag, "BreakerOpenError")
    yield* Github.restore
    const again = yield* Effect.forkChild(ask)
    yield* TestClock.adjust(10)
    assert.deepInclude(yield* Fiber.join(again), { value: 2, stale: false })
  }).pipe(Effect.provide(layer)))

  it.effect("logs the lines that operators look for", () => Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => { lines.push(String(Array.isArray(message) ? message[0] : message)) })
    yield* Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.exit(Github.call("x", Effect.fail(boom))))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(Layer.provide(layer, Logger.layer([logger]))))
    assert.deepStrictEqual(lines, ["Retry attempt 2 of 3", "Circuit breaker state=open"])
  }))

  it.effect("is on the clock at hand from the start: what it saves before its first call is of that time", () => Effect.gen(function*() {
    yield* TestClock.adjust("1 hour")
    const registry = yield* Registry.Registry
    assert.strictEqual(registry.get("github")!.snapshot()!.takenAt, 3_600_000)
  }).pipe(Effect.provide(layer)))

  it.effect("changes while it runs", () => Effect.gen(function*() {
    yield* Github.update({ timeout: 10 })
    const fiber = yield* Effect.forkChild(Effect.exit(Github.call("x", Effect.never)))
    yield* TestClock.adjust(10)
    assert.strictEqual(failure(yield* Fiber.join(fiber))._tag, "CallTimeoutError")
  }).pipe(Effect.provide(layer)))
})

describe("the presets", () => {
  it.effect("are schedules too, with the same delays", () => Effect.gen(function*() {
    const starts: Array<number> = []
    const fiber = yield* Effect.forkChild(Effect.exit(Effect.retry(Effect.flatMap(Clock.currentTimeMillis, (now) => { starts.push(now); return Effect.fail(boom) }), Retry.database.schedule)))
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(fiber)
    assert.strictEqual(starts.length, 3)
    assert.isTrue(starts[1]! >= 50 && starts[1]! <= 100 && starts[2]! - starts[1]! >= 100 && starts[2]! - starts[1]! <= 200, starts.join())
  }))
})
