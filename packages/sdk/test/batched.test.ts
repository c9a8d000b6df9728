import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Api, Policy, Registry } from "@outrigger/sdk"

type Ids = ReadonlyArray<number>
class NoSuchUser extends Error {
  readonly _tag = "NoSuchUser"
}
class Tenant extends Context.Service<Tenant, string>()("Tenant") {}

const names = (ids: Ids) => ids.map((id) => `user ${id}`)
const failure = (exit: Exit.Exit<unknown, unknown>): any => Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : assert.fail("it succeeded")
const within = (layer: Layer.Layer<any>) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Layer.provide(layer, Layer.fresh(Registry.layer))) as Effect.Effect<A, E>
const both = <A, E, R>(ask: (id: number) => Effect.Effect<A, E, R>, ids: Ids) => Effect.forEach(ids, (id) => Effect.exit(ask(id)), { concurrency: "unbounded" })

describe("a batched call of an Api", () => {
  it.effect("asks once for all that is asked for at once, under one call of the policy", () => {
    const asked: Array<Ids> = []
    class Github extends Api.Service<Github>()("github") {
      static readonly userById = Github.batched("users", { run: (ids: Ids) => Effect.sync(() => { asked.push(ids); return names(ids) }) })
    }
    expectTypeOf(Github.userById(1)).toEqualTypeOf<Effect.Effect<string, Policy.Rejected | Api.MissingAnswerError, Github>>()
    return Effect.gen(function*() {
      const users = yield* Effect.forEach([7, 9, 7], Github.userById, { concurrency: "unbounded" })
      assert.deepStrictEqual([users, asked], [["user 7", "user 9", "user 7"], [[7, 9]]])
      assert.strictEqual((yield* Github.state).calls, 1)
    }).pipe(within(Github.layer))
  })

  it.effect("fails one caller with the Error in its place, typed, and one whose key is missing", () => {
    class Github extends Api.Service<Github>()("github") {
      static readonly userById = Github.batched("users", {
        run: (ids: Ids) => Effect.succeed(new Map(ids.filter((id) => id !== 3).map((id) => [id, id === 2 ? new NoSuchUser() : id])))
      })
    }
    expectTypeOf(Github.userById(1)).toEqualTypeOf<Effect.Effect<number, NoSuchUser | Policy.Rejected | Api.MissingAnswerError, Github>>()
    return Effect.gen(function*() {
      const [one, two, three] = yield* both(Github.userById, [1, 2, 3])
      assert.deepStrictEqual([one, failure(two!)._tag, failure(three!)._tag], [Exit.succeed(1), "NoSuchUser", "MissingAnswerError"])
    }).pipe(within(Github.layer))
  })

  it.effect("waits for `delay` on the caller's clock, and no longer than that for a full batch", () => {
    const asked: Array<readonly [number, Ids]> = []
    class Github extends Api.Service<Github>()("github") {
      static readonly userById = Github.batched("users", {
        maxSize: 3, delay: "10 millis",
        run: (ids: Ids) => Effect.map(Clock.currentTimeMillis, (now) => { asked.push([now, ids]); return names(ids) })
      })
    }
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(both(Github.userById, [1, 2, 3, 4]))
      yield* TestClock.adjust(9)
      assert.deepStrictEqual(asked, [[0, [1, 2, 3]]])
      yield* TestClock.adjust(1)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(asked, [[0, [1, 2, 3]], [10, [4]]])
    }).pipe(within(Github.layer))
  })

  it.effect("retries the batch, and all hear how it failed: an error, a rejection, a defect", () => {
    const boom = { _tag: "Boom" } as const
    let runs = 0
    class Github extends Api.Service<Github>()("github", { retry: { times: 1, base: 100, jitter: "none", budget: false }, breaker: { failures: 2 } }) {
      static readonly failing = Github.batched("failing", { run: (_: Ids) => Effect.suspend(() => { runs++; return Effect.fail(boom) }) })
      static readonly dying = Github.batched("dying", { run: (_: Ids) => Effect.die(boom) })
    }
    return Effect.gen(function*() {
      const died = yield* both(Github.dying, [1, 2])
      assert.isTrue(died.every(Exit.hasDies))
      const fiber = yield* Effect.forkChild(both(Github.failing, [1, 2]))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual([(yield* Fiber.join(fiber)).map(failure), runs], [[boom, boom], 2])
      assert.deepStrictEqual((yield* both(Github.failing, [1, 2])).map((exit) => failure(exit)._tag), ["BreakerOpenError", "BreakerOpenError"])
    }).pipe(within(Github.layer))
  })

  it.live("goes on without a caller that is interrupted; the last one interrupts it and awaits its finalizers", () => {
    const said: Array<string> = []
    class Github extends Api.Service<Github>()("github", { breaker: { failures: 1 } }) {
      static readonly userById = Github.batched("users", {
        maxSize: 2,
        run: (_: Ids) => Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.yieldNow, Effect.sync(() => { said.push("finalized") })))
      })
    }
    return Effect.gen(function*() {
      const first = yield* Effect.forkChild(Github.userById(1), { startImmediately: true })
      const second = yield* Effect.forkChild(Github.userById(2), { startImmediately: true })
      yield* Fiber.interrupt(first)
      said.push("first left")
      yield* Fiber.interrupt(second)
      said.push("second left")
      assert.deepStrictEqual(said, ["first left", "finalized", "second left"])
      const state = yield* Github.state
      assert.deepInclude(state, { aborted: 1, running: 0, breaker: "closed" })
    }).pipe(within(Github.layer))
  })

  it.effect("is not begun for nobody", () => {
    let runs = 0
    class Github extends Api.Service<Github>()("github") {
      static readonly userById = Github.batched("users", { delay: 10, run: (ids: Ids) => Effect.sync(() => { runs++; return names(ids) }) })
    }
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Github.userById(1), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual([runs, (yield* Github.state).calls], [0, 0])
    }).pipe(within(Github.layer))
  })

  it.effect("has the services of the caller who asked first, and the latest deadline of all", () => {
    const seen: Array<readonly [string, number]> = []
    class Github extends Api.Service<Github>()("github", { timeout: false }) {
      static readonly userById = Github.batched("users", {
        delay: 10,
        run: (_: Ids) => Effect.gen(function*() {
          seen.push([yield* Tenant, yield* Policy.Deadline])
          return yield* Effect.never
        })
      })
    }
    return Effect.gen(function*() {
      const ask = (id: number, tenant: string, deadline: number) =>
        Effect.forkChild(Effect.exit(Github.userById(id).pipe(Effect.provideService(Policy.Deadline, deadline), Effect.provideService(Tenant, tenant))), { startImmediately: true })
      const start = Number(yield* Clock.monotonicTimeNanos) / 1e6
      const [first, second] = [yield* ask(1, "first", start + 50), yield* ask(2, "second", start + 90)]
      yield* TestClock.adjust(50)
      assert.deepStrictEqual([failure(yield* Fiber.join(first))._tag, second.pollUnsafe()], ["CallTimeoutError", undefined])
      yield* TestClock.adjust(40)
      assert.strictEqual(failure(yield* Fiber.join(second))._tag, "CallTimeoutError")
      assert.deepStrictEqual(seen, [["first", start + 90]])
    }).pipe(within(Github.layer))
  })

  it("refuses options that make no sense when it is made", () => {
    class Github extends Api.Service<Github>()("github") {}
    const run = (ids: Ids) => Effect.succeed(ids)
    for (const [options, option] of [[{ maxSize: 0 }, "batched.maxSize"], [{ delay: "soon" }, "batched.delay"], [{ run: 1 }, "batched.run"]] as const) {
      const exit = Effect.runSyncExit(Effect.sync(() => Github.batched("users", { run, ...options } as never)))
      assert.deepInclude(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined, { _tag: "InvalidPolicyOption", policy: "github", option })
    }
  })

  it.effect("keeps the batches of two layers apart", () => {
    const asked: Array<Ids> = []
    class Github extends Api.Service<Github>()("github") {
      static readonly userById = Github.batched("users", { run: (ids: Ids) => Effect.sync(() => { asked.push(ids); return names(ids) }) })
    }
    const one = (id: number) => within(Layer.fresh(Github.layer))(Github.userById(id))
    return Effect.gen(function*() {
      yield* Effect.all([one(1), one(2)], { concurrency: "unbounded" })
      assert.deepStrictEqual(asked, [[1], [2]])
    })
  })
})
