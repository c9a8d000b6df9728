import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { type CacheStatistics, type Flight, freshness, ResponseCache } from "../../../src/core/cache/cache.ts"
import { InvalidPolicyOption } from "../../../src/core/errors.ts"
import { cacheDefaults, readCache, TimesReader } from "../../../src/core/options/cache.ts"
import { Reader } from "../../../src/core/options/reader.ts"
import { agrees, type Command, type Driven, maxEntries, type Times, traces } from "../../support/cacheModel.ts"

const times = { ttl: 100, staleWhileRevalidate: 200, staleIfError: 300, jitter: 0 }

describe("an answer of an age", () => {
  it.each([
    [0, "fresh"], [100, "fresh"], [100.001, "revalidate"], [200, "revalidate"], [200.001, "fallback"], [300, "fallback"], [300.001, "expired"]
  ] as const)("of %d ms is %s", (age, expected) => assert.strictEqual(freshness(age, 0.5, times), expected))

  it.each([[0, 0.99, "fresh"], [100, 0, "fresh"], [80, 0.5, "fresh"], [80.001, 0.5, "revalidate"], [60.001, 0.999, "fresh"], [61, 1, "revalidate"]] as const)(
    "of %d ms, of which chance took %d of 40 %, is %s", (age, luck, expected) => assert.strictEqual(freshness(age, luck, { ...times, jitter: 0.4 }), expected))

  it("that has neither a renewal nor a stand-in expires with its ttl", () => {
    const only = { ttl: 100, staleWhileRevalidate: 0, staleIfError: 0, jitter: 0 }
    assert.deepStrictEqual([100, 101].map((age) => freshness(age, 0, only)), ["fresh", "expired"])
    assert.strictEqual(freshness(1e15, 0, { ...only, ttl: Infinity }), "fresh")
  })

  it("may stand in longer than it is renewed, or the other way round", () => {
    const renewed = { ttl: 100, staleWhileRevalidate: 300, staleIfError: 200, jitter: 0 }
    assert.deepStrictEqual([100, 300, 301].map((age) => freshness(age, 0, renewed)), ["fresh", "revalidate", "expired"])
  })
})

interface Ask {
  readonly id: number
  readonly key: string
  readonly times: Times
}

interface Work {
  readonly id: number
  readonly waiting: Array<Ask>
}

/** The least shell that a machine needs: no promise, no fiber. */
class Bare implements Driven {
  readonly log: Array<string> = []
  private readonly cache = new ResponseCache<Work>(maxEntries)
  private now = 0
  private isolated = false
  private asks = 0
  private begun = 0
  private flights: Array<Flight<Work>> = []

  statistics(): CacheStatistics {
    return this.cache.statistics
  }

  apply(command: Command): void {
    switch (command.do) {
      case "ask": return this.ask({ id: this.asks++, key: command.key, times: command.times })
      case "settle": return this.settle(this.flights[command.at % this.flights.length], command.how)
      case "leave": return this.leave(command.at)
      case "pass": this.now += command.millis; return
      case "invalidate": return this.stop([this.cache.invalidate(command.key)])
      case "clear": return this.stop(this.cache.clear())
      default: this.isolated = command.do === "isolate"
    }
  }

  private ask(ask: Ask): void {
    const times = { ...ask.times, jitter: 0 }
    const kept = this.cache.fresh(ask.key, this.now, times)
    if (kept !== undefined) return this.say(ask, String(kept.fresh.value))
    const decision = this.cache.decide(ask.key, this.now, times, this.isolated)
    if (decision.tag === "stale") {
      if (decision.renewal !== undefined) this.begin(decision.renewal)
      return this.say(ask, `${decision.entry.value} stale`)
    }
    const { flight } = decision
    if (flight.handle === undefined && this.isolated) {
      this.cache.ended(flight)
      return this.say(ask, "BreakerOpenError")
    }
    this.begin(flight).waiting.push(ask)
  }

  private begin(flight: Flight<Work>): Work {
    if (flight.handle === undefined) this.flights.push(flight)
    return flight.handle ??= { id: this.begun++, waiting: [] }
  }

  private settle(flight: Flight<Work> | undefined, how: "ok" | "fail" | "bad"): void {
    if (flight === undefined) return
    this.over(flight)
    const { id, waiting } = flight.handle!
    if (how === "ok") this.cache.keep(flight, `v${id}`, this.now, this.now, 0)
    else this.cache.ended(flight)
    for (const ask of waiting) {
      if (how === "ok") this.say(ask, `v${id}`)
      else {
        const entry = this.cache.fallback(ask.key, this.now, { ...ask.times, jitter: 0 })
        this.say(ask, entry === undefined ? how === "bad" ? "bad" : "boom" : `${entry.value}${entry.stale ? " stale" : ""}`)
      }
    }
  }

  private leave(at: number): void {
    const all = this.flights.flatMap((flight) => flight.handle!.waiting.map((ask) => ({ ask, flight }))).toSorted((a, b) => a.ask.id - b.ask.id)
    const leaver = all[at % all.length]
    if (leaver === undefined) return
    const { ask, flight } = leaver
    flight.handle!.waiting.splice(flight.handle!.waiting.indexOf(ask), 1)
    this.say(ask, "left")
    if (this.cache.leave(flight)) this.stop([flight])
  }

  private stop(flights: ReadonlyArray<Flight<Work> | undefined>): void {
    for (const flight of flights) {
      if (flight === undefined) continue
      this.over(flight)
      this.log.push(`work ${flight.handle!.id} aborted`)
    }
  }

  private over(flight: Flight<Work>): void {
    this.flights = this.flights.filter((other) => other !== flight)
  }

  private say(ask: Ask, what: string): void {
    this.log.push(`ask ${ask.id}: ${what}`)
  }
}

describe("the machine of a cache", () => {
  it("does what the reference does, whatever comes", async () => {
    await fc.assert(fc.asyncProperty(traces, (trace) => agrees(trace, new Bare(), assert.deepStrictEqual)), { numRuns: 5000 })
  })

  it("makes nothing on a hit, and gives everybody the same entry", () => {
    const cache = new ResponseCache<string, string>()
    cache.restore("k", "v", 0, 0, 0)
    const kept = cache.fresh("k", 1, times)!
    kept.served = "made once"
    assert.strictEqual(cache.fresh("k", 2, times), kept)
    assert.strictEqual(cache.fresh("k", 2, times)!.served, "made once")
  })

  it("takes from a store only what memory does not have", () => {
    const cache = new ResponseCache<string>()
    cache.restore("k", "first", 0, 5, 0)
    cache.restore("k", "second", 0, 6, 0)
    assert.deepStrictEqual(cache.fresh("k", 1, times)!.fresh, { value: "first", stale: false, storedAt: 5 })
    assert.isTrue(cache.knows("k"))
    assert.isFalse(cache.knows("other"))
  })

  it("knows a key that is in flight", () => {
    const cache = new ResponseCache<string>()
    cache.decide("k", 0, times, false)
    assert.isTrue(cache.knows("k"))
  })

  it("holds 1000 answers unless said, and gives way at once when it is to hold fewer", () => {
    const cache = new ResponseCache<string>()
    for (let key = 0; key < 1001; key++) cache.restore(String(key), key, 0, 0, 0)
    assert.strictEqual(cache.statistics.entries, 1000)
    assert.isFalse(cache.knows("0"))
    cache.maxEntries = 3
    cache.restore("last", 1, 0, 0, 0)
    assert.deepStrictEqual([...cache.keys()], ["999", "1000", "last"].slice(-3))
  })
})

describe("the options of a cache", () => {
  const refused = (make: () => unknown): string => {
    try {
      make()
    } catch (error) {
      assert.instanceOf(error, InvalidPolicyOption)
      return (error as Error).message
    }
    return assert.fail("it was taken")
  }
  const read = new Reader("github")
  const store = { get: async () => undefined, set: async () => {}, delete: async () => {} }

  it("have defaults", () => {
    assert.deepStrictEqual(readCache(read, {}), { maxEntries: 1000, store: undefined, storeTimeout: 250 })
    assert.deepStrictEqual(readCache(read, {}), cacheDefaults)
    assert.deepStrictEqual(readCache(read, { maxEntries: 1, store, storeTimeout: "1 second" }), { maxEntries: 1, store, storeTimeout: 1000 })
  })

  it.each<[options: any, message: RegExp]>([
    [{ maxEntries: 0 }, /github: cache.maxEntries is 0, but must be a whole number from 1/],
    [{ maxEntries: 1.5 }, /maxEntries is 1.5/], [{ storeTimeout: 0 }, /storeTimeout is 0/], [{ entries: 5 }, /cache.entries is 5, but must be left out/],
    [{ store: null }, /cache.store/], [{ store: { ...store, delete: 1 } }, /an object with get, set and delete/], [{ store: "redis" }, /cache.store/]
  ])("%j are refused", (options, message) => assert.match(refused(() => readCache(read, options)), message))

  it.each<[options: any, message: RegExp]>([
    [{ ttl: "soon" }, /github: ttl is "soon", but must be milliseconds or a duration such as "1 minute"$/], [{ ttl: -1 }, /ttl is -1/], [{}, /ttl is undefined/],
    [{ ttl: 100, staleIfError: 99 }, /staleIfError is 99, but must be .*at least ttl \(100 ms\): it is an age too/], [{ ttl: 100, staleWhileRevalidate: 99 }, /staleWhileRevalidate is 99/],
    [{ ttl: 100, jitter: 1.1 }, /jitter is 1.1, but must be a number from 0 to 1/], [{ ttl: 100, jitter: -0.1 }, /jitter/], [{ ttl: 100, jitter: "0.5" }, /jitter/],
    [{ key: 7, ttl: 100 }, /key is 7, but must be a string/], [{ key: undefined, ttl: 100 }, /key is undefined/]
  ])("%j of an ask are refused, each time", (options, message) => {
    const reader = new TimesReader("github")
    for (let time = 0; time < 2; time++) assert.match(refused(() => reader.read({ key: "k", ...options })), message)
  })

  it("of an ask are read anew when any of them differs from the ask before", () => {
    const reader = new TimesReader("github")
    const first = { key: "k", ttl: "1 second", staleWhileRevalidate: "2 seconds", staleIfError: "3 seconds", jitter: 0.1 } as const
    const times = { ttl: 1000, staleWhileRevalidate: 2000, staleIfError: 3000, jitter: 0.1 }
    assert.deepStrictEqual(reader.read(first), times)
    assert.strictEqual(reader.read({ ...first, key: "other" }), reader.read(first))
    for (const [changed, expected] of [
      [{ ttl: 7 }, { ttl: 7 }], [{ staleWhileRevalidate: undefined }, { staleWhileRevalidate: 0 }], [{ staleIfError: "4 seconds" }, { staleIfError: 4000 }], [{ jitter: undefined }, { jitter: 0 }]
    ] as const) {
      assert.deepStrictEqual(reader.read({ ...first, ...changed }), { ...times, ...expected })
      assert.deepStrictEqual(reader.read(first), times)
    }
    assert.deepStrictEqual(reader.read({ key: "k", ttl: Infinity }), { ttl: Infinity, staleWhileRevalidate: 0, staleIfError: 0, jitter: 0 })
    assert.deepStrictEqual(reader.read({ key: "k", ttl: 7, staleWhileRevalidate: 7, staleIfError: 7 }), { ttl: 7, staleWhileRevalidate: 7, staleIfError: 7, jitter: 0 })
  })
})
