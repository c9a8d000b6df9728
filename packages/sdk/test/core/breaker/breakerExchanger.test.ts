import { assert, describe, it } from "vitest"
import { type Exchanging, Exchanger, exchangerOf } from "../../../src/core/breaker/breakerExchanger.ts"
import type { BreakerExchange, SharedBreakerState } from "../../../src/core/breaker/breakerStore.ts"
import { VirtualPort } from "../../support/virtual.ts"

const answer: SharedBreakerState = { state: "closed", generation: 0, reason: undefined, reopenings: 0, left: 0, probing: false }
const request: BreakerExchange = {
  name: "x", key: "", instance: "a", turn: 1, generation: 0, vote: false, action: "none", lease: 0, quorum: 0.5, minimumVotes: 2, openFor: 1
}

/** A clock whose timers say whether they hold the process, and whose chance can be set. */
const watched = () => {
  const port = new VirtualPort()
  const { at } = port
  const watch = { chance: 0.5, held: new Array<{ holds: boolean }>() }
  return Object.assign(port, watch, {
    random: () => (port as VirtualPort & typeof watch).chance,
    at: (delay: number, fire: () => void) => {
      const timer = at(delay, fire)
      const entry = { holds: true }
      watch.held.push(entry)
      return { ...timer, hold: (on: boolean) => { entry.holds = on } }
    }
  })
}

/** A store that answers after a while, one exchanger, and a member that has something to tell for as long as the test says. */
const using = (delay: number, interval = 1000) => {
  const port = watched()
  const asked: Array<{ readonly at: number; readonly actions: ReadonlyArray<string | undefined> }> = []
  const world = { port, asked, delay, fails: false as unknown, answers: undefined as unknown, signals: new Array<AbortSignal>() }
  const exchanger = new Exchanger({
    exchange: (requests, signal) => {
      asked.push({ at: port.time, actions: requests.map((one) => one?.action) })
      world.signals.push(signal!)
      if (world.fails === "at once") throw new Error("torn")
      if (world.fails !== false) return Promise.reject(new Error("down"))
      return new Promise((resolve) => port.at(world.delay, () => resolve((world.answers ?? requests.map(() => answer)) as ReadonlyArray<SharedBreakerState>)))
    }
  }, interval, port)
  const member = { pending: false, wants: true, heardAt: new Array<number>(), heard: new Array<unknown>(), warnings: 0, lines: new Array<string>() }
  const exchanging: Exchanging = {
    get pending() { return member.pending },
    wants: () => member.wants,
    ask: () => request,
    heard: (...all) => {
      member.heardAt.push(port.time)
      member.heard.push(all)
    },
    warn: (line) => {
      member.warnings++
      member.lines.push(line)
    }
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

  it("gives each its own answer, with what it asked and when", async () => {
    const { exchanger, exchanging, member, port } = using(30)
    const other = { pending: false, wants: () => true, ask: () => ({ ...request, name: "y" }), warn: () => {}, heard: (...all: ReadonlyArray<unknown>) => heard.push(all) }
    const heard: Array<unknown> = []
    exchanger.join(other)
    await port.pass(30)
    assert.deepStrictEqual([member.heard, heard], [[[answer, request, 0, 30]], [[answer, { ...request, name: "y" }, 0, 30]]])
    member.wants = false
    await port.pass(1000)
    assert.deepStrictEqual([member.heard.length, heard.length], [1, 2])
    await exchanger.leave(exchanging, undefined)
    await exchanger.leave(exchanging, request) // twice: nobody hears of it
    await port.pass(1000)
    assert.strictEqual(heard.length, 3)
  })

  it("is silent while nobody wants anything, and looks again each interval", async () => {
    const { asked, member, port } = using(0)
    member.wants = false
    await port.pass(2000)
    assert.strictEqual(asked.length, 0)
    member.wants = true
    await port.pass(900)
    assert.deepStrictEqual(asked.map(({ at }) => at), [2850])
  })

  it("waits for an answer no longer than the interval, where that is less than a second", async () => {
    const { port, world } = using(5000, 300)
    await port.pass(299)
    assert.isFalse(world.signals[0]!.aborted)
    await port.pass(1)
    assert.isTrue(world.signals[0]!.aborted)
  })

  it("says why the store cannot be reached, once a minute", async () => {
    const { member, port, world } = using(0)
    world.fails = true
    port.chance = 0
    await port.pass(59_999)
    assert.deepStrictEqual(member.lines, ["Shared breakers: the store cannot be reached, each process goes by its own (down)"])
    world.fails = "at once"
    await port.pass(1)
    assert.strictEqual(member.lines.length, 2)
    assert.match(member.lines[1]!, /\(torn\)$/)
  })

  it("says so of an answer that does not come, as of one that is refused", async () => {
    const { member, port } = using(5000)
    await port.pass(1000)
    assert.match(member.lines[0]!, /\(no answer within 1s\)$/)
  })

  it.each([
    ["more answers than questions", [answer, answer]], ["none", []], ["no list", {}], ["a state that there is not", [{ ...answer, state: "ajar" }]],
    ["a generation that is no number", [{ ...answer, generation: "1" }]], ["a count that is not whole", [{ ...answer, reopenings: 0.5 }]],
    ["a time below nothing", [{ ...answer, left: -1 }]], ["a time without end", [{ ...answer, left: Infinity }]], ["nothing in the list", [null]]
  ])("%s is no answer", async (_, answers) => {
    const { exchanger, member, port, world } = using(0)
    world.answers = answers
    await port.pass(100)
    assert.deepStrictEqual([exchanger.connected, member.heardAt, member.lines.length], [false, [], 1])
  })

  it.each(["closed", "open", "half-open", "isolated"] as const)("%s is an answer", async (state) => {
    const { member, port, world } = using(0)
    world.answers = [{ ...answer, state, left: 0.5, generation: 7, reopenings: 2 }]
    await port.pass(100)
    assert.deepStrictEqual([member.heardAt, member.lines], [[0], []])
  })

  it.each<[number, ReadonlyArray<number>]>([
    [0, [0, 1000, 3000, 7000, 15_000, 30_000, 45_000]], [0.5, [0, 1500, 4500, 10_500, 22_500, 45_000, 67_500]]
  ])("asks after longer and longer times, and never after more than half a minute: by chance %d", async (chance, times) => {
    const { asked, port, world } = using(0)
    world.fails = true
    port.chance = chance
    await port.pass(times.at(-1)!)
    assert.deepStrictEqual(asked.map(({ at }) => at), times)
    world.fails = false
    await port.pass(30_000)
    const again = asked.length
    await port.pass(3000)
    assert.isAtLeast(asked.length - again, 3) // as before
  })

  it("asks never more often than its interval, however short the first waits would be", async () => {
    const { asked, port, world } = using(0, 40_000)
    world.fails = true
    await port.pass(100_000)
    assert.deepStrictEqual(asked.map(({ at }) => at), [0, 40_000, 80_000])
  })

  it("lets two exchanges hang and no more, until five minutes after each began", async () => {
    const { asked, member, port } = using(1e9)
    port.chance = 1
    await port.pass(15_999)
    assert.isTrue(member.lines.length === 1 && asked.length === 2)
    port.chance = 0.75
    await port.pass(1)
    port.chance = 0
    await port.pass(300_000 - 16_000)
    assert.deepStrictEqual(asked.map(({ at }) => at), [0, 3000, 300_000])
    assert.isTrue(member.lines.some((line) => line.endsWith("(2 exchanges hang)")))
  })

  it("counts an exchange that failed in the end as over", async () => {
    const { asked, port, world } = using(4000)
    port.chance = 0
    await port.pass(60_000)
    assert.isAbove(asked.length, 4)
    assert.isTrue(world.signals.every(({ aborted }) => aborted))
  })

  it("never holds the process by itself", async () => {
    const { exchanger, port, world } = using(400)
    await port.pass(3000)
    world.fails = true
    await port.pass(3000)
    exchanger.soon()
    assert.isAbove(port.held.length, 8)
    const own = port.held.filter(({ holds }) => holds).length
    assert.strictEqual(own, world.signals.filter((_, n) => n < 3).length) // the store's
  })

  it("does not say good-bye to a store that does not answer, nor for one that it does not know", async () => {
    const { asked, exchanger, exchanging, port, world } = using(0)
    world.fails = true
    await port.pass(0)
    await exchanger.leave(exchanging, { ...request, action: "leave" })
    assert.strictEqual(asked.length, 1)
    const other = using(0)
    await other.port.pass(0)
    await other.exchanger.leave(other.exchanging, undefined)
    assert.strictEqual(other.asked.length, 1)
  })

  it("says good-bye to a store that fails just then, and does not reject", async () => {
    const { asked, exchanger, exchanging, port, world } = using(0)
    await port.pass(0)
    world.fails = true
    await exchanger.leave(exchanging, { ...request, action: "leave" })
    assert.deepStrictEqual(asked.map(({ actions }) => actions), [["none"], ["leave"]])
    assert.strictEqual(port.waiting.length, 0)
  })

  it("goes on for the others when one leaves", async () => {
    const { asked, exchanger, exchanging, port } = using(0)
    exchanger.join({ ...exchanging, pending: false })
    await port.pass(0)
    await exchanger.leave(exchanging, undefined)
    await port.pass(1000)
    assert.deepStrictEqual(asked.map(({ actions }) => actions.length), [2, 1])
  })

  it("is silent when all have left while the question was on its way, whatever comes of it", async () => {
    for (const answers of [[answer], []]) {
      const { asked, exchanger, exchanging, member, port, world } = using(300)
      world.answers = answers
      await port.pass(100)
      await Promise.all([exchanger.leave(exchanging, undefined), port.pass(5000)])
      assert.deepStrictEqual([asked.length, member.heardAt, member.lines, port.waiting.length], [1, [], [], 0])
    }
  })

  it("takes no answer where one of several makes no sense", async () => {
    const { exchanger, exchanging, member, port, world } = using(0)
    exchanger.join({ ...exchanging, pending: false })
    world.answers = [answer, { ...answer, left: -1 }]
    await port.pass(100)
    assert.deepStrictEqual([member.heardAt, member.lines.length], [[], 1])
  })

  it("asks again at once when one of several has something to tell", async () => {
    const { asked, exchanger, member, port } = using(0)
    exchanger.join({ wants: () => true, ask: () => request, heard: () => {}, warn: () => {}, pending: false })
    member.pending = true
    await port.pass(900)
    assert.strictEqual(asked.length, 4)
  })

  it("hears nothing for one that left while the question was on its way", async () => {
    const { exchanger, exchanging, member, port } = using(300)
    await port.pass(100)
    void exchanger.leave(exchanging, undefined)
    await port.pass(5000)
    assert.deepStrictEqual(member.heardAt, [])
  })

  it("keeps to the earlier of two times, and to one timer", async () => {
    const { exchanger, port } = using(0)
    await port.pass(500)
    assert.strictEqual(port.waiting.length, 1)
    exchanger.soon()
    exchanger.soon()
    assert.deepStrictEqual(port.waiting.map(({ due }) => due), [500])
  })

  it("is one for a store, an interval and a clock", () => {
    const [store, other] = [{ exchange: async () => [] }, { exchange: async () => [] }]
    const [port, clock] = [new VirtualPort(), new VirtualPort()]
    const one = exchangerOf(store, 1000, port)
    assert.strictEqual(exchangerOf(store, 1000, port), one)
    for (const another of [exchangerOf(other, 1000, port), exchangerOf(store, 500, port), exchangerOf(store, 1000, clock)]) assert.notStrictEqual(another, one)
  })
})
