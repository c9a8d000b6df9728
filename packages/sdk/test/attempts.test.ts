import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Chaos, Policy, Registry } from "@outrigger/sdk"

let made = 0
const make = (options: Policy.Options) => Policy.make(`attempts-${made++}`, options)
const boom = new Error("boom")
const retry = { times: 2, base: 100, jitter: "none", budget: false } as const

describe("an effect under a policy", () => {
  it.effect("knows which attempt it is in, with a deadline and without", () => Effect.gen(function*() {
    for (const options of [{ retry }, { timeout: "10 seconds", retry }] as const) {
      const policy = make(options)
      const seen: Array<number> = []
      const inner = make({}).run(Effect.map(Policy.Attempt, (attempt) => { seen.push(-attempt) }))
      const work = Effect.andThen(Effect.map(Policy.Attempt, (attempt) => { seen.push(attempt) }), Effect.andThen(inner, Effect.fail(boom)))
      const fiber = yield* Effect.forkChild(Effect.flip(policy.run(work)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, [1, -1, 2, -1, 3, -1])
      assert.strictEqual(yield* Policy.Attempt, 1)
    }
  }))

  it.effect("is hedged: the first answer counts, the loser is interrupted", () => Effect.gen(function*() {
    const policy = make({ hedge: { delay: "100 millis" }, breaker: { failures: 1 } })
    const interrupted: Array<number> = []
    const work = Effect.flatMap(Policy.Attempt, (attempt) =>
      attempt === 1 ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => { interrupted.push(attempt) })) : Effect.succeed(attempt))
    const fiber = yield* Effect.forkChild(policy.run(work))
    yield* TestClock.adjust("100 millis")
    assert.strictEqual(yield* Fiber.join(fiber), 2)
    assert.deepStrictEqual(interrupted, [1])
    assert.deepInclude(policy.state(), { hedges: 1, hedgesWon: 1, running: 0, abandoned: 0, breaker: "closed" })
  }))

  it.live("that is hedged awaits the finalizers of all its attempts when its caller is interrupted", () => Effect.gen(function*() {
    const policy = make({ hedge: { delay: 1 } })
    const second = Promise.withResolvers<void>()
    let finalized = 0
    const work = Effect.andThen(
      Effect.map(Policy.Attempt, (attempt) => { if (attempt === 2) second.resolve() }),
      Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.yieldNow, Effect.sync(() => { finalized++ }))))
    const fiber = yield* Effect.forkChild(policy.run(work), { startImmediately: true })
    yield* Effect.promise(() => second.promise)
    yield* Fiber.interrupt(fiber)
    assert.deepStrictEqual([finalized, policy.state().running, policy.state().aborted], [2, 0, 1])
  }))

  it.effect("has a fallback, typed", () => Effect.gen(function*() {
    const policy = make({})
    const answer: Effect.Effect<number | string> = policy.run(Effect.fail("own" as const) as Effect.Effect<number, "own">, {
      fallback: (error: "own" | Policy.Rejected) => Effect.succeed(error === "own" ? "mine" : error._tag)
    })
    assert.strictEqual(yield* answer, "mine")
    policy.isolate()
    assert.strictEqual(yield* answer, "BreakerOpenError")
    const worse: Effect.Effect<number, "worse"> = Effect.succeed(1).pipe(Policy.run(policy, { fallback: () => Effect.fail("worse" as const) }))
    assert.strictEqual(yield* Effect.flip(worse), "worse")
    assert.strictEqual(policy.state().fallbacks, 3)
  }))
})

describe("chaos over effects", () => {
  it.effect("plays with the policies that it names, for as long as its layer lives", () => Effect.gen(function*() {
    const [chosen, other] = ["chosen", "other"].map((name) => Policy.make(`${name}-${made++}`, { timeout: "1 second" })) as [Policy.Policy, Policy.Policy]
    const layer = Chaos.layer(Chaos.script([{ error: boom }, "hang", { latency: "10 millis" }]), { only: [chosen.name] })
    yield* Effect.gen(function*() {
      assert.strictEqual(yield* Effect.flip(chosen.run(Effect.succeed(1))), boom)
      assert.strictEqual(yield* other.run(Effect.succeed(1)), 1)
      const hanging = yield* Effect.forkChild(Effect.flip(chosen.run(Effect.succeed(1))))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(hanging))._tag, "CallTimeoutError")
      const slow = yield* Effect.forkChild(chosen.run(Effect.succeed(2)))
      yield* TestClock.adjust("10 millis")
      assert.strictEqual(yield* Fiber.join(slow), 2)
    }).pipe(Effect.provide(layer))
    assert.deepStrictEqual([yield* chosen.run(Effect.succeed(3)), chosen.state().running], [3, 0])
  }))

  it.effect("leaves the caller in its own fiber where there is no deadline", () => Effect.gen(function*() {
    const policy = make({ retry })
    yield* Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(policy.run(Effect.succeed(1)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), 1)
      const hanging = yield* Effect.forkChild(policy.run(Effect.succeed(1)), { startImmediately: true })
      yield* Fiber.interrupt(hanging)
      assert.deepInclude(policy.state(), { running: 0, abandoned: 0, aborted: 1 })
    }).pipe(Effect.provide(Chaos.layer(Chaos.script([{ error: boom }, { latency: "50 millis" }, "hang"]), { only: [policy.name] })))
  }))

  it.effect("comes to policies that are made later, in their own registry", () => Effect.gen(function*() {
    const registry = yield* Registry.Registry
    const policy = Policy.fromRegistry(registry, "policy", "later", {}, yield* Effect.context<never>())
    assert.strictEqual(yield* Effect.flip(policy.run(Effect.void as Effect.Effect<void, unknown>)), boom)
  }).pipe(Effect.provide(Chaos.layer(Chaos.rates({ error: { rate: 1, with: boom } }))), Effect.provide(Registry.layer)))
})
