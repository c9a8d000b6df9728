import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { fileCacheStore } from "@outrigger/sdk/promise"
import { Dependency } from "../../src/core/dependency.ts"
import { cacheDefaults } from "../../src/core/options/cache.ts"
import { Api } from "../../src/promise/Api.ts"
import { Cache } from "../../src/promise/cache.ts"
import { caught } from "../support/virtual.ts"

let folder: string
beforeEach(async () => { folder = join(await mkdtemp(join(tmpdir(), "outrigger-cache-")), "made/when/written") })
afterEach(() => rm(join(folder, "../../.."), { recursive: true, force: true }))

const minute = 60_000
const old = new Date(1_600_000_000_000)
const files = async () => (await readdir(folder)).toSorted()

describe("a folder of answers", () => {
  it("gives to another process what was kept, and nothing for what never was", async () => {
    await fileCacheStore(folder).set("k", { value: { deep: [1, null, "ü"] }, storedAt: 7 }, minute)
    const other = fileCacheStore(folder)
    assert.deepStrictEqual(await other.get("k"), { value: { deep: [1, null, "ü"] }, storedAt: 7 })
    assert.isUndefined(await other.get("other"))
    assert.isUndefined(await fileCacheStore(join(folder, "nowhere")).get("k"))
  })

  it("takes any key, and no key is a path", async () => {
    const store = fileCacheStore(folder)
    const keys = ["", "../../escape", "/etc/passwd", "a".repeat(5000), "nul\0byte", "ü/ö?x=1&y=%20", "CON"]
    for (const key of keys) await store.set(key, { value: key, storedAt: 1 }, minute)
    for (const key of keys) assert.strictEqual((await store.get(key))!.value, key)
    assert.isTrue((await files()).every((name) => /^[0-9a-f]{64}\.json$/.test(name)))
    assert.strictEqual((await files()).length, keys.length)
  })

  it("keeps undefined, and answers without end; what is older than its age is gone", async () => {
    const store = fileCacheStore(folder)
    await store.set("undefined", { value: undefined, storedAt: 1 }, Infinity)
    await store.set("over", { value: 1, storedAt: 1 }, 0)
    assert.deepStrictEqual(await store.get("undefined"), { value: undefined, storedAt: 1 })
    assert.isUndefined(await store.get("over"))
    assert.strictEqual((await files()).length, 1)
  })

  it.each([["cut short", (text: string) => text.slice(0, -5)], ["empty", () => ""], ["null", () => "null"], ["another's", (text: string) => text.replace('"k"', '"other"')],
    ["without a time", (text: string) => text.replace("storedAt", "at")]])("takes a file that is %s for none, and removes it", async (_, spoil) => {
    const store = fileCacheStore(folder)
    await store.set("k", { value: 1, storedAt: 1 }, minute)
    const [name] = await files()
    await writeFile(join(folder, name!), spoil(await readFile(join(folder, name!), "utf8")))
    assert.isUndefined(await store.get("k"))
    assert.deepStrictEqual(await files(), [])
    await store.set("k", { value: 2, storedAt: 1 }, minute)
    assert.strictEqual((await store.get("k"))!.value, 2)
  })

  it("is bounded: what was written longest ago goes first, also what another process wrote", async () => {
    const first = fileCacheStore(folder)
    for (const key of ["a", "b"]) await first.set(key, { value: key, storedAt: 1 }, minute)
    for (const [at, name] of (await files()).entries()) await utimes(join(folder, name), at, at)
    const oldest = (await files())[0]!
    const second = fileCacheStore(folder, { maxEntries: 2 })
    await second.set("c", { value: "c", storedAt: 1 }, minute)
    assert.notInclude(await files(), oldest)
    const third = fileCacheStore(folder, { maxEntries: 2 })
    for (const key of ["x", "y", "x", "z"]) await third.set(key, { value: key, storedAt: 1 }, minute)
    assert.deepStrictEqual(await Promise.all(["x", "y", "z"].map(async (key) => (await third.get(key))?.value)), ["x", undefined, "z"])
    assert.strictEqual((await files()).length, 2)
  })

  it("leaves nothing half written behind, and removes what a writer that died left long ago, but no file that is not its own", async () => {
    const store = fileCacheStore(folder)
    await mkdir(folder, { recursive: true })
    const left = `${"0".repeat(64)}.json.00000000-0000-0000-0000-000000000000.tmp`
    const recent = `${"1".repeat(64)}.json.00000000-0000-0000-0000-000000000000.tmp`
    for (const name of [left, recent, "notes.json"]) await writeFile(join(folder, name), "{")
    await utimes(join(folder, left), old, old)
    await store.set("k", { value: 1, storedAt: 1 }, minute)
    assert.deepStrictEqual((await files()).filter((name) => !/^[0-9a-f]{64}\.json$/.test(name)), [recent, "notes.json"])
    await store.clear!()
    assert.deepStrictEqual(await files(), [recent, "notes.json"])
  })

  it("deletes, also what is not there", async () => {
    const store = fileCacheStore(folder)
    await store.delete("k")
    await store.set("k", { value: 1, storedAt: 1 }, minute)
    await store.delete("k")
    assert.isUndefined(await store.get("k"))
  })

  it("rejects what JSON cannot say, and a folder that is a file, and recovers", async () => {
    const store = fileCacheStore(folder)
    assert.instanceOf(await caught(Promise.resolve(store.set("k", { value: 1n, storedAt: 1 }, minute))), TypeError)
    await mkdir(join(folder, ".."), { recursive: true })
    await writeFile(folder, "a file")
    assert.isDefined(await caught(Promise.resolve(store.set("k", { value: 1, storedAt: 1 }, minute))))
    await rm(folder)
    await store.set("k", { value: 1, storedAt: 1 }, minute)
    assert.strictEqual((await store.get("k"))!.value, 1)
  })

  it.each<[folder: any, options: any, message: RegExp]>([
    ["", {}, /folder is "", but must be a path/], [undefined, {}, /folder/], ["x", { maxEntries: 0 }, /maxEntries is 0, but must be a whole number from 1/],
    ["x", { entries: 1 }, /entries is 1, but must be left out: the option is maxEntries/]
  ])("refuses %j with %j", (path, options, message) => assert.throws(() => fileCacheStore(path, options), message))

  it("answers after a restart during an outage", async () => {
    const cacheOf = () => {
      const dependency = new Dependency("x", {})
      const api = new Api(dependency)
      return new Cache(dependency, (work, options) => api.call(work, options), { settings: { ...cacheDefaults, store: fileCacheStore(folder), storeTimeout: 10_000 } })
    }
    const options = { key: "k", ttl: 0, staleIfError: "1 hour" } as const
    const before = cacheOf()
    await before.value(options, () => ({ price: 3 }))
    const written = fileCacheStore(folder)
    while (await written.get("k") === undefined) await new Promise(setImmediate)
    const after = cacheOf()
    assert.deepInclude(await after.entry<unknown>(options, () => Promise.reject(new Error("down"))), { value: { price: 3 }, stale: true })
  })
})
