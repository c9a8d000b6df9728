/** A shared breaker step by step: what it asks, and what it makes of an answer. Nothing is sent. */
import { assert, describe, it } from "vitest"
import { Breaker, type BreakerSettings, type Ticket } from "../../../src/core/breaker/breaker.ts"
import { breakerStore, type SharedBreakerState } from "../../../src/core/breaker/breakerStore.ts"
import { SharedBreaker } from "../../../src/core/breaker/sharedBreaker.ts"
import type { SharedBreakerParts } from "../../../src/core/breaker/sharing.ts"
import { hang, VirtualPort } from "../../support/virtual.ts"

const closed: SharedBreakerState = { state: "closed", generation: 0, reason: undefined, reopenings: 0, left: 0, probing: false }
const open: Partial<SharedBreakerState> = { state: "open", generation: 1, reason: "votes", left: 8000 }
const lent: Partial<SharedBreakerState> = { state: "half-open", generation: 2, reason: "open-over", left: 5000, probing: true }

const scene = (options: Partial<BreakerSettings> = {}, parts: Partial<SharedBreakerParts> = {}) => {
  const port = new VirtualPort()
  const sharing = { store: breakerStore({ exchange: hang }), quorum: 0.75, minimumVotes: 3, interval: 1000, lease: 5000 }
  const said = { calls: 0 }
  const moves: Array<string> = []
  const breaker: Breaker = new Breaker({ failures: 1, openFor: 10_000, halfOpenCalls: 1, probeLease: 3000, ...options }, (from, to) => {
    moves.push(`${to.tag}: ${to.reason}`)
    shared.moved(from, to)
  })
  const shared: SharedBreaker = new SharedBreaker({ breaker, name: "payments", port, sharing, calls: () => said.calls, warn: () => {}, ...parts })
  return {
    port, sharing, breaker, shared, moves,
    ask: () => shared.ask(port.time),
    wants: () => shared.wants(port.time),
    /** One exchange that takes no time. */
    hear: (answer: Partial<SharedBreakerState>) => shared.heard({ ...closed, ...answer }, shared.ask(port.time), port.time, port.time),
    call: () => { said.calls++ },
    admit: (): Ticket | undefined => {
      const ticket = { generation: 0, probe: 0 }
      return breaker.admit(ticket, port.time) ? ticket : undefined
    },
    settle: (ticket: Ticket, good: boolean) => breaker.settled(ticket, good ? "success" : "failure", port.now),
    /** A call of the closed breaker that fails, and opens it. */
    trip: () => breaker.settled({ generation: breaker.state.generation, probe: 0 }, "failure", port.now),
    leases: () => port.waiting.filter(({ due }) => due > port.time).map(({ due }) => due)
  }
}

describe("what it asks", () => {
  it("says who and how it is, and counts its turns", () => {
    const { ask } = scene({ growth: { factor: 2, max: 60_000 } }, { key: "k" })
    const first = ask()
    assert.deepStrictEqual(first, {
      name: "payments", key: "k", instance: first.instance, turn: 1, generation: 0, vote: false, action: "none", lease: 0,
      quorum: 0.75, minimumVotes: 3, openFor: 10_000, growth: { factor: 2, max: 60_000 }
    })
    assert.strictEqual(ask().turn, 2)
    assert.strictEqual(scene().ask().key, "")
  })

  it("has a name of its own in 104 bits of chance", () => {
    const half = (2 ** 51).toString(36).padStart(11, "0")
    assert.strictEqual(scene().ask().instance, half + half)
    const port = Object.assign(new VirtualPort(), { random: () => 1e-9 })
    assert.match(scene({}, { port }).ask().instance, /^(00000[0-9a-z]{6}){2}$/)
  })

  it("counts for as long as an interval after a call", () => {
    const { ask, call, hear, port, shared, wants } = scene()
    assert.deepStrictEqual([wants(), shared.pending], [true, true]) // the store knows nothing of it
    hear({})
    assert.deepStrictEqual([wants(), shared.pending, ask().lease], [false, false, 0])
    port.time = 100
    call()
    assert.deepStrictEqual([wants(), ask().lease], [true, 5000])
    port.time = 1099
    assert.deepStrictEqual([wants(), ask().lease], [true, 5000])
    port.time = 1100
    assert.deepStrictEqual([wants(), ask().lease], [false, 0])
  })

  it("has seen no call that was made before it was there", () => {
    const calls = () => 7
    const { ask, hear, wants } = scene({}, { calls })
    hear({})
    assert.deepStrictEqual([wants(), ask().lease], [false, 0])
  })

  it("goes on asking while it is not closed for all, and probes only for calls", () => {
    const { ask, call, hear, port, wants } = scene()
    hear(open)
    assert.deepStrictEqual([wants(), ask().action], [true, "none"])
    call()
    wants()
    assert.strictEqual(ask().action, "probe")
    hear({ ...lent, probing: false })
    assert.strictEqual(ask().action, "probe")
    port.time = 1000
    assert.strictEqual(ask().action, "none")
    hear({ state: "isolated", generation: 3 })
    call()
    assert.isTrue(wants())
    assert.strictEqual(ask().action, "none")
  })

  it("asks for nothing while it is disabled, and does not count", () => {
    const { ask, call, hear, wants } = scene({ disabled: true })
    hear(open)
    call()
    wants()
    assert.deepInclude(ask(), { action: "none", lease: 0, vote: false })
    hear(lent) // as one that was asked for before
    assert.deepInclude(ask(), { action: "none", lease: 0, vote: false })
  })

  it("votes while it is open by itself, and half-open by itself", () => {
    const { admit, ask, hear, port, shared, trip } = scene()
    hear({})
    trip()
    assert.isTrue(shared.pending)
    assert.deepInclude(ask(), { vote: true, action: "none", lease: 5000 })
    hear({})
    assert.isFalse(shared.pending)
    port.time = 10_000
    admit()
    assert.isTrue(ask().vote)
    hear(open)
    assert.isFalse(ask().vote) // it follows
  })

  it("tells a vote again that was for the generation before", () => {
    const { breaker, hear, shared, trip } = scene()
    hear({})
    trip()
    hear({ generation: 1 })
    assert.deepStrictEqual([shared.pending, breaker.state.tag], [true, "open"])
    hear({ generation: 1 })
    assert.isFalse(shared.pending)
  })

  it("renews the lease while a probe is at work, and not for one whose place is free again", () => {
    const { admit, ask, hear, port } = scene()
    hear(lent)
    assert.strictEqual(ask().action, "none") // nobody calls
    admit()
    port.time = 2999
    assert.deepInclude(ask(), { action: "probe", lease: 5000 })
    port.time = 3000
    assert.deepInclude(ask(), { action: "none", lease: 0 })
  })
})

describe("what is its own affair", () => {
  it("a probe for itself keeps no lease, and is no say among the others", () => {
    const { admit, ask, hear, port, trip } = scene()
    hear({})
    trip()
    hear({})
    port.time = 10_000
    admit()
    port.time = 11_500
    assert.deepInclude(ask(), { vote: true, lease: 0 })
  })
})

describe("what a person did here", () => {
  it.each([
    ["isolate", { state: "isolated", generation: 1, reason: "isolated" }, { state: "closed", generation: 1, reason: "restored" }],
    ["restore", { state: "closed", generation: 1, reason: "restored" }, { state: "closed", generation: 1, reason: "probes-succeeded" }]
  ] as const)("is asked of the store until the store has done it: %s", (action, done, other) => {
    const { ask, breaker, hear, shared } = scene()
    hear(action === "isolate" ? {} : { state: "isolated" })
    breaker[action]()
    const before = breaker.state.tag
    assert.isTrue(shared.pending)
    assert.deepInclude(ask(), { action, lease: 0 }) // no call has brought it about
    hear(other)
    assert.deepStrictEqual([ask().action, breaker.state.tag], [action, before])
    shared.heard({ ...closed, ...done }, { ...ask(), action: "none" }, 0, 0) // what was asked before
    assert.deepStrictEqual([ask().action, breaker.state.tag], [action, before])
    hear(done)
    assert.deepStrictEqual([ask().action, breaker.state.tag, shared.pending], ["none", before, false])
  })

  it("is undone by nothing that the store says meanwhile", () => {
    const { breaker, hear } = scene()
    breaker.isolate()
    hear(open)
    assert.strictEqual(breaker.state.tag, "isolated")
  })

  it("is told of an isolation from before it was shared", () => {
    const breaker = new Breaker({ failures: 1, openFor: 1, halfOpenCalls: 1, probeLease: 1 }, () => {})
    breaker.isolate()
    assert.strictEqual(scene({}, { breaker }).ask().action, "isolate")
    breaker.restore()
    assert.strictEqual(scene({}, { breaker }).ask().action, "none")
  })

  it("needs a restored breaker, not just a closed one", () => {
    const { ask, breaker, hear } = scene()
    hear({ state: "isolated" })
    breaker.restore()
    hear({ state: "isolated", reason: "restored" })
    assert.strictEqual(ask().action, "restore")
  })
})

describe("what it makes of an answer", () => {
  it("that it is open: the same here, for a lease longer", () => {
    const { breaker, hear, moves, shared } = scene()
    hear({ ...open, reopenings: 2 })
    assert.deepStrictEqual(breaker.snapshot(0), { state: "open", openLeft: 13_000, reopenings: 2 })
    assert.deepStrictEqual([shared.following, shared.probing, moves], [true, false, ["open: shared"]])
  })

  it("that another probes: the same", () => {
    const { breaker, hear, shared } = scene()
    hear({ ...lent, probing: false })
    assert.deepStrictEqual(breaker.snapshot(0), { state: "open", openLeft: 10_000, reopenings: 0 })
    assert.isTrue(shared.following)
  })

  it("that it is isolated, once", () => {
    const { breaker, hear, moves, shared } = scene()
    hear({ state: "isolated", generation: 1 })
    const { generation } = breaker.state
    hear({ state: "isolated", generation: 1 })
    assert.deepStrictEqual([breaker.state.tag, breaker.state.generation, shared.following, moves], ["isolated", generation, true, ["isolated: shared"]])
  })

  it("that it is closed again: closed, with a ramp-up", () => {
    const { breaker, hear, moves, shared } = scene({ rampUp: 4000 })
    hear(open)
    hear({ generation: 2, reason: "probes-succeeded" })
    assert.deepStrictEqual(breaker.snapshot(0), { state: "closed", failures: 0, rampLeft: 4000 })
    assert.deepStrictEqual([shared.following, moves], [false, ["open: shared", "closed: shared"]])
  })

  it("that it is closed, while it is open by itself: that is its own affair", () => {
    const { breaker, hear, trip } = scene()
    hear({})
    trip()
    hear({})
    hear({ generation: 2, reason: "probes-succeeded" })
    assert.strictEqual(breaker.state.tag, "open")
  })

  it.each([[1, "restored", "closed"], [0, "restored", "open"], [1, "probes-succeeded", "open"]] as const)(
    "that it is closed, while it is open by itself: generation %i, %s, then it is %s", (generation, reason, tag) => {
      const { breaker, hear, trip } = scene()
      hear({ reason: "restored" })
      trip()
      hear({ generation, reason })
      assert.strictEqual(breaker.state.tag, tag)
    })

  it("that it was restored, while it is closed: it goes on counting", () => {
    const { breaker, hear, trip } = scene({ failures: 3 })
    hear({})
    trip()
    trip()
    hear({ generation: 1, reason: "restored" })
    assert.deepStrictEqual(breaker.snapshot(0), { state: "closed", failures: 2, rampLeft: 0 })
  })

  it("the first answer is no news", () => {
    const { breaker, hear, trip } = scene()
    trip()
    hear({ generation: 5, reason: "restored" })
    assert.strictEqual(breaker.state.tag, "open")
  })

  it("that it may probe: half-open, until the lease is over", async () => {
    const { breaker, hear, leases, port, shared } = scene()
    hear({ ...lent, reopenings: 3 })
    assert.deepStrictEqual(breaker.snapshot(0), { state: "half-open", reopenings: 3 })
    assert.deepStrictEqual([shared.probing, shared.following, leases()], [true, true, [5000]])
    const { generation } = breaker.state
    port.time = 1000
    hear(lent) // renewed: the same probes go on
    assert.deepStrictEqual([breaker.state.generation, leases()], [generation, [6000]])
    const fire = port.waiting.find(({ due }) => due === 6000)!.fire
    port.time = 6000
    fire()
    assert.deepStrictEqual([shared.probing, shared.following], [false, true])
    assert.deepStrictEqual(breaker.snapshot(6000), { state: "open", openLeft: 5000, reopenings: 0 })
  })

  it("that it may probe, and took until the lease was over: held", () => {
    const { ask, breaker, shared } = scene()
    for (const [now, tag] of [[5000, "open"], [4999, "half-open"]] as const) {
      shared.heard({ ...closed, ...lent }, ask(), 0, now)
      assert.deepStrictEqual([shared.probing, breaker.state.tag], [tag === "half-open", tag])
    }
  })

  it("that another may probe, while it probed: its lease is gone", () => {
    const { breaker, hear, leases, shared } = scene()
    hear(lent)
    hear({ ...lent, generation: 3, probing: false })
    assert.deepStrictEqual([shared.probing, breaker.state.tag, leases()], [false, "open", []])
  })
})

describe("the verdict of the prober", () => {
  it.each([[true, "succeeded", "closed"], [false, "failed", "open"]] as const)("is told in its generation, and stands here: good %s", (good, action, tag) => {
    const { admit, ask, breaker, hear, leases, settle, shared } = scene()
    hear(lent)
    settle(admit()!, good)
    assert.deepStrictEqual([breaker.state.tag, shared.probing, shared.pending, leases()], [tag, false, true, []])
    assert.deepInclude(ask(), { action, generation: 2, lease: 5000 }) // a call has brought it about
    hear({ ...lent, left: 4000 }) // sent before it was heard
    assert.deepStrictEqual([breaker.state.tag, ask().action], [tag, action])
    hear(good ? { generation: 3, reason: "probes-succeeded" } : { ...open, generation: 3, reason: "probe-failed", reopenings: 1 })
    assert.deepStrictEqual([breaker.state.tag, ask().action], [tag, good ? "none" : "probe"])
  })

  it("is no verdict for all where it probed for itself", () => {
    const { admit, ask, hear, port, settle, trip } = scene()
    hear({})
    trip()
    hear({})
    port.time = 10_000
    settle(admit()!, true)
    assert.strictEqual(ask().action, "none")
    assert.isFalse(ask().vote)
  })

  it("ends the following here when it is closed", () => {
    const { admit, hear, settle, shared } = scene()
    hear(lent)
    settle(admit()!, true)
    assert.isFalse(shared.following)
    const other = scene()
    other.hear(lent)
    other.settle(other.admit()!, false)
    assert.isTrue(other.shared.following)
  })

  it("is none when it was disabled while it probed", () => {
    const { admit, ask, breaker, hear } = scene()
    hear(lent)
    admit()
    breaker.settings = { ...breaker.settings, disabled: true }
    assert.deepStrictEqual([breaker.state.tag, ask().action], ["closed", "none"])
  })

  it("is none when a person shut it while it probed", () => {
    const { ask, breaker, hear, shared } = scene()
    hear(lent)
    breaker.isolate()
    assert.deepStrictEqual([ask().action, shared.probing], ["isolate", false])
  })
})

describe("while it runs", () => {
  it("takes other options, and goes on where it is", () => {
    const { ask, call, hear, shared, sharing, wants } = scene()
    hear({ generation: 4 })
    shared.update({ ...sharing, quorum: 1, lease: 9000 })
    call()
    wants()
    assert.deepInclude(ask(), { quorum: 1, lease: 9000, generation: 4 })
    assert.isFalse(shared.pending)
  })

  it("begins anew with another store, interval or clock: nothing is known there", () => {
    for (const change of ["store", "interval", "port"] as const) {
      const { admit, ask, call, hear, leases, port, settle, shared, sharing, trip, wants } = scene()
      hear({})
      trip()
      hear({ generation: 3 })
      hear({ generation: 3 })
      assert.isFalse(shared.pending)
      call()
      wants()
      const other = Object.assign(new VirtualPort(), { time: port.time })
      if (change === "port") shared.update(sharing, other)
      else shared.update({ ...sharing, ...(change === "store" ? { store: breakerStore({ exchange: hang }) } : { interval: 2000 }) })
      assert.deepStrictEqual([shared.shared, shared.pending], [undefined, true])
      assert.deepInclude(ask(), { generation: 0, vote: true, action: "none", lease: 0 })
      hear(lent)
      settle(admit()!, true)
      shared.update(change === "port" ? sharing : { ...sharing, interval: 3000 }, port)
      assert.deepInclude(ask(), { generation: 0, action: "none" }) // the verdict was for the other
      hear(lent)
      shared.update({ ...sharing, interval: 4000 }, port)
      assert.deepStrictEqual([shared.probing, leases()], [false, []])
    }
  })

  it("is closed: it leaves with what it has, where the store knows it", async () => {
    const port = new VirtualPort()
    const asked: Array<unknown> = []
    const store = breakerStore({ exchange: async (requests) => (asked.push(...requests.map(({ action, generation, turn, vote }) => [action, generation, turn, vote])), requests.map(() => ({ ...closed, ...lent, generation: 6 }))) })
    const sharing = { store, quorum: 0.5, minimumVotes: 2, interval: 1000, lease: 5000 }
    const known = scene({}, { port, sharing }).shared
    await port.pass(0)
    assert.isTrue(known.probing)
    const unknown = scene({}, { port, sharing }).shared
    await Promise.all([known.close(), unknown.close()])
    assert.deepStrictEqual(asked, [["none", 0, 1, false], ["leave", 6, 2, false]])
    assert.deepStrictEqual([known.probing, port.waiting.length], [false, 0])
  })

  it("asks at once for what a call has brought about, and for nothing that came from the store", async () => {
    const port = new VirtualPort()
    const asked: Array<unknown> = []
    let answer = closed
    const store = breakerStore({ exchange: async (requests) => (asked.push([port.time, requests[0]!.action, requests[0]!.vote]), requests.map(() => answer)) })
    const { breaker, trip } = scene({}, { port, sharing: { store, quorum: 0.5, minimumVotes: 2, interval: 1000, lease: 5000 } })
    await port.pass(100)
    trip()
    await port.pass(1)
    answer = { ...closed, ...open } as SharedBreakerState
    await port.pass(1000)
    breaker.isolate()
    await port.pass(0)
    assert.deepStrictEqual(asked, [[0, "none", false], [100, "none", true], [1050, "none", true], [1101, "isolate", false], [1101, "isolate", false], [1101, "isolate", false], [1101, "isolate", false]])
  })

  it("asks a new store at once", async () => {
    const { port, shared, sharing } = scene()
    await port.pass(0)
    let asked = 0
    shared.update({ ...sharing, store: breakerStore({ exchange: async () => (asked++, [closed]) }) })
    await port.pass(0)
    assert.strictEqual(asked, 1)
  })

  it("does not ask for what the store knows already", async () => {
    const port = new VirtualPort()
    const asked: Array<number> = []
    const store = breakerStore({ exchange: async (requests) => (asked.push(port.time), requests.map(() => closed)) })
    const { admit, trip } = scene({ openFor: 1200 }, { port, sharing: { store, quorum: 0.5, minimumVotes: 2, interval: 1000, lease: 5000 } })
    await port.pass(10)
    trip()
    await port.pass(1300)
    const before = asked.length
    admit() // half-open by itself: still its vote
    await port.pass(1)
    assert.strictEqual(asked.length, before)
  })

  it("keeps no process alive by its lease", () => {
    const held: Array<boolean> = []
    const port = new VirtualPort()
    const { at } = port
    Object.assign(port, { at: (delay: number, fire: () => void) => ({ ...at(delay, fire), hold: (on: boolean) => held.push(on) }) })
    const { ask, shared } = scene({}, { port })
    shared.heard({ ...closed, ...lent }, ask(), 0, 0)
    assert.deepStrictEqual(held, [false, false]) // the exchanger's, and the lease
  })
})
