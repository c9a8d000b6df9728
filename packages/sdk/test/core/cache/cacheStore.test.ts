import { assert, describe, it } from "vitest"
import { type CacheSettings, type CacheStore, StoreBehind, type StoredAnswer } from "../../../src/core/cache/cacheStore.ts"
import { gate, hang, turn, virtual } from "../../support/virtual.ts"

const answer = (value: unknown, storedAt = 1_700_000_000_000): StoredAnswer => ({ value, storedAt })

/** A store whose every promise is opened by hand, and what has been asked of it so far. */
const byHand = (settings: Partial<CacheSettings> = {}, more: Partial<CacheStore> = {}) => {
  const { port } = virtual()
  const asked: Array<string> = []
  const gates: Array<PromiseWithResolvers<any>> = []
  const ask = (what: string) => {
    asked.push(what)
    gates.push(gate())
    return gates.at(-1)!.promise
  }
  const store: CacheStore = {
    get: (key) => ask(`get ${key}`), set: (key, { value }) => ask(`set ${key} ${value}`), delete: (key) => ask(`delete ${key}`), ...more
  }
  const behind = new StoreBehind(store, { maxEntries: 1000, store, storeTimeout: 100, ...settings })
  const found: Array<unknown> = []
  return { asked, behind, found, gates, load: (key: string) => behind.load(key, port, ({ value }) => found.push(value)), port }
}
type Held = () => unknown
const throws: Held = () => { throw new Error("sync") }
const rejects: Held = () => Promise.reject(new Error("down"))

describe("a store behind memory", () => {
  it("is asked once by all who load a key at once, and again later", async () => {
    const { asked, found, gates, load } = byHand()
    const all = Promise.all([load("k"), load("k"), load("other")])
    gates[0]!.resolve(answer("one"))
    gates[1]!.resolve(undefined)
    await all
    assert.deepStrictEqual([asked, found], [["get k", "get other"], ["one"]])
    void load("k")
    assert.strictEqual(asked.length, 3)
  })

  it.each<[what: string, said: unknown, failures: number]>([
    ["undefined", undefined, 0], ["null", null, 0], ["a string", "x", 1], ["an answer of no time", { value: 1 }, 1],
    ["an answer of a time that is none", { value: 1, storedAt: "today" }, 1], ["an answer of a time without end", { value: 1, storedAt: Infinity }, 1]
  ])("that says %s has nothing", async (_, said, failures) => {
    const { behind, found, gates, load } = byHand()
    const loading = load("k")
    gates[0]!.resolve(said)
    await loading
    assert.deepStrictEqual([found, behind.failures], [[], failures])
  })

  it.each([["rejects", rejects], ["throws", throws]])("that %s is counted, and nobody hears of it", async (_, fails) => {
    const { behind, load, port } = byHand({}, { get: fails, set: fails, delete: fails } as unknown as CacheStore)
    await load("k")
    behind.keep("k", answer("v"), 1000, port)
    behind.invalidate("other", port)
    await turn()
    assert.strictEqual(behind.failures, 3)
  })

  it("that hangs is waited for just so long", async () => {
    const { behind, gates, found, load, port } = byHand()
    let loaded = false
    void load("k").then(() => { loaded = true })
    await port.pass(99)
    assert.isFalse(loaded)
    await port.pass(1)
    assert.deepStrictEqual([loaded, behind.failures], [true, 1])
    gates[0]!.resolve(answer("late"))
    await turn()
    assert.deepStrictEqual([found, port.waiting.length], [[], 0])
  })

  it("has one write of a key under way, and of those that wait only the newest", async () => {
    const { asked, behind, gates, port } = byHand()
    for (const value of ["one", "two", "three"]) behind.keep("k", answer(value), 1000, port)
    behind.keep("other", answer("own"), 1000, port)
    assert.deepStrictEqual(asked, ["set k one", "set other own"])
    gates[0]!.resolve(undefined)
    await turn()
    assert.deepStrictEqual(asked, ["set k one", "set other own", "set k three"])
    gates[2]!.resolve(undefined)
    await turn()
    behind.keep("k", answer("four"), 1000, port)
    assert.strictEqual(asked.at(-1), "set k four")
  })

  it("is not asked twice because an answer that nobody wants any more has come", async () => {
    const { asked, behind, gates, load, port } = byHand()
    const unwanted = load("k")
    behind.invalidate("k", port)
    gates[1]!.resolve(undefined)
    await turn()
    void load("k")
    gates[0]!.resolve(answer("old"))
    await unwanted
    await turn()
    void load("k")
    assert.deepStrictEqual(asked, ["get k", "delete k", "get k"])
  })

  it("leaves no timer behind, and only a caller's may keep the process alive", async () => {
    const { behind, gates, load, port } = byHand()
    const held: Array<boolean> = []
    const at = port.at.bind(port)
    Object.assign(port, { at: (delay: number, fire: () => void) => ({ ...at(delay, fire), hold: (yes: boolean) => held.push(yes) }) })
    void load("k")
    behind.keep("k", answer("v"), 1000, port)
    assert.deepStrictEqual([held, port.waiting.length], [[true, false], 2])
    for (const { resolve } of gates) resolve(undefined)
    await turn()
    assert.strictEqual(port.waiting.length, 0)
  })

  it("is not asked for a key that is being written", async () => {
    const { asked, behind, gates, load, port } = byHand()
    behind.invalidate("k", port)
    await load("k")
    assert.deepStrictEqual(asked, ["delete k"])
    gates[0]!.resolve(undefined)
    await turn()
    void load("k")
    assert.deepStrictEqual(asked, ["delete k", "get k"])
  })

  it("hangs with as many writes as there are entries, and no more", async () => {
    const { asked, behind, port } = byHand({ maxEntries: 2 })
    for (const key of ["a", "b", "c", "b"]) behind.keep(key, answer(key), 1000, port)
    assert.deepStrictEqual([asked, behind.failures], [["set a a", "set b b"], 1])
  })

  it("deletes what is invalidated after the write under way, in place of one that waits", async () => {
    const { asked, behind, gates, port } = byHand()
    behind.keep("k", answer("one"), 1000, port)
    behind.keep("k", answer("two"), 1000, port)
    behind.invalidate("k", port)
    gates[0]!.resolve(undefined)
    await turn()
    assert.deepStrictEqual(asked, ["set k one", "delete k"])
  })

  it("keeps an answer in time though another key was invalidated meanwhile", async () => {
    const { asked, behind, gates, port } = byHand()
    behind.keep("k", answer("one"), 1000, port)
    behind.invalidate("other", port)
    gates[0]!.resolve(undefined)
    await turn()
    assert.deepStrictEqual(asked, ["set k one", "delete other"])
  })

  it("does not bring back what was invalidated while it was read", async () => {
    const { behind, found, gates, load, port } = byHand()
    const loading = load("k")
    behind.invalidate("k", port)
    gates[0]!.resolve(answer("old"))
    await loading
    assert.deepStrictEqual(found, [])
  })

  it("that could not forget is not believed about anything of before", async () => {
    const { behind, found, gates, load, port } = byHand()
    port.time = 50
    behind.invalidate("k", port)
    await port.pass(100)
    for (const [at, storedAt] of [49, 50, 51].entries()) {
      const loading = load(`k${at}`)
      gates.at(-1)!.resolve(answer(storedAt, 1_700_000_000_000 + storedAt))
      await loading
    }
    assert.deepStrictEqual(found, [51])
  })

  it("that could not forget, and then all was cleared, is believed from the later of both on", async () => {
    const { behind, found, gates, load, port } = byHand({}, { clear: async () => {} })
    behind.invalidate("k", port)
    await port.pass(50)
    behind.clear([], port)
    await port.pass(100)
    const loading = load("other")
    gates.at(-1)!.resolve(answer("between", 1_700_000_000_025))
    await loading
    assert.deepStrictEqual(found, [])
  })

  it("that could not keep is believed all the same", async () => {
    const { behind, found, gates, load, port } = byHand()
    behind.keep("k", answer("v"), 1000, port)
    gates[0]!.reject(new Error("full"))
    await turn()
    const loading = load("other")
    gates[1]!.resolve(answer("before"))
    await loading
    assert.deepStrictEqual(found, ["before"])
  })

  it("that keeps an answer after its time, of a key that was invalidated meanwhile, is told again to forget it", async () => {
    const { asked, behind, gates, port } = byHand()
    behind.keep("k", answer("old"), 1000, port)
    await port.pass(100)
    behind.invalidate("k", port)
    gates[1]!.resolve(undefined)
    await turn()
    gates[0]!.resolve(undefined)
    await turn()
    assert.deepStrictEqual(asked, ["set k old", "delete k", "delete k"])
  })

  it("that keeps an answer after its time keeps it, when nothing was invalidated", async () => {
    const { asked, behind, gates, port } = byHand()
    behind.keep("k", answer("good"), 1000, port)
    await port.pass(100)
    gates[0]!.resolve(undefined)
    await turn()
    assert.deepStrictEqual(asked, ["set k good"])
  })

  it("that cannot clear deletes what memory knows, what is written and what is read, and the rest is not believed", async () => {
    const { asked, behind, found, gates, load, port } = byHand()
    behind.keep("written", answer("w"), 1000, port)
    const reading = load("read")
    behind.clear(["known"], port)
    gates[0]!.resolve(undefined)
    gates[1]!.resolve(answer("r"))
    await reading
    await turn()
    assert.deepStrictEqual(asked, ["set written w", "get read", "delete known", "delete read", "delete written"])
    const loading = load("unknown")
    gates.at(-1)!.resolve(answer("before"))
    await loading
    assert.deepStrictEqual(found, [])
  })

  it.each([["clears", async () => {}, 0], ["fails to clear", rejects, 1], ["hangs", hang, 1]] as const)("that can clear is asked to, and when it %s nothing of before is believed", async (_, clear, failures) => {
    let cleared = 0
    const { asked, behind, found, gates, load, port } = byHand({}, { clear: (() => { cleared++; return clear() }) as () => Promise<void> })
    behind.clear(["known"], port)
    await port.pass(100)
    assert.deepStrictEqual([cleared, asked, behind.failures], [1, [], failures])
    const loading = load("known")
    gates[0]!.resolve(answer("before"))
    await loading
    assert.deepStrictEqual(found, [])
  })
})
