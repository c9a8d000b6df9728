import { assert, describe, it } from "vitest"
import { Breaker, type BreakerSettings, type BreakerSnapshot, readSnapshot } from "../../../src/core/breaker/breaker.ts"

const settings: BreakerSettings = { failures: 2, openFor: 1000, growth: { factor: 2, max: 9000 }, halfOpenCalls: 1, probeLease: 500, rampUp: 1000 }
const make = (changed: Partial<BreakerSettings> = {}, heard: Array<string> = []) =>
  new Breaker({ ...settings, ...changed }, (from, to, reason) => heard.push(`${from.tag} ${to.tag} ${reason}`))
const call = (breaker: Breaker, now: number, verdict: "success" | "failure"): boolean => {
  const ticket = { generation: -1, probe: 0 }
  const admitted = breaker.admit(ticket, now)
  if (admitted) breaker.settled(ticket, verdict, () => now)
  return admitted
}
const json = (snapshot: BreakerSnapshot): BreakerSnapshot => readSnapshot(JSON.parse(JSON.stringify(snapshot)))!

describe("a snapshot", () => {
  it("lets a process that starts again during an outage go on with what is left of it, on another clock", () => {
    const before = make()
    for (const now of [0, 0, 1000]) call(before, now, "failure")
    const snapshot = json(before.snapshot(1500))
    assert.deepStrictEqual(snapshot, { state: "open", openLeft: 1500, reopenings: 1 })
    const heard: Array<string> = []
    const next = make({}, heard)
    next.hydrate(snapshot, 70_000, 200)
    assert.deepStrictEqual([next.retryAfter(70_000), next.rejects(71_299), next.rejects(71_300), heard], [1300, true, false, ["closed open shared"]])
    call(next, 71_300, "failure")
    assert.strictEqual(next.retryAfter(71_300), 4000)
  })

  it("has nothing left of an opening that is over", () => {
    const breaker = make()
    for (const now of [0, 0]) call(breaker, now, "failure")
    assert.deepStrictEqual(breaker.snapshot(5000), { state: "open", openLeft: 0, reopenings: 0 })
  })

  it("of a half-open breaker leaves its probes behind: they can never settle elsewhere", () => {
    const before = make()
    for (const now of [0, 0]) call(before, now, "failure")
    before.admit({ generation: -1, probe: 0 }, 1000)
    const snapshot = json(before.snapshot(1000))
    assert.deepStrictEqual(snapshot, { state: "half-open", reopenings: 0 })
    const next = make()
    next.hydrate(snapshot, 0)
    assert.deepStrictEqual([next.state.tag, next.rejects(0)], ["half-open", false])
    assert.isTrue(call(next, 0, "success"))
    assert.strictEqual(next.state.tag, "closed")
  })

  it("of an isolated breaker isolates, and of a closed one sets free", () => {
    const before = make()
    before.isolate()
    const heard: Array<string> = []
    const next = make({}, heard)
    next.hydrate(json(before.snapshot(0)), 0)
    assert.isTrue(next.rejects(1e12))
    next.hydrate({ state: "closed", failures: 0, rampLeft: 0 }, 0)
    assert.deepStrictEqual([next.rejects(0), next.gated], [false, false])
    assert.deepStrictEqual(heard, ["closed isolated shared", "isolated closed shared"])
  })

  it("of a closed breaker goes on counting failures in a row", () => {
    const before = make()
    call(before, 0, "failure")
    const heard: Array<string> = []
    const next = make({}, heard)
    next.hydrate(json(before.snapshot(0)), 0)
    assert.deepStrictEqual([next.state, heard], [{ tag: "closed", generation: 0, reason: undefined }, []])
    call(next, 0, "failure")
    assert.strictEqual(next.state.tag, "open")
  })

  it("of a breaker that lets the load come back goes on where it was", () => {
    const before = make()
    for (const now of [0, 0]) call(before, now, "failure")
    call(before, 1000, "success")
    const snapshot = json(before.snapshot(1300))
    assert.deepStrictEqual(snapshot, { state: "closed", failures: 0, rampLeft: 700 })
    const next = make()
    next.hydrate(snapshot, 50_000, 100)
    assert.deepStrictEqual([next.gated, next.snapshot(50_000)], [true, { state: "closed", failures: 0, rampLeft: 600 }])
    const aged = make()
    aged.hydrate(snapshot, 50_000, 700)
    assert.isFalse(aged.gated)
    const shorter = make({ rampUp: 100 })
    shorter.hydrate(snapshot, 50_000)
    assert.deepStrictEqual(shorter.snapshot(50_000), { state: "closed", failures: 0, rampLeft: 100 })
    const without = make({ rampUp: undefined })
    without.hydrate(snapshot, 50_000)
    assert.isFalse(without.gated)
  })

  it("begins a new generation: what was admitted before moves nothing", () => {
    const breaker = make({ failures: 1 })
    const ticket = { generation: -1, probe: 0 }
    breaker.admit(ticket, 0)
    breaker.hydrate({ state: "half-open", reopenings: 0 }, 0)
    breaker.settled(ticket, "failure", () => 0)
    assert.strictEqual(breaker.state.tag, "half-open")
    breaker.hydrate({ state: "closed", failures: 0, rampLeft: 0 }, 0)
    breaker.settled(ticket, "failure", () => 0)
    assert.deepStrictEqual([breaker.state.tag, breaker.state.generation], ["closed", 2])
  })

  it("does not open a breaker that is disabled, but isolates it and sets it free", () => {
    const breaker = make({ disabled: true })
    breaker.hydrate({ state: "open", openLeft: 1000, reopenings: 0 }, 0)
    breaker.hydrate({ state: "half-open", reopenings: 0 }, 0)
    assert.strictEqual(breaker.state.tag, "closed")
    breaker.hydrate({ state: "isolated" }, 0)
    assert.strictEqual(breaker.state.tag, "isolated")
    breaker.hydrate({ state: "closed", failures: 0, rampLeft: 0 }, 0)
    assert.strictEqual(breaker.state.tag, "closed")
  })

  it.each<[value: unknown]>([
    [undefined], [null], ["open"], [{}], [[]], [{ state: "ajar" }],
    [{ state: "closed" }], [{ state: "closed", failures: -1, rampLeft: 0 }], [{ state: "closed", failures: 0.5, rampLeft: 0 }],
    [{ state: "closed", failures: 0, rampLeft: "0" }], [{ state: "closed", failures: 0, rampLeft: -1 }],
    [{ state: "open", openLeft: -1, reopenings: 0 }], [{ state: "open", openLeft: 2 ** 31, reopenings: 0 }],
    [{ state: "open", openLeft: null, reopenings: 0 }], [{ state: "open", openLeft: Number.NaN, reopenings: 0 }], [{ state: "open", openLeft: 1 }],
    [{ state: "open", openLeft: 1, reopenings: "2" }], [{ state: "half-open" }], [{ state: "half-open", reopenings: -1 }]
  ])("is not read from %j", (value) => assert.strictEqual(readSnapshot(value), undefined))

  it.each<[value: BreakerSnapshot]>([
    [{ state: "closed", failures: 0, rampLeft: 0 }], [{ state: "open", openLeft: 0, reopenings: 0 }],
    [{ state: "open", openLeft: 2 ** 31 - 1, reopenings: 7 }], [{ state: "half-open", reopenings: 0 }], [{ state: "isolated" }]
  ])("is read from %j, without what it does not know", (value) => assert.deepStrictEqual(readSnapshot({ ...value, more: 1 }), value))
})
