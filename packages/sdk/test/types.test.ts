/** What the types of both faces promise: checked by `tsc`, and run as far as it has a result. Options that are wrong are never made: they are only typed. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Api, Policy, Registry, Retry, Router } from "@outrigger/sdk"
import * as Promises from "@outrigger/sdk/promise"
import { Chaos, createOutrigger, type PolicyOptions } from "@outrigger/sdk/promise"

/** Typed, and never run. */
const typed = (_: () => unknown): void => {}

interface Own {
  readonly _tag: "Own"
  readonly own: number
}
const own: Own = { _tag: "Own", own: 1 }

class Disk extends Context.Service<Disk, { readonly read: Effect.Effect<string> }>()("types/Disk") {}
class Fast extends Api.Service<Fast>()("fast", { timeout: "5 seconds", retry: false }) {}
class Big extends Api.Service<Big>()("big", { timeout: 20_000, retry: Retry.api }) {}

const outrigger = createOutrigger({ service: "types", log: () => {} })
const api = outrigger.api("x", { retry: false })

describe("the promise face, typed", () => {
  it("gives what the work gives: of a promise, of a value, of a stranger's promise", async () => {
    const answers = [api.call(async () => 1), api.call(() => 1), api.call(() => Promise.resolve(1) as PromiseLike<number>)]
    expectTypeOf(answers).toEqualTypeOf<Array<Promise<number>>>()
    assert.deepStrictEqual(await Promise.all(answers), [1, 1, 1])
    const literal = api.call(() => "a" as const)
    expectTypeOf(literal).resolves.toEqualTypeOf<"a">()
    expectTypeOf(api.call(() => {})).resolves.toEqualTypeOf<void>()
    await api.call(({ attempt, deadline, signal, ...rest }) => {
      expectTypeOf({ attempt, deadline, signal }).toEqualTypeOf<{ attempt: number; deadline: number; signal: AbortSignal }>()
      expectTypeOf(rest).toEqualTypeOf<{}>()
    })
  })

  it("adds what a fallback gives", async () => {
    const answer = api.call(() => 1, { fallback: (error) => {
      expectTypeOf(error).toEqualTypeOf<unknown>()
      return "none" as const
    } })
    expectTypeOf(answer).resolves.toEqualTypeOf<number | "none">()
    assert.strictEqual(await answer, 1)
    expectTypeOf(api.call(() => 1, { fallback: async () => null })).resolves.toEqualTypeOf<number | null>()
  })

  it("gives what is cached as it was, and says of an entry how old it is", async () => {
    const entry = await api.cachedEntry({ key: "k", ttl: "1 minute" }, async () => ({ stock: 3 }))
    expectTypeOf(entry).toEqualTypeOf<Promises.CacheEntry<{ stock: number }>>()
    expectTypeOf(api.cached({ key: "k", ttl: 1000, staleIfError: "1 hour" }, () => 3)).resolves.toEqualTypeOf<number>()
    assert.deepStrictEqual(entry.value, { stock: 3 })
    // @ts-expect-error a cache has a key
    typed(() => api.cached({ ttl: "1 minute" }, () => 3))
  })

  it("asks for one of a batch, whose errors are the caller's alone", async () => {
    const byId = api.batched("byId", { run: async (ids: ReadonlyArray<number>) => ids.map((id) => id > 9 ? new RangeError("gone") : `user ${id}`) })
    expectTypeOf(byId).parameter(0).toEqualTypeOf<number>()
    expectTypeOf(byId(1)).resolves.toEqualTypeOf<string>()
    assert.strictEqual(await byId(7), "user 7")
    // @ts-expect-error the key is a number
    typed(() => byId("7"))
  })

  it("knows the names of a router's targets", async () => {
    const router = outrigger.router("types", { targets: { near: api, far: { api: outrigger.api("y", { retry: false }), weight: 2 } }, strategy: "weighted" })
    const entry = await router.callEntry(({ signal, target }) => {
      expectTypeOf(target).toEqualTypeOf<"near" | "far">()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      return target.length
    })
    expectTypeOf(entry.value).toEqualTypeOf<number>()
    expectTypeOf(entry.target).toEqualTypeOf<"near" | "far">()
    expectTypeOf(router.state().targets).toHaveProperty("near")
    // @ts-expect-error there is no such target
    typed(() => router.state().targets.nowhere)
  })

  it("takes durations with their units, and no others", () => {
    expectTypeOf<"5 seconds">().toExtend<NonNullable<PolicyOptions["timeout"]>>()
    expectTypeOf<250>().toExtend<NonNullable<PolicyOptions["timeout"]>>()
    // @ts-expect-error no such unit
    typed(() => outrigger.api("a", { timeout: "5 secs" }))
    // @ts-expect-error a number in words is not a duration
    typed(() => outrigger.api("a", { timeout: "5" }))
    // @ts-expect-error a base is a duration
    typed(() => outrigger.api("a", { retry: { base: "soon" } }))
    // @ts-expect-error a count has no unit
    typed(() => outrigger.api("a", { retry: { times: "2 seconds" } }))
    // @ts-expect-error chaos has durations too
    typed(() => Chaos.script([{ latency: "5 ms" }]))
  })

  it("knows every option and no other", () => {
    // @ts-expect-error unknown
    typed(() => outrigger.api("a", { timeouts: 1000 }))
    // @ts-expect-error unknown in a part
    typed(() => outrigger.api("a", { breaker: { failure: 5 } }))
    // @ts-expect-error unknown in a part of a part
    typed(() => outrigger.api("a", { retry: { budget: { rate: 0.2 } } }))
    // @ts-expect-error true is no option: name what you want
    typed(() => outrigger.api("a", { breaker: true }))
    // @ts-expect-error a jitter of the four
    typed(() => outrigger.api("a", { retry: { jitter: "some" } }))
    // @ts-expect-error a rate limit has a window
    typed(() => outrigger.api("a", { rateLimit: { limit: 5 } }))
    // @ts-expect-error a Schedule is for effects
    typed(() => outrigger.api("a", { retry: Schedule.recurs(3) }))
    // @ts-expect-error unknown of a call
    typed(() => api.call(() => 1, { timeout: 5 }))
  })

  it("takes a store that brings the sharing along, and no bare port", () => {
    const exchange = async () => []
    const take = async () => ({ granted: 0, kept: 0, retryAfter: 0, processes: 1 })
    typed(() => outrigger.api("a", { breaker: { shared: Promises.breakerStore({ exchange }) } }))
    typed(() => outrigger.api("a", { breaker: { shared: { store: Promises.memoryBreakerStore(Date.now), interval: "2 seconds" } } }))
    typed(() => outrigger.api("a", { rateLimit: { limit: 5, window: 1000, shared: Promises.limiterStore({ take }) } }))
    // @ts-expect-error breakerStore makes a store of it
    typed(() => outrigger.api("a", { breaker: { shared: { exchange } } }))
    // @ts-expect-error limiterStore makes a store of it
    typed(() => outrigger.api("a", { rateLimit: { limit: 5, window: 1000, shared: { take } } }))
  })

  it("tells each event as what it is", () => {
    const stop = api.on("retry", (event) => expectTypeOf(event.delay).toEqualTypeOf<number>())
    expectTypeOf(stop).toEqualTypeOf<() => void>()
    api.on("breaker", ({ to }) => expectTypeOf(to).toEqualTypeOf<"closed" | "open" | "half-open" | "isolated">())
    // @ts-expect-error no such event
    typed(() => api.on("retries", () => {}))
  })
})

describe("the Effect face, typed", () => {
  const policy = Policy.make("types", {})

  it("adds its rejections to the effect's own errors, and nothing to what it gives and needs", () => {
    const run = policy.run(Effect.flatMap(Disk.use(({ read }) => read), () => Effect.fail(own) as Effect.Effect<number, Own>))
    expectTypeOf(run).toEqualTypeOf<Effect.Effect<number, Own | Policy.Rejected, Disk>>()
    expectTypeOf(Effect.succeed("a").pipe(Policy.run(policy))).toEqualTypeOf<Effect.Effect<string, Policy.Rejected>>()
  })

  it("lets each rejection be caught by its tag, until none is left", async () => {
    const handled = policy.run(Effect.fail(own) as Effect.Effect<number, Own>).pipe(
      Effect.catchTag("CallTimeoutError", (error) => {
        expectTypeOf(error).toEqualTypeOf<Policy.CallTimeoutError>()
        return Effect.succeed("late")
      }),
      Effect.catchTag("BreakerOpenError", ({ retryAfter }) => {
        expectTypeOf(retryAfter).toEqualTypeOf<number | undefined>()
        return Effect.succeed("open")
      }),
      Effect.catchTag("BulkheadFullError", () => Effect.succeed("full")),
      Effect.catchTag("RateLimitedError", () => Effect.succeed("limited")),
      Effect.catchTag("Own", ({ own }) => Effect.succeed(own))
    )
    expectTypeOf(handled).toEqualTypeOf<Effect.Effect<string | number>>()
    assert.strictEqual(await Effect.runPromise(handled), 1)
    expectTypeOf<Policy.Rejected["_tag"]>().toEqualTypeOf<"CallTimeoutError" | "BreakerOpenError" | "BulkheadFullError" | "RateLimitedError">()
    // @ts-expect-error no rejection has this tag
    typed(() => policy.run(Effect.void).pipe(Effect.catchTag("Timeout", () => Effect.void)))
  })

  it("leaves no error but the fallback's own", () => {
    const sure = policy.run(Effect.fail(own) as Effect.Effect<number, Own>, { fallback: (error) => {
      expectTypeOf(error).toEqualTypeOf<Own | Policy.Rejected>()
      return Effect.succeed("none" as const)
    } })
    expectTypeOf(sure).toEqualTypeOf<Effect.Effect<number | "none">>()
    const worse = Effect.succeed(1).pipe(Policy.run(policy, { fallback: () => Disk.use(() => Effect.fail("worse" as const)) }))
    expectTypeOf(worse).toEqualTypeOf<Effect.Effect<number, "worse", Disk>>()
  })

  it("needs the Api that is called, and no other stands for it", async () => {
    const call = Fast.call("x", Effect.fail(own) as Effect.Effect<number, Own>)
    expectTypeOf(call).toEqualTypeOf<Effect.Effect<number, Own | Policy.Rejected, Fast>>()
    expectTypeOf(Fast.layer).toEqualTypeOf<Layer.Layer<Fast>>()
    expectTypeOf(Fast.isolate).toEqualTypeOf<Effect.Effect<void, never, Fast>>()
    const layer = Layer.provideMerge(Fast.layer, Layer.fresh(Registry.layer))
    assert.isTrue(Exit.isFailure(await Effect.runPromiseExit(Effect.provide(call, layer))))
    // @ts-expect-error it needs Fast
    typed(() => Effect.runPromise(call))
    // @ts-expect-error Big is another
    typed(() => Effect.runPromise(Effect.provide(call, Big.layer)))
  })

  it("keeps what is cached and asked for in a batch as it was", () => {
    expectTypeOf(Fast.cached("x", { key: "k", ttl: "1 minute" }, Effect.fail(own) as Effect.Effect<{ stock: number }, Own>))
      .toEqualTypeOf<Effect.Effect<{ stock: number }, Own | Policy.Rejected, Fast>>()
    expectTypeOf(Fast.cachedEntry("x", { key: "k", ttl: "1 minute" }, Effect.succeed(3)))
      .toEqualTypeOf<Effect.Effect<Api.CacheEntry<number>, Policy.Rejected, Fast>>()
    const byId = Fast.batched("byId", { run: (ids: ReadonlyArray<number>) => Disk.use(() => Effect.succeed(ids.map((id) => id > 9 ? new RangeError("gone") : `user ${id}`))) })
    expectTypeOf(byId).toEqualTypeOf<(id: number) => Effect.Effect<string, RangeError | Api.MissingAnswerError | Policy.Rejected, Disk | Fast>>()
  })

  it("knows the names of a router's targets, and what they need", () => {
    class Models extends Router.Service<Models>()("models", { targets: { fast: Fast, big: { policy: Big, check: Disk.use(({ read }) => Effect.asVoid(read)) } } }) {}
    expectTypeOf(Models.layer).toEqualTypeOf<Layer.Layer<Models, never, Fast | Big | Disk>>()
    const run = Models.run((target) => {
      expectTypeOf(target).toEqualTypeOf<"fast" | "big">()
      return target === "fast" ? Effect.fail(own) : Effect.succeed(1)
    })
    expectTypeOf(run).toEqualTypeOf<Effect.Effect<number, Own | Policy.Rejected, Models>>()
    const router = Router.make("types", { targets: { near: policy } })
    expectTypeOf(router.run((target) => Effect.succeed(target))).toEqualTypeOf<Effect.Effect<"near", Policy.Rejected>>()
  })

  it("takes a Schedule, a preset, options or false for its retries", () => {
    expectTypeOf<typeof Retry.api>().toExtend<NonNullable<Policy.Options["retry"]>>()
    const schedule = Schedule.exponential("100 millis")
    expectTypeOf(schedule).toExtend<NonNullable<Policy.Options["retry"]>>()
    expectTypeOf<false>().toExtend<NonNullable<Policy.Options["retry"]>>()
    expectTypeOf(Policy.make("scheduled", { retry: schedule })).toEqualTypeOf<Policy.Policy>()
    // @ts-expect-error a number of retries has its name
    typed(() => Policy.make("a", { retry: 3 }))
  })

  it("takes a store that is shared as the port that it is", () => {
    typed(() => Policy.make("a", { breaker: { shared: { exchange: async () => [] } } }))
    typed(() => Policy.make("a", { breaker: { shared: Promises.memoryBreakerStore(Date.now) } }))
    typed(() => Policy.make("a", { rateLimit: { limit: 5, window: 1000, shared: { take: async () => ({ granted: 0, kept: 0, retryAfter: 0, processes: 1 }) } } }))
  })

  it("takes Effect's durations, and knows every option and no other", () => {
    expectTypeOf(Policy.make("durations", { timeout: "5 seconds", attemptTimeout: 100, breaker: { openFor: { minutes: 1 } } })).toEqualTypeOf<Policy.Policy>()
    // @ts-expect-error no such unit
    typed(() => Policy.make("a", { timeout: "5 secs" }))
    // @ts-expect-error unknown
    typed(() => Policy.make("a", { timeouts: "5 seconds" }))
    // @ts-expect-error unknown in a part
    typed(() => Api.Service<Fast>()("a", { bulkhead: { concurrent: 5 } }))
    // @ts-expect-error unknown of a run: an effect is interrupted, it has no signal
    typed(() => policy.run(Effect.void, { signal: new AbortController().signal }))
    // @ts-expect-error what is told of a call is said by its operation
    typed(() => Fast.call(Effect.void))
  })
})
