import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Api, Health, Policy, Registry, Router } from "@outrigger/sdk"
import { type Reply, traces } from "./support/routerTraces.ts"

const policy = { timeout: 1000, retry: false, breaker: { failures: 2, openFor: 5000 } } as const
const services = (options: Policy.Options) => {
  class A extends Api.Service<A>()("a", options) {}
  class B extends Api.Service<B>()("b", options) {}
  class C extends Api.Service<C>()("c", options) {}
  return { A, B, C, layer: Layer.mergeAll(A.layer, B.layer, C.layer) }
}
const { A, B, C, layer: apis } = services(policy)
const apart = <E, R>(layer: Layer.Layer<R, E>) => Layer.provideMerge(Layer.fresh(layer), Layer.fresh(Registry.layer))

let made = 0
/** Policies of the process have names of their own. */
const make = (options: Router.Options = {}, own: Policy.Options = policy) => {
  const names = ["a", "b"].map((name) => `${name}-${made++}`)
  const [a, b] = [Policy.make(names[0]!, own), Policy.make(names[1]!, own)]
  return { a, b, router: Router.make(`router-${made++}`, { ...options, targets: { a, b } }) }
}

const reply = (target: string, what: Reply = "up"): Effect.Effect<string, Error> =>
  what === "up" ? Effect.succeed(target)
  : what === "hangs" ? Effect.never
  : Effect.fail(what === "wrong" ? new TypeError("wrong") : new Error(`${target} is down`))

describe("a router over effects", () => {
  for (const { options, steps, title, weights } of traces) {
    it.effect(title, () => Effect.gen(function*() {
      const one = <P extends Router.Source>(policy: P, name: string) => ({ policy, ...(weights !== undefined && { weight: weights[name] }) })
      const router = yield* Router.scoped("r", { ...options, targets: { a: one(A, "a"), b: one(B, "b"), c: one(C, "c") } })
      for (const { end, idempotent, replies = {}, tried, wait = 0 } of steps) {
        yield* TestClock.adjust(wait)
        const before = router.state().targets
        const fiber = yield* Effect.forkChild(Effect.exit(router.runEntry((target) => reply(target, replies[target]), { idempotent })), { startImmediately: true })
        for (let waits = 0; waits < 10 && fiber.pollUnsafe() === undefined; waits++) yield* TestClock.adjust(500)
        const exit = yield* Fiber.join(fiber)
        if (Exit.isSuccess(exit)) {
          assert.deepStrictEqual([exit.value.target, exit.value.tried.map((one) => `${one.target} ${one.outcome}`)], [end, [...tried]])
        } else {
          const after = router.state().targets
          const counted = (["a", "b", "c"] as const).filter((name) => after[name].tries > before[name].tries)
          assert.deepStrictEqual([String(yield* Effect.flip(exit)), counted], [end, tried.map((one) => one.split(" ")[0])])
        }
      }
    }).pipe(Effect.provide(apart(apis))))
  }

  it.effect("shows in the types what it takes, gives and may end with", () => Effect.gen(function*() {
    const { router } = make()
    const typed = router.runEntry((target) => {
      expectTypeOf(target).toEqualTypeOf<"a" | "b">()
      return target === "a" ? Effect.fail("own" as const) : Effect.succeed(1)
    })
    expectTypeOf(typed).toEqualTypeOf<Effect.Effect<Router.Entry<number, "a" | "b">, "own" | Policy.Rejected>>()
    assert.strictEqual((yield* typed).target, "b")
  }))

  it.effect("repeats no defect elsewhere", () => Effect.gen(function*() {
    const { router } = make()
    const exit = yield* Effect.exit(router.run(() => Effect.die("bug")))
    assert.isTrue(Exit.hasDies(exit))
    assert.deepInclude(router.state().targets.a, { tries: 1, permanent: 1 })
    assert.strictEqual(router.state().targets.b.tries, 0)
    assert.isTrue(Exit.hasDies(yield* Effect.exit(router.run((): Effect.Effect<void> => { throw new Error("bug") }))))
  }))

  for (const [what, own] of [["with deadlines", policy], ["without any", {}]] as const) {
    it.live(`goes on to nobody when its caller is interrupted, and awaits finalizers, ${what}`, () => Effect.gen(function*() {
      const { router } = make({}, own)
      let finalized = 0
      const work = () => Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.yieldNow, Effect.sync(() => { finalized++ })))
      const fiber = yield* Effect.forkChild(router.run(work), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(finalized, 1)
      assert.deepInclude(router.state().targets.a, { tries: 1, aborted: 1, failures: 0, permanent: 0 })
      assert.deepInclude(router.state().targets.b, { tries: 0 })
    }))
  }

  it.effect("hands its deadline down, and takes one from above", () => Effect.gen(function*() {
    const { router } = make({ timeout: "2 seconds" }, { timeout: "1 minute" })
    assert.strictEqual(yield* router.run(() => Policy.Deadline), 2000)
    const outer = Policy.make(`outer-${made++}`, { timeout: 500 })
    const fiber = yield* Effect.forkChild(Effect.flip(outer.run(router.run(() => Effect.never))))
    yield* TestClock.adjust(500)
    assert.strictEqual((yield* Fiber.join(fiber))._tag, "CallTimeoutError")
    assert.strictEqual(router.state().targets.a.standing, "in")
  }))

  it("refuses what makes no sense when it is made", () => {
    const { a } = make()
    assert.throws(() => Router.make("x", { targets: {} }), /targets is \{\}/)
    assert.throws(() => Router.make("x", { targets: { a, again: { policy: a } } }), /targets\.again is "a-\d+", but must be another dependency than that of a/)
    assert.throws(() => Router.make("x", { targets: { a }, timeout: "soon" as never }), /timeout is "soon"/)
    assert.throws(() => Router.make("x", { strategy: "weighted", targets: { a: { policy: a, weight: 0 } } }), /targets\.a\.weight is 0/)
    assert.throws(() => Router.make("x", { targets: { a: { policy: 1 as never } } }), /targets\.a\.policy is "number", but must be the policy itself/)
    const { router } = make()
    assert.throws(() => Router.make(router.name, { targets: { a } }), /new: an entry of this name exists/)
  })
})

describe("a router as a service", () => {
  let well = true
  const check = Effect.suspend(() => well ? Effect.void : Effect.fail(new Error("no model loaded")))
  class Models extends Router.Service<Models>()("models", {
    targets: { a: { policy: A, check, checkOptions: { every: "1 second", failAfter: 2 } }, b: B }
  }) {}
  const layer = apart(Layer.provideMerge(Models.layer, apis))

  it.effect("runs checks for as long as its layer lives, and shows in the report", () => Effect.gen(function*() {
    well = true
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* Models.run((target) => Effect.succeed(target)), "a")
    well = false
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual((yield* Models.runEntry((target) => Effect.succeed(target))).target, "b")
    const { checks } = yield* Health.report
    assert.deepInclude(checks["models:router"]![0], { status: "warn", observedValue: "b", why: "on b; the check of a fails: no model loaded" })
    assert.deepInclude(checks["models:a"]![0], { status: "fail" })
    assert.strictEqual((yield* Models.state).preferred, "b")
    well = true
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* Models.run((target) => Effect.succeed(target)), "a")
  }).pipe(Effect.provide(layer)))

  it("needs the services of its targets and of its checks", () => {
    expectTypeOf(Models.layer).toEqualTypeOf<Layer.Layer<Models, never, Context.Service.Identifier<typeof A | typeof B>>>()
    const call = Models.run((target) => {
      expectTypeOf(target).toEqualTypeOf<"a" | "b">()
      return Effect.succeed(1)
    })
    expectTypeOf(call).toEqualTypeOf<Effect.Effect<number, Policy.Rejected, Models>>()
    assert.isDefined(C)
  })

  it.effect("is gone from the report when its scope closes", () => Effect.gen(function*() {
    const registry = yield* Registry.Registry
    const entries = () => Object.keys(registry.report(0, 0).checks).filter((key) => key.startsWith("r:"))
    yield* Effect.scoped(Effect.gen(function*() {
      yield* Router.scoped("r", { targets: { a: { policy: A, check } } })
      assert.deepStrictEqual(entries().toSorted(), ["r:a", "r:router"])
    }))
    assert.deepStrictEqual(entries(), [])
  }).pipe(Effect.provide(apart(apis))))

  it.effect("is refused as a defect when it makes no sense", () => Effect.gen(function*() {
    const exit = yield* Effect.exit(Effect.scoped(Router.scoped("r", { targets: { a: A, again: A } })))
    assert.match(String(Exit.isFailure(exit) ? exit.cause : ""), /targets\.again/)
  }).pipe(Effect.provide(apart(apis))))
})
