import * as fc from "fast-check"
import { getEventListeners } from "node:events"
import { assert, describe, expectTypeOf, it } from "vitest"
import type { CacheStore, StoredAnswer } from "../../src/core/cache/cacheStore.ts"
import { Dependency } from "../../src/core/dependency.ts"
import type { PolicyOptions } from "../../src/core/options.ts"
import { cacheDefaults } from "../../src/core/options/cache.ts"
import { Api } from "../../src/promise/Api.ts"
import { Cache } from "../../src/promise/cache.ts"
import { createOutrigger } from "../../src/promise/createOutrigger.ts"
import { agrees, bad, type Command, type Driven, maxEntries, optionsOf, shown, traces } from "../support/cacheModel.ts"
import { caught, gate, hang, turn, virtual } from "../support/virtual.ts"

const make = (options: PolicyOptions = {}, store?: CacheStore) => {
  const { port, timers } = virtual()
  const dependency = new Dependency("x", options, timers)
  const api = new Api(dependency)
  const cache = store === undefined ? api.cache : new Cache(dependency, (work, call) => api.call(work, call), { settings: { ...cacheDefaults, store } })
  return { api, cache, dependency, port }
}
const fail = () => Promise.reject(new Error("boom"))
const renewed = { key: "k", ttl: 100, staleWhileRevalidate: 200 }
const tolerant = { key: "k", ttl: 100, staleIfError: 1000 }

describe("a stale answer that is renewed behind", () => {
  it("comes at once, and one call brings the next", async () => {
    const { api, port } = make()
    await api.cached(renewed, () => "old")
    await port.pass(200)
    const work = gate<string>()
    let calls = 0
    const ask = () => api.cachedEntry(renewed, () => { calls++; return work.promise })
    const served = await Promise.all([ask(), ask(), ask()])
    assert.deepStrictEqual(served.map(({ stale, value }) => [value, stale]), [["old", true], ["old", true], ["old", true]])
    assert.strictEqual(calls, 1)
    work.resolve("new")
    await turn()
    assert.deepInclude(await ask(), { value: "new", stale: false })
    assert.deepStrictEqual(api.cache.state(), { hits: 1, misses: 1, stale: 3, refreshes: 1, entries: 1, storeFailures: 0 })
  })

  it("stays when its renewal fails, answers badly or is refused, and nobody hears of it", async () => {
    const { api, port } = make()
    const unhandled: Array<unknown> = []
    const hear = (error: unknown) => unhandled.push(error)
    process.on("unhandledRejection", hear)
    await api.cached(renewed, () => "old")
    await port.pass(150)
    for (const work of [fail, async () => bad, async () => new Response("x"), () => { throw new Error("sync") }]) {
      assert.deepInclude(await api.cachedEntry<unknown>(renewed, work), { value: "old", stale: true })
      await turn()
    }
    process.off("unhandledRejection", hear)
    assert.deepStrictEqual([unhandled, api.cache.state().refreshes], [[], 4])
  })

  it("does not belong to who asked: neither its signal nor its deadline ends the renewal", async () => {
    const { api, port } = make()
    await api.cached(renewed, () => "old")
    await port.pass(150)
    const caller = new AbortController()
    const work = gate<string>()
    let inner: AbortSignal | undefined
    await api.cached({ ...renewed, signal: caller.signal, deadline: 151 }, (context) => { inner = context.signal; return work.promise })
    caller.abort()
    await port.pass(10)
    assert.isFalse(inner!.aborted)
    work.resolve("new")
    await turn()
    assert.strictEqual(await api.cached(renewed, fail), "new")
  })

  it("is not renewed while the breaker would reject, and a probe renews it afterwards", async () => {
    const { api, port } = make({ breaker: { failures: 1, openFor: 50 } })
    await api.cached({ ...renewed, ttl: 10 }, () => "old")
    await caught(api.call(fail))
    await port.pass(49)
    const ask = () => api.cachedEntry({ ...renewed, ttl: 10 }, () => "new")
    assert.deepInclude(await ask(), { value: "old", stale: true })
    assert.strictEqual(api.state().rejected, 0)
    await port.pass(1)
    await ask()
    await turn()
    assert.deepInclude(await ask(), { value: "new", stale: false })
    assert.strictEqual(api.state().breaker, "closed")
  })
})

describe("a stale answer in place of a failure", () => {
  it("comes at once while the breaker is open, though a call of before still hangs", async () => {
    const { api, port } = make({ breaker: { failures: 1, openFor: 1000 } })
    await api.cached(tolerant, () => "good")
    await port.pass(200)
    const hanging = api.cached(tolerant, hang)
    await caught(api.call(fail))
    assert.deepInclude(await api.cachedEntry(tolerant, () => "new"), { value: "good", stale: true })
    assert.strictEqual(api.state().rejected, 0)
    void caught(hanging)
  })

  it("hides no mistake of the host: a Response is refused, whatever is kept", async () => {
    const { api, port } = make()
    await api.cached<unknown>(tolerant, () => "good")
    await port.pass(200)
    assert.match((await caught(api.cached<unknown>(tolerant, () => new Response("x")))).message, /x\.cached: a Response can be read only once: cache what you read/)
    assert.instanceOf(await caught(api.cached<unknown>(tolerant, () => new Response("x", { status: 503 }))), TypeError)
  })

  it("is not needed when another call has brought a fresh one meanwhile", async () => {
    const { api } = make()
    const work = gate<string>()
    const early = api.cachedEntry({ key: "k", ttl: 100 }, () => work.promise)
    api.cache.invalidate("k")
    await api.cached(tolerant, () => "newer")
    work.reject(new Error("boom"))
    assert.deepInclude(await early, { value: "newer", stale: false })
  })

  it("is a bad answer itself when there is nothing better, and that is asked for again", async () => {
    const { api } = make()
    assert.strictEqual(await api.cached<unknown>(tolerant, () => bad), bad)
    assert.deepInclude(await api.cachedEntry<unknown>(tolerant, () => "good"), { value: "good", stale: false })
  })
})

describe("a flight", () => {
  it("is one for a stampede, and what it brings is one call to everybody", async () => {
    const { api } = make({ retry: false })
    const work = gate<string>()
    const all = Array.from({ length: 1000 }, () => api.cached(tolerant, () => work.promise))
    work.resolve("one")
    assert.deepStrictEqual(new Set(await Promise.all(all)), new Set(["one"]))
    assert.deepInclude(api.state(), { calls: 1, successes: 1 })
    assert.deepInclude(api.cache.state(), { misses: 1000, entries: 1 })
  })

  it("that fails fails for all who wait, and is not kept: the next ask calls", async () => {
    const { api } = make()
    const all = await Promise.all([1, 2, 3].map(() => caught(api.cached(tolerant, fail))))
    assert.deepStrictEqual(all.map(({ message }) => message), ["boom", "boom", "boom"])
    assert.strictEqual(await api.cached(tolerant, () => "good"), "good")
    assert.strictEqual(api.state().calls, 2)
  })

  it("loses a waiter at once, with its own reason, and goes on for the others", async () => {
    const { api } = make()
    const work = gate<string>()
    const [first, second] = [new AbortController(), new AbortController()]
    let inner: AbortSignal | undefined
    const leaving = caught(api.cached({ ...tolerant, signal: first.signal }, (context) => { inner = context.signal; return work.promise }))
    const staying = api.cached({ ...tolerant, signal: second.signal }, fail as () => Promise<string>)
    const reason = new Error("mine")
    first.abort(reason)
    assert.strictEqual(await leaving, reason)
    assert.isFalse(inner!.aborted)
    work.resolve("for the rest")
    assert.strictEqual(await staying, "for the rest")
    assert.strictEqual(getEventListeners(second.signal, "abort").length, 0)
    assert.strictEqual(getEventListeners(first.signal, "abort").length, 0)
  })

  it("is told to stop when its last waiter leaves, and counts as no failure; the next ask begins another", async () => {
    const { api } = make({ breaker: { failures: 1 } })
    const caller = new AbortController()
    let inner: AbortSignal | undefined
    const asked = caught(api.cached({ ...tolerant, signal: caller.signal }, (context) => { inner = context.signal; return hang() }))
    caller.abort(new Error("bye"))
    await asked
    assert.strictEqual((inner!.reason as Error).message, "bye")
    assert.deepInclude(api.state(), { aborted: 1, breaker: "closed" })
    assert.strictEqual(await api.cached(tolerant, () => "another"), "another")
  })

  it("gives no stale answer to who left, and leaves no timer to who had a deadline", async () => {
    const { api, port } = make()
    await api.cached(tolerant, () => "good")
    await port.pass(200)
    const caller = new AbortController()
    const leaving = caught(api.cached<string>({ ...tolerant, signal: caller.signal }, hang))
    caller.abort(new Error("bye"))
    assert.strictEqual((await leaving).message, "bye")
    await api.cached({ ...tolerant, deadline: 10_000 }, async () => "new")
    assert.strictEqual(port.waiting.length, 0)
  })

  it("is not begun for a caller who is gone already", async () => {
    const { api } = make()
    const signal = AbortSignal.abort(new Error("gone"))
    assert.strictEqual((await caught(api.cached({ ...tolerant, signal }, () => 1))).message, "gone")
    assert.strictEqual((await caught(api.cached({ ...tolerant, deadline: 0 }, () => 1)))._tag, "CallTimeoutError")
    assert.strictEqual(api.state().calls, 0)
  })

  it("is bound by no caller's deadline, each caller by its own", async () => {
    const { api, port } = make({ timeout: 1000 })
    const work = gate<string>()
    let seen = 0
    const hasty = caught(api.cached({ ...tolerant, deadline: 40, operation: "price" }, ({ deadline }) => { seen = deadline; return work.promise }))
    const patient = api.cached(tolerant, () => work.promise)
    await port.pass(40)
    assert.deepInclude(await hasty, { _tag: "CallTimeoutError", message: "x.price: no answer before the deadline" })
    work.resolve("in time for the other")
    assert.deepStrictEqual([await patient, seen], ["in time for the other", 1000])
    await port.pass(1000)
    assert.strictEqual(port.waiting.length, 0)
  })

  it("neither inherits the deadline of the call around its first caller, who is bound by it alone", async () => {
    const { port, timers } = virtual()
    const dependency = new Dependency("x", { timeout: 1000 }, timers)
    const [outer, inner] = [new Api(new Dependency("outer", { timeout: 40 }, timers), true), new Api(dependency, true)]
    const work = gate<string>()
    let seen = 0
    let within: Promise<any> | undefined
    void caught(outer.call(() => within = caught(inner.cached(tolerant, ({ deadline }) => { seen = deadline; return work.promise }))))
    const outside = inner.cached(tolerant, () => work.promise)
    await port.pass(40)
    assert.strictEqual((await within)._tag, "CallTimeoutError")
    work.resolve("for who has time")
    assert.deepStrictEqual([await outside, seen], ["for who has time", 1000])
  })

  it("that no deadline waits for any more is stopped, and its caller has the last good answer", async () => {
    const { api, port } = make()
    await api.cached(tolerant, () => "good")
    await port.pass(200)
    let inner: AbortSignal | undefined
    const asked = api.cachedEntry(tolerant, () => "never")
    assert.strictEqual((await asked).value, "never")
    await port.pass(200)
    const late = api.cachedEntry<string>({ ...tolerant, deadline: 450 }, (context) => { inner = context.signal; return hang() })
    await port.pass(50)
    assert.deepInclude(await late, { value: "never", stale: true })
    assert.isTrue(inner!.aborted)
    assert.deepInclude(await api.cachedEntry<string>({ ...tolerant, deadline: 450 }, hang), { value: "never", stale: true })
  })

  it("that asks for its own key waits for itself, until its timeout, and no stack overflows", async () => {
    const { api, port } = make({ timeout: 100 })
    const ask = (): Promise<unknown> => api.cached({ key: "k", ttl: 100 }, ask)
    const error = caught(ask())
    await port.pass(100)
    assert.strictEqual((await error)._tag, "CallTimeoutError")
  })
})

describe("what is invalidated", () => {
  it("is asked for again, and a flight that began before keeps nothing", async () => {
    const { api } = make()
    const work = gate<string>()
    const early = api.cached(tolerant, () => work.promise)
    api.cache.invalidate("k")
    const later = gate<string>()
    const late = api.cached(tolerant, () => later.promise)
    later.resolve("after")
    assert.strictEqual(await late, "after")
    work.resolve("before")
    assert.strictEqual(await early, "before")
    assert.strictEqual(await api.cached(tolerant, fail), "after")
  })

  it("stops a renewal that nobody waits for, and only that", async () => {
    const { api, port } = make()
    for (const key of ["a", "b", "c"]) await api.cached({ ...renewed, key }, () => key)
    await port.pass(150)
    const signals: Record<string, AbortSignal> = {}
    const ask = (key: string) => api.cached({ ...renewed, key }, ({ signal }) => { signals[key] = signal; return hang() as Promise<string> })
    await Promise.all([ask("a"), ask("b")])
    const waiting = caught(api.cached({ ...renewed, key: "d" }, ({ signal }) => { signals["d"] = signal; return hang() }))
    api.cache.invalidate("a")
    assert.deepStrictEqual([signals["a"]!.aborted, signals["b"]!.aborted, api.cache.state().entries], [true, false, 2])
    api.cache.clear()
    assert.deepStrictEqual([signals["b"]!.aborted, signals["d"]!.aborted, api.cache.state().entries], [true, false, 0])
    assert.strictEqual(await api.cached({ ...renewed, key: "c" }, () => "anew"), "anew")
    void waiting
  })
})

describe("a cached call", () => {
  it("keeps undefined, null, false, 0, an empty string and NaN like any other answer", async () => {
    const { api } = make()
    for (const [at, value] of [undefined, null, false, 0, "", Number.NaN].entries()) {
      const options = { key: String(at), ttl: 100 }
      await api.cached<unknown>(options, () => value)
      assert.deepStrictEqual(await api.cached<unknown>(options, fail), value)
    }
    assert.strictEqual(api.cache.state().hits, 6)
  })

  it("that hits says nothing to the breaker: successes out of memory do not thin out failures", async () => {
    const { api } = make({ breaker: { failures: 3 } })
    await api.cached(tolerant, () => "good")
    for (let failure = 0; failure < 3; failure++) {
      await caught(api.call(fail))
      for (let hit = 0; hit < 10; hit++) await api.cached(tolerant, fail as () => Promise<string>)
    }
    assert.deepInclude(api.state(), { breaker: "open", calls: 4, successes: 1 })
  })

  it("has its timeout, which is kept as little as any failure", async () => {
    const { api, port } = make({ timeout: 100 })
    const error = caught(api.cached({ key: "k", ttl: 1000 }, hang))
    await port.pass(100)
    assert.strictEqual((await error)._tag, "CallTimeoutError")
    assert.strictEqual(await api.cached({ key: "k", ttl: 1000 }, () => "good"), "good")
  })

  it("is fresh at its ttl to the millisecond, and by chance a share sooner with jitter", async () => {
    const { api, port } = make()
    const ask = (jitter: number) => api.cachedEntry({ key: "k", ttl: 100, staleIfError: 100, jitter }, fail as () => Promise<string>)
    await api.cached({ key: "k", ttl: 100 }, () => "good")
    await port.pass(90)
    assert.deepInclude(await ask(0.2), { stale: false }) // the port's chance is 0.5
    await port.pass(10)
    assert.deepInclude(await ask(0), { stale: false })
    assert.deepInclude(await ask(0.2), { stale: true })
    await port.pass(1)
    assert.strictEqual((await caught(ask(0))).message, "boom")
  })

  it("says when its answer was stored, and gives the same entry to everybody", async () => {
    const { api, port } = make()
    await port.pass(5)
    const first = await api.cachedEntry(tolerant, () => "good")
    expectTypeOf(first.value).toEqualTypeOf<string>()
    await port.pass(50)
    const second = await api.cachedEntry(tolerant, () => "good")
    assert.deepStrictEqual(second, { value: "good", stale: false, storedAt: 1_700_000_000_005 })
    assert.strictEqual(second, await api.cachedEntry(tolerant, () => "good"))
  })

  it("rejects when its options make no sense, and calls nothing", async () => {
    const { api } = make()
    for (const options of [{ key: "k", ttl: -1 }, { key: 1, ttl: 1 }] as Array<any>) {
      assert.strictEqual((await caught(api.cached(options, hang)))._tag, "InvalidPolicyOption")
      assert.strictEqual((await caught(api.cachedEntry(options, hang)))._tag, "InvalidPolicyOption")
    }
    assert.strictEqual(api.state().calls, 0)
  })
})

describe("a cache with a store", () => {
  const memory = (held: Record<string, unknown> = {}) => {
    const asked: Array<string> = []
    const store: CacheStore = {
      get: async (key) => { asked.push(`get ${key}`); return held[key] as StoredAnswer | undefined },
      set: async (key, answer, maxAge) => { asked.push(`set ${key} ${maxAge}`); held[key] = answer },
      delete: async (key) => { asked.push(`delete ${key}`); delete held[key] }
    }
    return { asked, held, store }
  }

  it("has answers from before a restart, as old as they are", async () => {
    const { asked, held, store } = memory()
    const before = make({}, store)
    await before.cache.value(tolerant, () => "good")
    await turn()
    assert.deepStrictEqual(held, { k: { value: "good", storedAt: 1_700_000_000_000 } })
    const after = make({ breaker: { failures: 1 } }, store)
    after.port.time = 100
    assert.strictEqual(await after.cache.value(tolerant, fail as () => Promise<string>), "good")
    await after.port.pass(1)
    after.api.isolate()
    assert.deepInclude(await after.cache.entry(tolerant, () => "new"), { value: "good", stale: true })
    await after.port.pass(900)
    assert.strictEqual((await caught(after.cache.value(tolerant, () => "new")))._tag, "BreakerOpenError")
    assert.deepStrictEqual(asked, ["get k", "set k 1000", "get k"])
    assert.deepInclude(after.cache.state(), { hits: 1, stale: 1, misses: 1 })
  })

  it.each([["undefined", undefined], ["null", null]])("takes %s out of it for a miss, and calls", async (_, nothing) => {
    const { store } = memory({ k: nothing })
    const { cache } = make({}, store)
    assert.strictEqual(await cache.value(tolerant, () => "called"), "called")
    assert.strictEqual(cache.state().storeFailures, 0)
  })

  it("asks it once for a stampede, and not at all for what memory knows", async () => {
    const { asked, store } = memory({ k: { value: "kept", storedAt: 1_700_000_000_000 } })
    const { cache, port } = make({}, store)
    const all = await Promise.all(Array.from({ length: 50 }, () => cache.value(tolerant, fail as () => Promise<string>)))
    assert.deepStrictEqual([new Set(all), asked], [new Set(["kept"]), ["get k"]])
    await port.pass(101)
    assert.strictEqual(await cache.value(tolerant, () => "new"), "new")
    await turn()
    assert.deepStrictEqual(asked, ["get k", "set k 1000"])
  })

  it("calls once for a stampede when it has nothing", async () => {
    const { store } = memory()
    const { api, cache } = make({}, store)
    await Promise.all(Array.from({ length: 50 }, () => cache.value(tolerant, () => "one")))
    assert.strictEqual(api.state().calls, 1)
  })

  it("waits for one that hangs for a while only, and its caller may leave before", async () => {
    const { cache, port } = make({}, { get: hang, set: hang, delete: hang })
    const caller = new AbortController()
    const leaving = caught(cache.value({ ...tolerant, signal: caller.signal }, () => "called"))
    const staying = cache.value(tolerant, () => "called")
    caller.abort(new Error("bye"))
    assert.strictEqual((await leaving).message, "bye")
    await port.pass(250)
    assert.strictEqual(await staying, "called")
    assert.strictEqual(cache.state().storeFailures, 1)
    assert.strictEqual(await cache.value(tolerant, fail as () => Promise<string>), "called")
  })

  it("forgets there too what is invalidated, and an answer that was on its way out is not believed", async () => {
    const loading = gate<StoredAnswer>()
    const { asked, store } = memory()
    const { cache } = make({}, { ...store, get: () => loading.promise })
    const asking = cache.value(tolerant, () => "called")
    cache.invalidate("k")
    loading.resolve({ value: "old", storedAt: 1_700_000_000_000 })
    assert.strictEqual(await asking, "called")
    cache.clear()
    await turn()
    assert.deepStrictEqual(asked, ["delete k", "set k 1000", "delete k"])
  })

  it("takes an answer of the future for a new one: clocks are set back at times", async () => {
    const { store } = memory({ k: { value: "kept", storedAt: 1_800_000_000_000 } })
    const { cache, port } = make({}, store)
    assert.strictEqual(await cache.value(tolerant, fail as () => Promise<string>), "kept")
    await port.pass(101)
    assert.strictEqual(await cache.value(tolerant, () => "new"), "new")
  })
})

describe("an api", () => {
  it("takes the bounds and the store of its cache as options, and shows its statistics in its state", async () => {
    const held = new Map<string, StoredAnswer>()
    const store: CacheStore & { self?: unknown } = { get: async (key) => held.get(key), set: async (key, answer) => { held.set(key, answer) }, delete: async () => {} }
    store.self = store // as a client's may, it refers to itself
    const outrigger = createOutrigger({ service: "shop" })
    const api = outrigger.api("x", { cache: { maxEntries: 1, store } })
    assert.strictEqual(outrigger.api("x", { cache: { maxEntries: 1, store } }), api)
    assert.throws(() => outrigger.api("y", { cache: { maxEntries: 0 } }), /y: cache.maxEntries is 0/)
    for (const key of ["a", "b"]) await api.cached({ key, ttl: "1 hour" }, () => key)
    await turn()
    assert.deepStrictEqual([...held.keys()], ["a", "b"])
    assert.deepInclude(api.state().cache, { misses: 2, entries: 1 })
    await outrigger.close()
  })
})

interface Work {
  readonly id: number
  readonly settle: PromiseWithResolvers<unknown>
}

/** The promise face, driven by the traces of the reference. */
class PromiseDriven implements Driven {
  readonly log: Array<string> = []
  private readonly made = virtual()
  private readonly dependency = new Dependency("x", {}, this.made.timers)
  private readonly api = new Api(this.dependency)
  private readonly cache = new Cache(this.dependency, (work, call) => this.api.call(work, call), { settings: { ...cacheDefaults, maxEntries } })
  private works: Array<Work> = []
  private asks: Array<{ readonly id: number; readonly caller: AbortController }> = []
  private asked = 0
  private begun = 0

  statistics() {
    const { storeFailures: _, ...statistics } = this.cache.state()
    return statistics
  }

  async apply(command: Command): Promise<void> {
    switch (command.do) {
      case "ask": this.ask(command); break
      case "settle": this.settle(command.at, command.how); break
      case "leave": this.asks[command.at % this.asks.length]?.caller.abort(); break
      case "pass": this.made.port.time += command.millis; break
      case "invalidate": this.cache.invalidate(command.key); break
      case "clear": this.cache.clear(); break
      case "isolate": this.api.isolate(); break
      case "restore": this.api.restore()
    }
    await turn()
  }

  private ask({ key, times }: Extract<Command, { readonly do: "ask" }>): void {
    const ask = { id: this.asked++, caller: new AbortController() }
    this.asks.push(ask)
    const over = (what: string) => {
      this.asks = this.asks.filter((other) => other !== ask)
      this.log.push(`ask ${ask.id}: ${what}`)
    }
    this.cache.entry<unknown>({ key, ...optionsOf(times), signal: ask.caller.signal }, ({ signal }) => this.work(signal)).then(
      ({ stale, value }) => over(`${shown(value)}${stale ? " stale" : ""}`),
      (error: any) => over(ask.caller.signal.aborted ? "left" : error._tag ?? error.message)
    )
  }

  private work(signal: AbortSignal): Promise<unknown> {
    const work = { id: this.begun++, settle: gate<unknown>() }
    this.works.push(work)
    signal.addEventListener("abort", () => {
      this.works = this.works.filter((other) => other !== work)
      this.log.push(`work ${work.id} aborted`)
    })
    return work.settle.promise
  }

  private settle(at: number, how: "ok" | "fail" | "bad"): void {
    const work = this.works[at % this.works.length]
    if (work === undefined) return
    this.works = this.works.filter((other) => other !== work)
    if (how === "fail") work.settle.reject(new Error("boom"))
    else work.settle.resolve(how === "ok" ? `v${work.id}` : bad)
  }
}

it("the promise face does what the reference does, whatever comes", async () => {
  await fc.assert(fc.asyncProperty(traces, (trace) => agrees(trace, new PromiseDriven(), assert.deepStrictEqual)), { numRuns: 200 })
})
