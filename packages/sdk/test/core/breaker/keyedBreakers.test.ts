import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { Breaker, BreakerSettings } from "../../../src/core/breaker/breaker.ts"
import { KeyedBreakers } from "../../../src/core/breaker/keyedBreakers.ts"

const settings: BreakerSettings = { failures: 1, openFor: 1000, halfOpenCalls: 1, probeLease: 1000 }

const make = (maxKeys?: number) => {
  const heard: Array<string> = []
  const breakers = new KeyedBreakers({ ...settings, maxKeys }, (key, from, to, reason) => heard.push(`${key}: ${from.tag} ${to.tag} ${reason}`))
  return { breakers, heard }
}
const call = (breaker: Breaker, now: number, verdict: "success" | "failure"): boolean => {
  const ticket = { generation: -1, probe: 0 }
  const admitted = breaker.admit(ticket, now)
  if (admitted) breaker.settled(ticket, verdict, () => now)
  return admitted
}
const fail = (breakers: KeyedBreakers, key: string, now: number) => call(breakers.of(key), now, "failure")
const keys = (breakers: KeyedBreakers) => breakers.states().map(({ key }) => key)

describe("a breaker for each key", () => {
  it("shuts out a key that fails, and no other", () => {
    const { breakers, heard } = make()
    fail(breakers, "a", 0)
    assert.deepStrictEqual([call(breakers.of("a"), 1, "success"), call(breakers.of("b"), 1, "success")], [false, true])
    assert.deepStrictEqual(heard, ["a: closed open failures"])
  })

  it("is the same one each time, and is made by `of` alone", () => {
    const { breakers } = make()
    assert.strictEqual(breakers.peek("a"), undefined)
    const made = breakers.of("a")
    assert.deepStrictEqual([breakers.of("a") === made, breakers.peek("a") === made, breakers.size], [true, true, 1])
    fail(breakers, "a", 0)
    assert.deepStrictEqual([breakers.of("a") === made, breakers.peek("a") === made, breakers.size], [true, true, 1])
  })

  it("lists the states of all, those in trouble first", () => {
    const { breakers } = make()
    breakers.of("a")
    fail(breakers, "b", 0)
    assert.deepStrictEqual(breakers.states().map(({ key, state }) => `${key} ${state.tag}`), ["b open", "a closed"])
    call(breakers.of("b"), 1000, "success")
    assert.deepStrictEqual(breakers.states().map(({ key, state }) => `${key} ${state.tag}`), ["a closed", "b closed"])
  })

  it("takes new settings for all, those to come among them", () => {
    const { breakers } = make()
    const [a, b] = [breakers.of("a"), breakers.of("b")]
    fail(breakers, "b", 0)
    breakers.settings = { ...settings, failures: 2 }
    assert.deepStrictEqual([a.settings.failures, b.settings.failures, breakers.of("c").settings.failures, breakers.settings.failures], [2, 2, 2, 2])
    assert.strictEqual(b.state.tag, "open")
  })

  it("holds a thousand keys unless said", () => {
    const { breakers } = make()
    for (let n = 0; n < 1001; n++) breakers.of(`key ${n}`)
    assert.deepStrictEqual([breakers.size, breakers.peek("key 0"), breakers.peek("key 1") === undefined], [1000, undefined, false])
  })

  it("lets those go at once that a lower cap has no room for", () => {
    const { breakers } = make(5)
    for (const key of ["a", "b", "c", "d"]) breakers.of(key)
    fail(breakers, "a", 0)
    breakers.settings = { ...settings, maxKeys: 2 }
    assert.deepStrictEqual(keys(breakers), ["a", "d"])
  })

  it("hears nothing more of a breaker that has gone, nor takes it back", () => {
    const { breakers, heard } = make(1)
    const gone = breakers.of("a")
    breakers.of("b")
    call(gone, 0, "failure")
    assert.deepStrictEqual([gone.state.tag, heard, keys(breakers)], ["open", [], ["b"]])
    breakers.of("a")
    call(gone, 1000, "success")
    assert.deepStrictEqual([heard, keys(breakers), breakers.peek("a") === gone], [[], ["a"], false])
  })
})

describe("room for a new key", () => {
  it.each<[title: string, prepare: (breakers: KeyedBreakers) => void, left: ReadonlyArray<string>]>([
    ["is that of the closed one that was used longest ago", (all) => { all.of("a") }, ["c", "a", "new"]],
    ["is not that of one that was looked at only", (all) => { all.peek("a") }, ["b", "c", "new"]],
    ["is that of a closed one, though an open one was used longer ago", (all) => { fail(all, "a", 0) }, ["a", "c", "new"]],
    ["is that of the open one that is nearest its end, when all are open", (all) => { fail(all, "b", 5); fail(all, "a", 9); fail(all, "c", 7) }, ["a", "c", "new"]],
    ["is that of a half-open one rather than of an open one", (all) => {
      for (const [key, now] of [["a", 900], ["b", 950], ["c", 0]] as const) fail(all, key, now)
      all.of("c").admit({ generation: -1, probe: 0 }, 1000)
    }, ["a", "b", "new"]],
    ["is that of an isolated one last of all", (all) => { all.of("a").isolate(); fail(all, "b", 0); fail(all, "c", 9e9) }, ["a", "c", "new"]],
    ["is that of an isolated one when there is nothing else", (all) => { for (const key of ["a", "b", "c"]) all.of(key).isolate() }, ["b", "c", "new"]],
    ["is that of one that closed before the others were used", (all) => { fail(all, "a", 0); call(all.of("a"), 1000, "success"); all.of("b"); all.of("c") }, ["b", "c", "new"]],
    ["is not that of one that has just closed", (all) => { fail(all, "a", 0); all.of("c"); call(all.of("a"), 1000, "success") }, ["c", "a", "new"]]
  ])("%s", (_, prepare, left) => {
    const { breakers } = make(3)
    for (const key of ["a", "b", "c"]) breakers.of(key)
    prepare(breakers)
    breakers.of("new")
    assert.sameMembers(keys(breakers), [...left])
    assert.strictEqual(breakers.size, 3)
  })

  it("is found as the model finds it, whatever happens in whatever order", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e", "f")
    const commands = fc.array(fc.record({ do: fc.constantFrom("use", "fail", "fail", "succeed", "isolate", "restore", "wait"), key }), { maxLength: 60 })
    const rank = (breaker: Breaker) => {
      const { state } = breaker
      return state.tag === "closed" ? -2 : state.tag === "half-open" ? -1 : state.tag === "open" ? state.until : Infinity
    }
    interface Entry { readonly breaker: Breaker; used: number; calm: number }
    /** Closed ones by their last use; others by their end, and then by when they were last closed. */
    const order = (a: Entry, b: Entry) => {
      const [one, two] = [rank(a.breaker), rank(b.breaker)]
      return one !== two ? one - two : one === -2 ? a.used - b.used : a.calm - b.calm
    }
    fc.assert(fc.property(commands, (commands) => {
      const { breakers } = make(3)
      let model: Array<Entry & { readonly key: string }> = []
      let now = 0
      commands.forEach((one, turn) => {
        now += one.do === "wait" ? 700 : 1
        if (one.do === "wait") return
        if (!model.some(({ key }) => key === one.key) && model.length === 3) {
          const first = model.toSorted((a, b) => order(a, b))[0]
          model = model.filter((entry) => entry !== first)
        }
        const breaker = breakers.of(one.key)
        const known = model.find(({ key }) => key === one.key)
        const entry = known ?? { key: one.key, breaker, used: turn, calm: turn }
        if (known === undefined) model.push(entry)
        assert.strictEqual(entry.breaker, breaker)
        entry.used = turn
        if (rank(breaker) === -2) entry.calm = turn
        if (one.do === "fail" || one.do === "succeed") call(breaker, now, one.do === "fail" ? "failure" : "success")
        else if (one.do === "isolate" || one.do === "restore") breaker[one.do]()
        if (rank(breaker) === -2) entry.calm = turn
        assert.sameMembers(keys(breakers), model.map(({ key }) => key))
      })
    }), { numRuns: 3000 })
  })
})
