import { assert, describe, it } from "vitest"
import { ResponseCache } from "../../../src/core/cache/cache.ts"
import { type CacheStore, StoreBehind } from "../../../src/core/cache/cacheStore.ts"
import { turn, virtual } from "../../support/virtual.ts"

const times = { ttl: 100, staleWhileRevalidate: 200, staleIfError: 300, jitter: 0 }

describe("an ask that nothing meets", () => {
  it("waits for a flight, its own or that of who came before", () => {
    const cache = new ResponseCache<string>()
    const first = cache.decide("k", 0, times, false)
    const second = cache.decide("k", 0, times, false)
    assert.strictEqual(first.tag, "wait")
    assert.deepStrictEqual(second, first)
  })
})

describe("a cache that is cleared", () => {
  it("gives the flights that are to be stopped, and nothing for what only lay there", () => {
    const cache = new ResponseCache<string>()
    cache.restore("kept", 1, 0, 0, 0)
    cache.restore("renewed", 1, 0, 0, 0)
    cache.decide("asked", 0, times, false)
    const decision = cache.decide("renewed", 150, times, false)
    assert.strictEqual(decision.tag, "stale")
    assert.deepStrictEqual(cache.clear(), [decision.tag === "stale" ? decision.renewal! : assert.fail()])
    assert.deepStrictEqual(cache.clear(), [])
  })
})

describe("a store behind memory that is cleared", () => {
  const none: CacheStore = { get: async () => undefined, set: async () => {}, delete: async () => {} }
  const cleared = async (store: CacheStore) => {
    const { port } = virtual()
    const held: Array<boolean> = []
    const { at } = port
    Object.assign(port, { at: (delay: number, fire: () => void) => ({ ...at(delay, fire), hold: (yes: boolean) => held.push(yes) }) })
    const behind = new StoreBehind(store, { maxEntries: 10, store, storeTimeout: 100 })
    behind.clear([], port)
    await turn()
    return [behind.failures, held]
  }

  it("has failed at nothing where it cannot clear", async () => assert.deepStrictEqual(await cleared(none), [0, []]))

  it("does not keep the process alive until it has cleared", async () => assert.deepStrictEqual(await cleared({ ...none, clear: async () => {} }), [0, [false]]))
})
