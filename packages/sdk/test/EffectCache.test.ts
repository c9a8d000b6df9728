import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { Api, Policy, Registry } from "@outrigger/sdk"
import type { CacheStore, StoredAnswer } from "../src/core/cache/cacheStore.ts"
import { Dependency } from "../src/core/dependency.ts"
import { cacheDefaults } from "../src/core/options/cache.ts"
import { Registry as CoreRegistry } from "../src/core/registry.ts"
import { EffectCache } from "../src/internal/effectCache.ts"
import { Deadline } from "../src/Policy.ts"
import { agrees, bad, type Command, type Driven, maxEntries, optionsOf, shown, traces } from "./support/cacheModel.ts"
import { turn } from "./support/virtual.ts"

class Github extends Api.Service<Github>()("github", { retry: false, breaker: { failures: 3 } }) {}
/** Each test has a Github of its own. */
const own = <A, E>(effect: Effect.Effect<A, E, Github>): Effect.Effect<A, E> =>
  Effect.suspend(() => effect.pipe(Effect.provide(Github.layer), Effect.provideService(Registry.Registry, new CoreRegistry())))
const boom = new Error("boom")
const renewed = { key: "k", ttl: "100 millis", staleWhileRevalidate: "200 millis" } as const
const tolerant = { key: "k", ttl: "100 millis", staleIfError: "1 second" } as const
const failure = (exit: Exit.Exit<unknown, unknown>): any => Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : assert.fail("it succeeded")

describe("cached effects", () => {
  it.effect("serve a stale answer at once, and renew it in a fiber of its own", () => Effect.gen(function*() {
    yield* Github.cached("search", renewed, Effect.succeed("old"))
    yield* TestClock.adjust(150)
    const renewal = Effect.as(Effect.sleep(10), "new")
    assert.deepInclude(yield* Github.cachedEntry("search", renewed, renewal), { value: "old", stale: true })
    assert.deepInclude(yield* Github.cachedEntry("search", renewed, renewal), { value: "old", stale: true })
    yield* TestClock.adjust(10)
    assert.deepInclude(yield* Github.cachedEntry("search", renewed, renewal), { value: "new", stale: false })
    assert.deepStrictEqual(yield* Github.cache.state, { hits: 1, misses: 1, stale: 2, refreshes: 1, entries: 1, storeFailures: 0 })
  }).pipe(own))

  it.effect("keep what they have when a renewal fails, dies or interrupts itself", () => Effect.gen(function*() {
    yield* Github.cached("search", renewed, Effect.succeed("old"))
    yield* TestClock.adjust(150)
    for (const renewal of [Effect.fail(boom), Effect.die(boom), Effect.interrupt, Effect.succeed(bad)]) {
      assert.deepInclude(yield* Github.cachedEntry<unknown, Error, never>("search", renewed, renewal), { value: "old", stale: true })
    }
    assert.strictEqual((yield* Github.cache.state).refreshes, 4)
  }).pipe(own))

  it.effect("lose one waiter to interruption without a word to the others; the last one's awaits the finalizers", () => Effect.gen(function*() {
    let finalized = 0
    const work = Effect.onInterrupt(Effect.as(Effect.sleep(100), "done"), () => Effect.sync(() => { finalized++ }))
    const [first, second] = [yield* Effect.forkChild(Github.cached("x", tolerant, work)), yield* Effect.forkChild(Github.cached("x", tolerant, work))]
    yield* TestClock.adjust(50)
    yield* Fiber.interrupt(first)
    assert.strictEqual(finalized, 0)
    yield* TestClock.adjust(50)
    assert.strictEqual(yield* Fiber.join(second), "done")
    const third = yield* Effect.forkChild(Github.cached("x", { ...tolerant, key: "other" }, work))
    yield* TestClock.adjust(50)
    yield* Fiber.interrupt(third)
    assert.deepInclude(yield* Github.state, { running: 0, aborted: 1 })
    assert.strictEqual(finalized, 1)
  }).pipe(own))

  it.effect("are bound by their own caller's deadline only, which waits for no finalizer", () => Effect.gen(function*() {
    let finalized = 0
    const slow = Effect.onInterrupt(Effect.as(Effect.sleep(100), "done"), () => Effect.andThen(Effect.sleep(1000), Effect.sync(() => { finalized++ })))
    const hasty = yield* Effect.forkChild(Effect.exit(Github.cached("price", tolerant, slow).pipe(Effect.provideService(Deadline, 40))))
    const patient = yield* Effect.forkChild(Github.cached("price", tolerant, slow))
    yield* TestClock.adjust(40)
    assert.deepInclude(failure(yield* Fiber.join(hasty)), { _tag: "CallTimeoutError", message: "github.price: no answer before the deadline" })
    yield* TestClock.adjust(60)
    assert.strictEqual(yield* Fiber.join(patient), "done")
    const alone = yield* Effect.forkChild(Effect.exit(Github.cached("price", { ...tolerant, key: "alone" }, slow).pipe(Effect.provideService(Deadline, 150))))
    yield* TestClock.adjust(50)
    assert.strictEqual(failure(yield* Fiber.join(alone))._tag, "CallTimeoutError")
    assert.strictEqual(finalized, 0)
    yield* TestClock.adjust(1000)
    assert.strictEqual(finalized, 1)
    const quick = yield* Effect.forkChild(Effect.exit(Github.cached("price", { ...tolerant, key: "quick" }, Effect.never).pipe(Effect.provideService(Deadline, 1250))))
    yield* TestClock.adjust(100)
    assert.strictEqual(failure(yield* Fiber.join(quick))._tag, "CallTimeoutError")
    const gone = Github.cached("price", { ...tolerant, key: "gone" }, Effect.succeed("never")).pipe(Effect.provideService(Deadline, yield* Clock.currentTimeMillis))
    assert.strictEqual(failure(yield* Effect.exit(gone))._tag, "CallTimeoutError")
  }).pipe(own))

  it.effect("give the work no deadline of a caller, but the policy's", () => Effect.gen(function*() {
    const seen = yield* Github.cached("x", tolerant, Deadline).pipe(Effect.provideService(Deadline, 1000))
    assert.strictEqual(seen, 30_000)
  }).pipe(own))

  it.effect("are asked for again when invalidated, and a flight of before keeps nothing", () => Effect.gen(function*() {
    const early = yield* Effect.forkChild(Github.cached("x", tolerant, Effect.as(Effect.sleep(20), "before")))
    yield* TestClock.adjust(1)
    yield* Github.cache.invalidate("k")
    assert.strictEqual(yield* Github.cached("x", tolerant, Effect.succeed("after")), "after")
    yield* TestClock.adjust(20)
    assert.strictEqual(yield* Fiber.join(early), "before")
    assert.strictEqual(yield* Github.cached<unknown, Error, never>("x", tolerant, Effect.fail(boom)), "after")
    yield* Github.cache.clear
    assert.strictEqual(yield* Effect.flip(Github.cached("x", tolerant, Effect.fail(boom))), boom)
  }).pipe(own))

  it.effect("stop a renewal that nobody waits for when it is invalidated", () => Effect.gen(function*() {
    let stopped = 0
    yield* Github.cached("x", renewed, Effect.succeed("old"))
    yield* TestClock.adjust(150)
    yield* Github.cached("x", renewed, Effect.onInterrupt(Effect.never, () => Effect.sync(() => { stopped++ })))
    yield* Github.cache.clear
    assert.strictEqual(stopped, 1)
  }).pipe(own))

  it.effect("have their timeout, and keep no failure, undefined and false like any answer", () => Effect.gen(function*() {
    const late = yield* Effect.forkChild(Effect.exit(Github.cached("x", { key: "t", ttl: "1 hour" }, Effect.never)))
    yield* TestClock.adjust("30 seconds")
    assert.strictEqual(failure(yield* Fiber.join(late))._tag, "CallTimeoutError")
    for (const value of [undefined, null, false, 0, ""]) {
      const options = { key: `v${value}`, ttl: "1 second" } as const
      yield* Github.cached<unknown, never, never>("x", options, Effect.succeed(value))
      assert.strictEqual(yield* Github.cached<unknown, Error, never>("x", options, Effect.fail(boom)), value)
    }
  }).pipe(own))

  it.effect("say nothing to the breaker when they hit", () => Effect.gen(function*() {
    yield* Github.cached("x", tolerant, Effect.succeed("good"))
    for (let count = 0; count < 3; count++) {
      yield* Effect.exit(Github.call("x", Effect.fail(boom)))
      yield* Github.cached("x", tolerant, Effect.succeed("good"))
    }
    assert.deepInclude(yield* Github.state, { breaker: "open", calls: 4 })
  }).pipe(own))

  it.effect("refuse a Response and options that make no sense as defects, whatever is kept", () => Effect.gen(function*() {
    yield* Github.cached<unknown, never, never>("x", tolerant, Effect.succeed("good"))
    yield* TestClock.adjust(200)
    const refused = yield* Effect.exit(Github.cached("x", tolerant, Effect.sync(() => new Response("x"))))
    assert.match(String(Exit.isFailure(refused) && Cause.squash(refused.cause)), /cache what you read/)
    const senseless = yield* Effect.exit(Github.cached("x", { key: "k", ttl: "2 seconds", staleIfError: "1 second" }, Effect.succeed(1)))
    assert.match(String(Exit.isFailure(senseless) && Cause.squash(senseless.cause)), /github: staleIfError is "1 second", but must be .*at least ttl/)
  }).pipe(own))

  it("run without a fiber's turn when their call does", () => {
    assert.strictEqual(Effect.runSync(Github.cached("x", tolerant, Effect.succeed(1)).pipe(own)), 1)
  })

  it.effect("that ask for their own key wait for themselves until the timeout, and no stack overflows", () => Effect.gen(function*() {
    const ask: Effect.Effect<unknown, unknown, Github> = Effect.suspend(() => Github.cached("x", tolerant, ask))
    const fiber = yield* Effect.forkChild(Effect.exit(ask))
    yield* TestClock.adjust("30 seconds")
    assert.strictEqual(failure(yield* Fiber.join(fiber))._tag, "CallTimeoutError")
  }).pipe(own))
})

describe("cached effects with a store", () => {
  const cacheOver = (store: CacheStore) => {
    const dependency = new Dependency("x", {})
    return new EffectCache(dependency, (effect) => effect, { ...cacheDefaults, store })
  }

  it.effect("have answers from before a restart, and write theirs behind", () => Effect.gen(function*() {
    const held: Record<string, StoredAnswer> = {}
    const store: CacheStore = { get: async (key) => held[key], set: async (key, answer) => { held[key] = answer }, delete: async (key) => { delete held[key] } }
    yield* cacheOver(store).value(tolerant, {}, Effect.succeed("good"))
    yield* Effect.promise(turn)
    assert.deepStrictEqual(held, { k: { value: "good", storedAt: 0 } })
    yield* TestClock.adjust(150)
    assert.deepInclude(yield* cacheOver(store).entry<unknown, Error, never>(tolerant, {}, Effect.fail(boom)), { value: "good", stale: true, storedAt: 0 })
    const after = cacheOver(store)
    assert.strictEqual(yield* after.value<unknown, Error, never>({ ...tolerant, ttl: "1 second" }, {}, Effect.fail(boom)), "good")
    yield* after.invalidate("k")
    yield* Effect.promise(turn)
    assert.deepStrictEqual(held, {})
  }))

  it.effect("wait for one that hangs as long as is said, on the clock of the test", () => Effect.gen(function*() {
    const hang = () => new Promise<never>(() => {})
    const cache = cacheOver({ get: hang, set: hang, delete: hang })
    const fiber = yield* Effect.forkChild(cache.value(tolerant, {}, Effect.succeed("called")))
    yield* TestClock.adjust(249)
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust(1)
    yield* Effect.promise(turn)
    assert.strictEqual(yield* Fiber.join(fiber), "called")
    assert.strictEqual(cache.state().storeFailures, 1)
  }))
})

interface Work {
  readonly id: number
  readonly resume: (effect: Effect.Effect<unknown, Error>) => void
}

/** The Effect face, driven by the traces of the reference. */
class EffectDriven implements Driven {
  readonly log: Array<string> = []
  private readonly policy: Policy.Policy
  private readonly cache: EffectCache
  private readonly context: Context.Context<never>
  private works: Array<Work> = []
  private asks: Array<{ readonly id: number; fiber: Fiber.Fiber<unknown, unknown> | undefined }> = []
  private asked = 0
  private begun = 0

  constructor(context: Context.Context<never>) {
    const registry = new CoreRegistry()
    this.context = context
    this.policy = Policy.fromRegistry(registry, "api", "x", {}, context)
    this.cache = new EffectCache(registry.get("x")!, (effect, run) => this.policy.run(effect, run), { ...cacheDefaults, maxEntries })
  }

  statistics() {
    const { storeFailures: _, ...statistics } = this.cache.state()
    return statistics
  }

  async apply(command: Command): Promise<void> {
    const run = Effect.runPromiseWith(this.context)
    switch (command.do) {
      case "ask": this.ask(command); break
      case "settle": this.settle(command.at, command.how); break
      case "leave": this.asks[command.at % this.asks.length]?.fiber!.interruptUnsafe(); break
      case "pass": await run(TestClock.adjust(command.millis)); break
      case "invalidate": await run(this.cache.invalidate(command.key)); break
      case "clear": await run(this.cache.clear); break
      case "isolate": this.policy.isolate(); break
      case "restore": this.policy.restore()
    }
    await turn()
  }

  private ask({ key, times }: Extract<Command, { readonly do: "ask" }>): void {
    const ask: (typeof this.asks)[number] = { id: this.asked++, fiber: undefined }
    this.asks.push(ask)
    const entry = this.cache.entry<unknown, Error, never>({ key, ...optionsOf(times) }, {}, Effect.suspend(() => this.work()))
    ask.fiber = Effect.runForkWith(this.context)(entry) as Fiber.Fiber<unknown, unknown>
    ask.fiber.addObserver((exit: Exit.Exit<any, any>) => {
      this.asks = this.asks.filter((other) => other !== ask)
      const error = Exit.isSuccess(exit) ? undefined : Exit.hasInterrupts(exit) ? { message: "left" } : failure(exit)
      this.log.push(`ask ${ask.id}: ${Exit.isSuccess(exit) ? `${shown(exit.value.value)}${exit.value.stale ? " stale" : ""}` : error._tag ?? error.message}`)
    })
  }

  private work(): Effect.Effect<unknown, Error> {
    return Effect.callback((resume) => {
      const work = { id: this.begun++, resume }
      this.works.push(work)
      return Effect.sync(() => {
        this.works = this.works.filter((other) => other !== work)
        this.log.push(`work ${work.id} aborted`)
      })
    })
  }

  private settle(at: number, how: "ok" | "fail" | "bad"): void {
    const work = this.works[at % this.works.length]
    if (work === undefined) return
    this.works = this.works.filter((other) => other !== work)
    work.resume(how === "fail" ? Effect.fail(boom) : Effect.succeed(how === "ok" ? `v${work.id}` : bad))
  }
}

it("the Effect face does what the reference does, whatever comes", async () => {
  await fc.assert(fc.asyncProperty(traces, (trace) => Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const driven = new EffectDriven(yield* Effect.context<never>())
    yield* Effect.promise(() => agrees(trace, driven, assert.deepStrictEqual))
  }).pipe(Effect.provide([TestClock.layer(), Logger.layer([])])) as Effect.Effect<void>))), { numRuns: 200 })
})
