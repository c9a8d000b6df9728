/** What Effect's `CircuitBreakerStore` promises, as tests that run over Effect's own memory store and over ours. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import { Passing } from "../passing.ts"

type Outcome = CircuitBreaker.Outcome["_tag"]

const hour = 3_600_000

const using = Effect.gen(function*() {
  const store = yield* CircuitBreaker.CircuitBreakerStore
  const pass = yield* Passing
  const admit = (key = "k") => store.admit(key)
  const record = (generation: number, outcome: Outcome, options: { readonly openFor?: number; readonly tripPolicy?: CircuitBreaker.TripPolicy; readonly key?: string } = {}) =>
    store.record({
      key: options.key ?? "k", generation, outcome,
      tripPolicy: options.tripPolicy ?? CircuitBreaker.consecutive(2),
      openFor: Duration.millis(options.openFor ?? 1000)
    })
  const call = (outcome: Outcome, options: Parameters<typeof record>[2] = {}) =>
    Effect.scoped(Effect.flatMap(admit(options.key), ({ generation }) => record(generation, outcome, options)))
  return {
    pass, admit, record, call,
    state: (key = "k") => Effect.map(store.state(key), (state) => ({ ...state, ...("retryAfter" in state && { retryAfter: Duration.toMillis(state.retryAfter) }) })),
    /** Why a call is not let through, and how long that will be so. */
    rejection: Effect.map(Effect.flip(admit()), ({ reason }) => [reason._tag, "retryAfter" in reason ? Duration.toMillis(reason.retryAfter) : undefined]),
    open: (openFor = 1000) => Effect.andThen(call("Failure", { openFor }), call("Failure", { openFor }))
  }
})

/** Runs over `layer`, which is built anew for each test, and forgets idle circuits after an hour. */
export const suite = (name: string, layer: Layer.Layer<CircuitBreaker.CircuitBreakerStore | Passing, unknown>): void => {
  const test = (title: string, body: Effect.Effect<unknown, unknown, CircuitBreaker.CircuitBreakerStore | Passing | Scope.Scope>) =>
    it.live(title, () => body.pipe(Effect.scoped, Effect.provide(layer), Effect.orDie))

  describe(`${name}: closed circuits`, () => {
    test("let all through, and know nothing of other keys", Effect.gen(function*() {
      const { admit, open, state } = yield* using
      assert.deepStrictEqual(yield* state(), { _tag: "Closed", key: "k" })
      const [first, second] = [yield* admit(), yield* admit()]
      assert.deepStrictEqual({ ...first, generation: 0 }, { generation: 0, probe: false, consecutiveOpenings: 0, transition: undefined })
      assert.strictEqual(second.generation, first.generation)
      yield* open()
      assert.deepStrictEqual(yield* state("other"), { _tag: "Closed", key: "other" })
      assert.isFalse((yield* admit("other")).probe)
    }))
    test("open after failures in a row, which a success ends and an ignored outcome does not", Effect.gen(function*() {
      const { call, state } = yield* using
      for (const outcome of ["Failure", "Success", "Failure", "Ignored"] as const) assert.isUndefined(yield* call(outcome))
      assert.strictEqual((yield* state())._tag, "Closed")
      assert.deepStrictEqual(yield* call("Failure", { openFor: 700 }),
        { key: "k", from: "Closed", to: "Open", retryAfter: Duration.millis(700), consecutiveOpenings: 1 })
      assert.deepStrictEqual(yield* state(), { _tag: "Open", key: "k", retryAfter: 700, consecutiveOpenings: 1 })
    }))
    test("open at a rate of the last calls, once there are enough, also by a success", Effect.gen(function*() {
      const { call } = yield* using
      const tripPolicy = CircuitBreaker.rate({ threshold: 0.5, minimumCalls: 4, size: 5 })
      for (const outcome of ["Failure", "Failure", "Failure"] as const) assert.isUndefined(yield* call(outcome, { tripPolicy }))
      assert.strictEqual((yield* call("Success", { tripPolicy }))?.to, "Open")
      for (const outcome of ["Failure", "Failure", "Success", "Success", "Success"] as const) {
        const moved = yield* call(outcome, { tripPolicy: CircuitBreaker.rate({ threshold: 0.6, minimumCalls: 3, size: 3 }), key: "ring" })
        assert.strictEqual(moved?.to, outcome === "Success" ? "Open" : undefined)
        if (moved !== undefined) break
      }
    }))
    test("look at the last calls only, and never open without a failure", Effect.gen(function*() {
      const { call } = yield* using
      const tripPolicy = CircuitBreaker.rate({ threshold: 0.5, minimumCalls: 3, size: 3 })
      for (const outcome of ["Failure", "Success", "Success", "Success", "Failure", "Ignored", "Success"] as const) {
        assert.isUndefined(yield* call(outcome, { tripPolicy }), outcome)
      }
      assert.strictEqual((yield* call("Failure", { tripPolicy }))?.to, "Open")
      const always = CircuitBreaker.rate({ threshold: 0, minimumCalls: 1, size: 3 })
      assert.isUndefined(yield* call("Success", { tripPolicy: always, key: "sound" }))
      assert.strictEqual((yield* call("Failure", { tripPolicy: always, key: "sound" }))?.to, "Open")
    }))
  })

  describe(`${name}: open circuits`, () => {
    test("reject, and say for how long, to the millisecond", Effect.gen(function*() {
      const { admit, open, pass, rejection, state } = yield* using
      yield* open()
      yield* pass(999)
      assert.deepStrictEqual(yield* rejection, ["CircuitOpen", 1])
      yield* pass(1)
      assert.deepStrictEqual(yield* state(), { _tag: "Open", key: "k", retryAfter: 0, consecutiveOpenings: 1 })
      const { consecutiveOpenings, probe, transition } = yield* admit()
      assert.deepStrictEqual([consecutiveOpenings, probe, transition], [1, true, { key: "k", from: "Open", to: "HalfOpen" }])
    }))
    test("are not moved by calls that began before", Effect.gen(function*() {
      const { admit, open, record, rejection } = yield* using
      const early = yield* admit()
      yield* open()
      for (const outcome of ["Success", "Failure", "Ignored"] as const) assert.isUndefined(yield* record(early.generation, outcome))
      assert.deepStrictEqual(yield* rejection, ["CircuitOpen", 1000])
    }))
  })

  describe(`${name}: half-open circuits`, () => {
    const halfOpen = Effect.gen(function*() {
      const parts = yield* using
      yield* parts.open()
      yield* parts.pass(1000)
      return { ...parts, probe: yield* parts.admit() }
    })
    test("have one probe", Effect.gen(function*() {
      const { rejection, state } = yield* halfOpen
      assert.deepStrictEqual(yield* rejection, ["CircuitHalfOpen", undefined])
      assert.deepStrictEqual(yield* state(), { _tag: "HalfOpen", key: "k", probing: true, consecutiveOpenings: 1 })
    }))
    test("close when it succeeds, and keep the count of openings for as long as they were open", Effect.gen(function*() {
      const { admit, call, pass, probe, record } = yield* halfOpen
      assert.deepStrictEqual(yield* record(probe.generation, "Success"), { key: "k", from: "HalfOpen", to: "Closed" })
      yield* pass(999)
      assert.strictEqual((yield* admit()).consecutiveOpenings, 1)
      yield* pass(1)
      assert.strictEqual((yield* admit()).consecutiveOpenings, 0)
      yield* call("Failure")
      assert.deepInclude(yield* call("Failure"), { to: "Open", consecutiveOpenings: 1 })
    }))
    test("open again when it fails, and count that", Effect.gen(function*() {
      const { probe, record, state } = yield* halfOpen
      assert.deepStrictEqual(yield* record(probe.generation, "Failure", { openFor: 3000 }),
        { key: "k", from: "HalfOpen", to: "Open", retryAfter: Duration.millis(3000), consecutiveOpenings: 2 })
      assert.deepStrictEqual(yield* state(), { _tag: "Open", key: "k", retryAfter: 3000, consecutiveOpenings: 2 })
    }))
    test("free the slot of a probe that says nothing, for another of a new generation", Effect.gen(function*() {
      const { admit, probe, record, state } = yield* halfOpen
      assert.isUndefined(yield* record(probe.generation, "Ignored"))
      assert.deepInclude(yield* state(), { _tag: "HalfOpen", probing: false })
      const next = yield* admit()
      assert.deepStrictEqual([next.probe, next.transition], [true, undefined])
      assert.isUndefined(yield* record(probe.generation, "Failure"))
      assert.deepInclude(yield* state(), { _tag: "HalfOpen", probing: true })
      assert.strictEqual((yield* record(next.generation, "Success"))?.to, "Closed")
    }))
    test("close once: what comes twice, or late, moves nothing", Effect.gen(function*() {
      const { call, probe, record, state } = yield* halfOpen
      yield* record(probe.generation, "Success")
      yield* call("Failure")
      assert.isUndefined(yield* record(probe.generation, "Failure"))
      assert.isUndefined(yield* record(probe.generation, "Success"))
      assert.strictEqual((yield* state())._tag, "Closed")
      assert.strictEqual((yield* call("Failure"))?.to, "Open") // the streak is as it was
    }))
  })

  describe(`${name}: idle circuits`, () => {
    test("are forgotten after their time, and begin anew", Effect.gen(function*() {
      const { admit, call, pass } = yield* using
      const before = yield* admit()
      yield* call("Failure")
      yield* pass(hour - 1)
      yield* call("Ignored")
      yield* pass(hour - 1)
      assert.strictEqual((yield* call("Failure"))?.to, "Open")
      yield* pass(hour + 1000)
      yield* pass(hour / 50)
      const after = yield* admit()
      assert.deepStrictEqual([after.probe, after.consecutiveOpenings], [false, 0])
      assert.isAbove(after.generation, before.generation)
    }))
    test("stay open as long as they were told to, however idle", Effect.gen(function*() {
      const { open, pass, rejection } = yield* using
      yield* open(10 * hour)
      yield* pass(10 * hour - 1)
      assert.deepStrictEqual(yield* rejection, ["CircuitOpen", 1])
    }))
  })

  describe(`${name}: under Effect's CircuitBreaker`, () => {
    test("calls fail, are rejected, probe and pass again, and openings grow by the schedule", Effect.gen(function*() {
      const pass = yield* Passing
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutive(2), openDuration: Schedule.exponential("1 second")
      })
      const call = (ok: boolean) => Effect.exit(breaker.execute(ok ? Effect.succeed("ok") : Effect.fail("down"), { key: "k" }))
      const waits: Array<number> = []
      for (let opening = 0; opening < 3; opening++) {
        while ((yield* breaker.state("k"))._tag !== "Open") yield* call(false)
        const state = yield* breaker.state("k")
        const millis = state._tag === "Open" ? Duration.toMillis(state.retryAfter) : Number.NaN
        waits.push(millis)
        yield* pass(millis)
        yield* call(false)
      }
      assert.deepStrictEqual(waits, [1000, 2000, 4000])
      const { reason } = yield* Effect.flip(breaker.execute(Effect.fail("not reached" as never), { key: "k" }))
      assert.strictEqual(reason._tag, "CircuitOpen")
      yield* pass(8000)
      assert.strictEqual(yield* breaker.execute(Effect.succeed("ok"), { key: "k" }), "ok")
      assert.strictEqual((yield* breaker.state("k"))._tag, "Closed")
    }))
    test("of many that come at once after the pause, one is the probe", Effect.gen(function*() {
      const pass = yield* Passing
      const breaker = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(1), openDuration: "1 second" })
      yield* Effect.exit(breaker.execute(Effect.fail("down"), { key: "k" }))
      yield* pass(1000)
      const others = yield* Deferred.make<void>()
      let rejected = 0
      const call = breaker.execute(Effect.as(Deferred.await(others), "probe"), { key: "k" }).pipe(Effect.catch(({ reason }) => {
        if (++rejected === 9) Deferred.doneUnsafe(others, Effect.void)
        return Effect.succeed(reason._tag)
      }))
      const ends = yield* Effect.all(Array.from({ length: 10 }, () => call), { concurrency: "unbounded" })
      assert.deepStrictEqual(ends.toSorted(), [...Array.from({ length: 9 }, () => "CircuitHalfOpen"), "probe"])
      assert.strictEqual((yield* breaker.state("k"))._tag, "Closed")
    }))
  })
}
