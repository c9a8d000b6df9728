import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { answersOf, BreakerTable, exchangeStatement, memoryBreakerStore, sqlBreakerStore } from "../../../src/core/breaker/breakerStore.ts"
import { answerOf, type BreakerAction, type BreakerExchange, exchange, freshRecord, type SharedBreakerState, type SharedRecord } from "../../../src/core/breaker/shared.ts"

const base: BreakerExchange = {
  name: "payments", key: "", instance: "a", turn: 1, generation: 0, vote: false, action: "none", lease: 5000, quorum: 0.5, minimumVotes: 2, openFor: 1000
}

/** What happened to the breaker, as a list: the generation is its length. What everybody can check by reading. */
class Model {
  private readonly changes: Array<{ readonly state: SharedBreakerState["state"]; readonly reason: SharedBreakerState["reason"]; ends: number; readonly by?: string; readonly failed: number }> = []
  private alive: Array<{ readonly who: string; readonly turn: number; readonly against: number; readonly ends: number }> = []

  private get last() {
    return this.changes.at(-1) ?? { state: "closed" as const, reason: undefined, ends: 0, by: undefined, failed: 0 }
  }

  tell({ action, generation, growth, instance, lease, minimumVotes, openFor, quorum, turn, vote }: BreakerExchange, now: number): SharedBreakerState {
    const { last } = this
    const overtaken = this.alive.some((one) => one.who === instance && one.turn >= turn)
    const counts = !overtaken && generation === this.changes.length
    if (!overtaken && (lease > 0 || action === "leave")) {
      this.alive = this.alive.filter(({ ends, who }) => ends > now && who !== instance)
      if (action !== "leave") this.alive.push({ who: instance, turn, against: vote ? generation : -1, ends: now + lease })
    }
    if (counts) {
      const mine = last.state === "half-open" && last.by === instance
      const opens = (failed: number) => now + (growth === undefined ? openFor : Math.min(growth.max, openFor * growth.factor ** failed))
      if (action === "restore") this.changes.push({ state: "closed", reason: "restored", ends: 0, failed: 0 })
      if (action === "isolate" && last.state !== "isolated") this.changes.push({ state: "isolated", reason: "isolated", ends: 0, failed: 0 })
      if (action === "succeeded" && mine) this.changes.push({ state: "closed", reason: "probes-succeeded", ends: 0, failed: 0 })
      if (action === "failed" && mine) this.changes.push({ state: "open", reason: "probe-failed", ends: opens(last.failed + 1), failed: last.failed + 1 })
      if (action === "leave" && mine) this.changes.at(-1)!.ends = now
      if (action === "probe" && (last.state === "open" || last.state === "half-open")) {
        if (last.ends <= now) this.changes.push({ state: "half-open", reason: "open-over", ends: now + lease, by: instance, failed: last.failed })
        else if (mine) this.changes.at(-1)!.ends = now + lease
      }
      if (action === "none" && vote && last.state === "closed") {
        const living = this.alive.filter(({ ends }) => ends > now)
        const votes = living.filter(({ against }) => against === generation).length
        const enough = votes > 0 && votes >= Math.min(minimumVotes, living.length) && votes >= quorum * living.length
        if (enough) this.changes.push({ state: "open", reason: "votes", ends: opens(0), failed: 0 })
      }
    }
    const { by, ends, failed, reason, state } = this.last
    return {
      state, generation: this.changes.length, reason, reopenings: failed,
      left: state === "open" || state === "half-open" ? Math.max(0, ends - now) : 0, probing: state === "half-open" && by === instance
    }
  }
}

/** One after another: what each is told. */
const told = (...requests: ReadonlyArray<readonly [now: number, request: Partial<BreakerExchange>]>): ReadonlyArray<SharedBreakerState> => {
  let record: SharedRecord = freshRecord
  return requests.map(([now, changes], index) => {
    const request = { ...base, turn: index + 1, ...changes }
    record = exchange(record, request, now)
    return answerOf(record, request.instance, now)
  })
}

const closed: SharedBreakerState = { state: "closed", generation: 0, reason: undefined, reopenings: 0, left: 0, probing: false }
const votes = [0, { vote: true }] as const
const probes = [1000, { generation: 1, action: "probe" }] as const
const half: SharedBreakerState = { state: "half-open", generation: 2, reason: "open-over", reopenings: 0, left: 5000, probing: true }

describe("what a store keeps of a breaker", () => {
  it("is what its model says, whoever tells and asks for what and when", () => {
    const actions: ReadonlyArray<BreakerAction> = ["none", "none", "none", "probe", "probe", "succeeded", "failed", "isolate", "restore", "leave"]
    const command = fc.record({
      pass: fc.constantFrom(0, 0, 1, 500, 999, 1000, 3000, 5000), instance: fc.constantFrom("a", "b", "c", "d"), late: fc.constantFrom(0, 0, 0, 1, 5),
      behind: fc.constantFrom(0, 0, 0, 0, 1), vote: fc.boolean(), action: fc.constantFrom(...actions), lease: fc.constantFrom(0, 1000, 5000, 5000)
    })
    const shares = fc.record({
      quorum: fc.constantFrom(0.25, 0.5, 0.75, 1), minimumVotes: fc.integer({ min: 1, max: 3 }), growth: fc.constantFrom(undefined, { factor: 3, max: 20_000 })
    })
    fc.assert(fc.property(shares, fc.array(command, { maxLength: 40 }), (options, commands) => {
      const model = new Model()
      let [record, now, turn]: [SharedRecord, number, number] = [freshRecord, 5000, 10]
      for (const { behind, late, pass, ...said } of commands) {
        now += pass
        const request = { ...base, ...options, ...said, turn: ++turn - late, generation: Math.max(0, record.generation - behind) }
        record = exchange(record, request, now)
        assert.deepStrictEqual(answerOf(record, request.instance, now), model.tell(request, now))
      }
    }), { numRuns: 5000 })
  })

  it.each<[string, ReadonlyArray<readonly [number, Partial<BreakerExchange>]>, Partial<SharedBreakerState>]>([
    ["nobody has voted", [[0, {}]], closed],
    ["one that is alone votes", [votes], { state: "open", generation: 1, reason: "votes", left: 1000 }],
    ["one of two votes, and two must", [[0, { instance: "b" }], votes], closed],
    ["one of two votes, and one is enough", [[0, { instance: "b" }], [0, { vote: true, minimumVotes: 1 }]], { state: "open" }],
    ["one of three votes, and a half must", [[0, { instance: "b" }], [0, { instance: "c" }], [0, { vote: true, minimumVotes: 1 }]], closed],
    ["the other was last heard of a lease ago", [[0, { instance: "b" }], [5000, { vote: true }]], { state: "open", left: 1000 }],
    ["the other was heard of a moment less than a lease ago", [[0, { instance: "b" }], [4999, { vote: true }]], closed],
    ["it votes, but was not asked to count", [[0, { vote: true, lease: 0 }]], closed],
    ["it votes in a generation that is over", [votes, [0, { generation: 1, action: "restore" }], [1, { generation: 0, vote: true }]], { state: "closed", generation: 2 }],
    ["a vote is for the generation before", [[0, {}], [0, { instance: "b", vote: true }], [0, { action: "restore" }], [0, { generation: 1, vote: true }]], { state: "closed", generation: 1 }],
    ["it goes, and its vote with it", [[0, { instance: "b" }], [0, { instance: "c" }], [0, { instance: "c", vote: true }], [0, { instance: "c", action: "leave" }], votes], closed],
    ["a vote for what is open already", [votes, [10, { generation: 1, vote: true }]], { generation: 1, left: 990 }],
    ["it asks to probe what is closed", [[0, { action: "probe" }]], closed],
    ["it asks to probe a moment too soon", [votes, [999, { generation: 1, action: "probe" }]], { state: "open", generation: 1, left: 1, probing: false }],
    ["it asks to probe when the time is over", [votes, probes], half],
    ["another asks while one probes", [votes, probes, [5999, { instance: "b", generation: 2, action: "probe" }]], { ...half, left: 1, probing: false }],
    ["another asks when the lease is over", [votes, probes, [6000, { instance: "b", generation: 2, action: "probe" }]], { ...half, generation: 3 }],
    ["the prober asks again", [votes, probes, [3000, { generation: 2, action: "probe" }]], half],
    ["the prober goes", [votes, probes, [3000, { generation: 2, action: "leave" }], [3000, { instance: "b", generation: 2, action: "probe" }]], { ...half, generation: 3 }],
    ["another than the prober goes", [votes, probes, [3000, { instance: "b", generation: 2, action: "leave" }]], { ...half, left: 3000, probing: false }],
    ["it goes while it is open", [votes, [500, { generation: 1, action: "leave" }]], { state: "open", generation: 1, left: 500 }],
    ["the probes succeed", [votes, probes, [1500, { generation: 2, action: "succeeded" }]], { state: "closed", generation: 3, reason: "probes-succeeded", left: 0 }],
    ["the probes of another succeed", [votes, probes, [1500, { instance: "b", generation: 2, action: "succeeded" }]], { ...half, left: 4500, probing: false }],
    ["they succeed in a generation that is over", [votes, probes, [1500, { generation: 1, action: "succeeded" }]], { ...half, left: 4500 }],
    ["a probe fails", [votes, probes, [1500, { generation: 2, action: "failed" }]], { state: "open", generation: 3, reason: "probe-failed", reopenings: 1, left: 1000 }],
    ["a probe of another fails", [votes, probes, [1500, { instance: "b", generation: 2, action: "failed" }]], { ...half, left: 4500, probing: false }],
    ["a probe fails, and openings grow", [votes, probes, [1500, { generation: 2, action: "failed", growth: { factor: 3, max: 5000 } }]], { reopenings: 1, left: 3000 }],
    [
      "how often it failed is kept while it is probed anew, and forgotten when it closes",
      [votes, probes, [1500, { generation: 2, action: "failed" }], [2500, { generation: 3, action: "probe" }]], { ...half, generation: 4, reopenings: 1 }
    ],
    ["it is isolated", [[0, { action: "isolate" }]], { state: "isolated", generation: 1, reason: "isolated", left: 0 }],
    ["it is isolated twice", [[0, { action: "isolate" }], [0, { generation: 1, action: "isolate" }]], { state: "isolated", generation: 1 }],
    ["it is voted on while isolated", [[0, { action: "isolate" }], [0, { generation: 1, vote: true }]], { state: "isolated", generation: 1 }],
    ["it is to be probed while isolated", [[0, { action: "isolate" }], [9000, { generation: 1, action: "probe" }]], { state: "isolated", generation: 1, left: 0 }],
    ["it is restored", [[0, { action: "isolate" }], [0, { generation: 1, action: "restore" }]], { state: "closed", generation: 2, reason: "restored" }],
    ["it is restored while closed: those that opened by themselves hear of it", [[0, { action: "restore" }]], { state: "closed", generation: 1, reason: "restored" }],
    ["a request was overtaken", [[0, { turn: 5 }], [0, { turn: 5, action: "isolate" }]], closed],
    ["a request comes in its turn", [[0, { turn: 5 }], [0, { turn: 6, action: "isolate" }]], { state: "isolated" }]
  ])("%s", (_, requests, expected) => {
    assert.deepInclude(told(...requests).at(-1), expected)
  })

  it("stays the same object while nothing moves", () => {
    const isolated = exchange(freshRecord, { ...base, action: "isolate" }, 0)
    assert.strictEqual(exchange(isolated, { ...base, turn: 2, generation: 1, lease: 0, action: "isolate" }, 1), isolated)
    assert.strictEqual(exchange(isolated, { ...base, generation: 1, action: "restore" }, 1), isolated)
    assert.strictEqual(exchange(isolated, { ...base, turn: 2, lease: 0, action: "restore" }, 1), isolated)
  })

  it("forgets who was not heard of for a lease when another is", () => {
    const heard = exchange(exchange(freshRecord, base, 0), { ...base, instance: "b" }, 5000)
    assert.deepStrictEqual([...heard.members], [["b", { turn: 1, vote: undefined, until: 10_000 }]])
    assert.strictEqual(freshRecord.members.size, 0)
  })
})

describe("a table of breakers in memory", () => {
  it("keeps names and keys apart, and answers in the order of the requests", () => {
    const table = new BreakerTable()
    const tell = (changes: ReadonlyArray<Partial<BreakerExchange>>, now: number) => table.exchange(changes.map((one) => ({ ...base, ...one })), now).map(({ state }) => state)
    assert.deepStrictEqual(tell([{ vote: true }, {}, { name: "stock" }, { key: "k" }], 0), ["open", "open", "closed", "closed"])
    assert.deepStrictEqual(tell([{ name: "stock", turn: 2, action: "isolate" }, { key: "k", turn: 2 }, { turn: 2 }], 0), ["isolated", "closed", "open"])
  })

  it("is a store, on a clock that is given", async () => {
    let now = 0
    const store = memoryBreakerStore(() => now)
    assert.strictEqual((await store.exchange([{ ...base, vote: true }]))[0]!.left, 1000)
    now = 400
    assert.strictEqual((await store.exchange([{ ...base, turn: 2, generation: 1 }]))[0]!.left, 600)
  })
})

describe("a store in SQL", () => {
  it("sends all requests as one text, and reads the answers out of one", async () => {
    const asked: Array<unknown> = []
    const { reason: _, ...rest } = closed
    const store = sqlBreakerStore(async (text, values) => {
      asked.push(text, ...values)
      return [{ answers: JSON.stringify([{ ...rest, reason: null }, { ...closed, reason: "votes" }]) }]
    })
    assert.deepStrictEqual(await store.exchange([base, { ...base, key: "k" }]), [closed, { ...closed, reason: "votes" }])
    assert.deepStrictEqual(asked, [exchangeStatement, JSON.stringify([base, { ...base, key: "k" }])])
    assert.match(exchangeStatement, /outrigger\.breaker_exchange\(\$1::text::jsonb\)::text as answers$/)
  })

  it("fails when no row comes", () => {
    assert.throws(() => answersOf(undefined), SyntaxError)
  })
})
