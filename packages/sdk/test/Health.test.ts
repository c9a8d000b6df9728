import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Health, Policy, Registry } from "@outrigger/sdk"

const entry = (key: string) => Effect.map(Health.report, ({ checks }) => checks[key]![0]!)
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, Registry.layer)

describe("Health", () => {
  it.effect("runs a check in the background and shows what it last found", () => alone(Effect.gen(function*() {
    let value = 7
    yield* Health.check("disk", Effect.sync(() => ({ status: value > 5 ? "pass" : "fail", observedValue: value }) as const), { every: "10 seconds" })
    assert.deepInclude(yield* entry("disk:check"), { status: "warn", why: "it has not run yet" })
    yield* TestClock.adjust(1)
    assert.deepInclude(yield* entry("disk:check"), { status: "pass", observedValue: 7 })
    value = 3
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual((yield* entry("disk:check")).status, "pass") // one bad result is not yet bad
    yield* TestClock.adjust("10 seconds")
    assert.deepInclude(yield* entry("disk:check"), { status: "fail", observedValue: 3 })
  })))

  it.effect("ends a check at its timeout, whatever its finalizers do, and starts none on top of one that hangs", () => alone(Effect.gen(function*() {
    let started = 0
    const stubborn = Effect.suspend(() => started++ === 0 ? Effect.uninterruptible(Effect.sleep("1 hour")) : Effect.void)
    yield* Health.check("main:ping", stubborn, { every: "10 seconds", timeout: "1 second", criticality: "critical" })
    yield* TestClock.adjust("1 second")
    assert.deepInclude(yield* entry("main:ping"), { status: "fail", why: "no answer within 1000 ms" })
    yield* TestClock.adjust("1 minute")
    assert.deepStrictEqual([started, (yield* entry("main:ping")).why, (yield* Health.report).status], [1, "the check before has not ended yet", "fail"])
    yield* TestClock.adjust("1 hour")
    assert.strictEqual((yield* entry("main:ping")).status, "pass")
  })))

  it.effect("counts a failure and a defect as fail, and nothing as pass", () => alone(Effect.gen(function*() {
    yield* Health.check("a", Effect.fail(new Error("refused")))
    yield* Health.check("b", Effect.die(new Error("a bug")))
    yield* Health.check("c", Effect.void)
    yield* TestClock.adjust(1)
    const { checks } = yield* Health.report
    assert.deepStrictEqual(["a", "b", "c"].map((name) => [checks[`${name}:check`]![0]!.status, checks[`${name}:check`]![0]!.why]),
      [["fail", "refused"], ["fail", "a bug"], ["pass", undefined]])
  })))

  it.effect("lets a check go with its layer, and only what says so concerns readiness", () => alone(Effect.gen(function*() {
    yield* Effect.provide(
      Effect.gen(function*() {
        yield* TestClock.adjust(1)
        assert.isFalse(yield* Health.ready)
      }),
      Layer.mergeAll(Health.layer("local", Effect.fail("x"), { readiness: true }), Health.layer("shared", Effect.fail("x"), { criticality: "critical" }))
    )
    assert.isTrue(yield* Health.ready)
    assert.deepStrictEqual((yield* Health.report).checks, {})
  })))

  it.effect("warns while a breaker is open, and says why", () => alone(Effect.gen(function*() {
    const registry = yield* Registry.Registry
    const policy = Policy.fromRegistry(registry, "api", "payments", { breaker: { failures: 1 } }, yield* Effect.context<never>())
    yield* Effect.exit(policy.run(Effect.fail(new Error("connect refused"))))
    const { checks, status } = yield* Health.report
    assert.strictEqual(status, "warn")
    assert.match(checks["payments:breaker"]![0]!.why!, /last failure: connect refused/)
  })))
})
