import { assert, describe, it } from "vitest"
import { type Exchanging, Exchanger, exchangerOf } from "../../../src/core/breaker/breakerExchanger.ts"
import type { BreakerExchange, SharedBreakerState } from "../../../src/core/breaker/breakerStore.ts"
import { VirtualPort } from "../../support/virtual.ts"

const answer: SharedBreakerState = { state: "closed", generation: 0, reason: undefined, reopenings: 0, left: 0, probing: false }
const request: BreakerExchange = {
  name: "x", key: "", instance: "a", turn: 1, generation: 0, vote: false, action: "none", lease: 0, quorum: 0.5, minimumVotes: 2, openFor: 1
}

/** A store that answers after a while, one exchanger, and a member that has something to tell for as long as the test says. */
const using = (delay: number) => {
  const port = new VirtualPort()
  const asked: Array<{ readonly at: number; readonly actions: ReadonlyArray<string> }> = []
  const world = { port, asked, delay, fails: false, signals: new Array<AbortSignal>() }
  const exchanger = new Exchanger({
    exchange: (requests, signal) => {
      asked.push({ at: port.time, actions: requests.map(({ action }) => action) })
      world.signals.push(signal!)
      if (world.fails) return Promise.reject(new Error("down"))
      return new Promise((resolve) => port.at(world.delay, () => resolve(requests.map(() => answer))))
    }
  }, 1000, port)
  const member = { pending: false, heardAt: new Array<number>(), warnings: 0 }
  const exchanging: Exchanging = {
    get pending() { return member.pending },
    wants: () => true,
    ask: () => request,
    heard: () => member.heardAt.push(port.time),
    warn: () => member.warnings++
  }
  exchanger.join(exchanging)
  return { ...world, world, exchanger, member, exchanging }
}

describe("an exchanger", () => {
  it("asks at once, and then each interval, a tenth of it left to chance", async () => {
    const { asked, port } = using(0)
    await port.pass(3000)
    assert.deepStrictEqual(asked.map(({ at }) => at), [0, 950, 1900, 2850])
  })

  it("gives up on an answer after a second, and says so to the store", async () => {
    const { exchanger, member, port, world } = using(5000)
    await port.pass(999)
    assert.isFalse(world.signals[0]!.aborted)
    await port.pass(1)
    assert.isTrue(world.signals[0]!.aborted)
    assert.isFalse(exchanger.connected)
    await port.pass(600)
    assert.deepStrictEqual([member.heardAt, member.warnings], [[], 1])
  })

  it("does not say so of an exchange that was answered", async () => {
    const { port, world } = using(400)
    await port.pass(1300)
    assert.deepStrictEqual(world.signals.map(({ aborted }) => aborted), [false])
  })

  it("asks again at once while there is something to tell, three times in a row and no more", async () => {
    const { asked, member, port } = using(0)
    member.pending = true
    await port.pass(900)
    assert.strictEqual(asked.length, 4)
    await port.pass(100)
    assert.strictEqual(asked.length, 8)
  })

  it("tells right after what is on its way what has changed meanwhile", async () => {
    const { asked, exchanger, member, port } = using(100)
    await port.pass(50)
    member.pending = true
    exchanger.soon()
    await port.pass(50)
    member.pending = false
    assert.deepStrictEqual(asked.map(({ at }) => at), [0, 100])
  })

  it("does not ask sooner for a change while the store does not answer", async () => {
    const { asked, exchanger, port, world } = using(0)
    world.fails = true
    await port.pass(1000)
    const before = asked.length
    exchanger.soon()
    await port.pass(100)
    assert.strictEqual(asked.length, before)
    await port.pass(1000)
    assert.isAbove(asked.length, before)
  })

  it("says good-bye once what is on its way is answered, and nothing after it", async () => {
    const { asked, exchanger, exchanging, member, port } = using(300)
    await port.pass(100)
    const left = exchanger.leave(exchanging, { ...request, action: "leave" })
    await port.pass(199)
    assert.strictEqual(asked.length, 1)
    await port.pass(301)
    await left
    await port.pass(5000)
    assert.deepStrictEqual(asked, [{ at: 0, actions: ["none"] }, { at: 300, actions: ["leave"] }])
    assert.deepStrictEqual(member.heardAt, [])
    assert.strictEqual(port.waiting.length, 0)
  })

  it("is one for a store, an interval and a clock", () => {
    const [store, other] = [{ exchange: async () => [] }, { exchange: async () => [] }]
    const [port, clock] = [new VirtualPort(), new VirtualPort()]
    const one = exchangerOf(store, 1000, port)
    assert.strictEqual(exchangerOf(store, 1000, port), one)
    for (const another of [exchangerOf(other, 1000, port), exchangerOf(store, 500, port), exchangerOf(store, 1000, clock)]) assert.notStrictEqual(another, one)
  })
})
