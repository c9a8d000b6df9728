import { assert, describe, it } from "vitest"
import { type CacheStorageOptions, readCache, TimesReader } from "../../../src/core/options/cache.ts"
import { Reader } from "../../../src/core/options/reader.ts"
import { refused } from "./refused.ts"

const store = { get: async () => undefined, set: async () => {}, delete: async () => {} }
const readStorage = (options: unknown) => readCache(new Reader("github"), options as CacheStorageOptions<unknown>)

describe("the options of a cache, one by one", () => {
  it.each<[option: string, options: unknown, message: string]>([
    ["cache", "all", "an object of options"], ["cache.entries", { entries: 5 }, "left out: the options are maxEntries, store, storeTimeout"],
    ["cache.maxEntries", { maxEntries: 0 }, "a whole number from 1"], ["cache.storeTimeout", { storeTimeout: 0 }, "above zero"],
    ...[null, "redis", Object.assign(() => {}, store), { ...store, get: 1 }, { ...store, set: undefined }, { ...store, delete: "x" }].map((store): [string, unknown, string] =>
      ["cache.store", { store }, `github: cache.store is ${JSON.stringify(typeof store)}, but must be a CacheStore: an object with get, set and delete`])
  ])("refuse %s in %j", (option, options, message) => {
    const error = refused(() => readStorage(options))
    assert.strictEqual(error.option, option)
    assert.include(error.message, message)
  })

  it("read the ages of an ask once for as long as it says the same", () => {
    let read = 0
    const reader = new TimesReader("github", (duration) => { read++; return Number(duration) })
    const ask = { key: "k", ttl: 1, staleWhileRevalidate: 2, staleIfError: 3, jitter: 1 }
    assert.deepStrictEqual([reader.read(ask), read], [{ ttl: 1, staleWhileRevalidate: 2, staleIfError: 3, jitter: 1 }, 3])
    reader.read({ ...ask })
    assert.strictEqual(read, 3)
    for (const other of [{ ttl: 2 }, { staleWhileRevalidate: 5 }, { staleIfError: 5 }, { jitter: 0 }]) {
      reader.read(ask)
      const before = read
      assert.deepStrictEqual([reader.read({ ...ask, ...other }), read], [{ ttl: 1, staleWhileRevalidate: 2, staleIfError: 3, jitter: 1, ...other }, before + 3])
    }
  })

  it("are not kept from an ask that was refused", () => {
    const reader = new TimesReader("github")
    const good = { key: "k", ttl: 100 }
    reader.read(good)
    const error = refused(() => reader.read({ key: "k", ttl: 200, staleIfError: 199 }))
    assert.deepStrictEqual([error.policy, error.option, error.message], ["github", "staleIfError", 'github: staleIfError is 199, but must be milliseconds or a duration such as "1 minute", at least ttl (200 ms): it is an age too'])
    assert.deepStrictEqual(reader.read(good), { ttl: 100, staleWhileRevalidate: 0, staleIfError: 0, jitter: 0 })
    assert.strictEqual(refused(() => reader.read({ key: "k", ttl: -1 })).message, 'github: ttl is -1, but must be milliseconds or a duration such as "1 minute"')
    assert.strictEqual(reader.read({ key: "k", ttl: 0 }).ttl, 0)
  })

  it.each([-0.1, 1.1, Number.NaN, "0.5", null])("take a share of %s for no jitter", (jitter) => {
    const error = refused(() => new TimesReader("github").read({ key: "k", ttl: 1, jitter: jitter as number }))
    assert.deepStrictEqual([error.option, error.message.endsWith("must be a number from 0 to 1")], ["jitter", true])
  })
})
