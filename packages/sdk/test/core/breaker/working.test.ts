/** What a breaker does beside its model: with other settings, with whoever hears of it, and with calls that say nothing. */
import { assert, describe, it } from "vitest"
import { Breaker, type BreakerSettings, type BreakerState, type Ticket, type Verdict } from "../../../src/core/breaker/breaker.ts"

const settings: BreakerSettings = { failures: 1, openFor: 1000, halfOpenCalls: 1, probeLease: 300 }

const make = (changed: Partial<BreakerSettings> = {}, heard: (to: BreakerState, breaker: Breaker) => void = () => {}) => {
  const breaker: Breaker = new Breaker({ ...settings, ...changed }, (_, to) => heard(to, breaker))
  const admit = (now: number): Ticket | undefined => {
    const ticket: Ticket = { generation: -1, probe: 0 }
    return breaker.admit(ticket, now) ? ticket : undefined
  }
  const call = (now: number, verdict: Verdict, took = 0): boolean => {
    const ticket = admit(now)
    if (ticket !== undefined) breaker.settled(ticket, verdict, () => now + took)
    return ticket !== undefined
  }
  return { admit, breaker, call }
}

describe("another number of half-open calls, or another share of them", () => {
  it.each<[Partial<BreakerSettings>]>([[{ halfOpenCalls: 3 }], [{ successRatio: 0.5 }]])("moves none that is not half-open (%j)", (changed) => {
    const { breaker, call } = make()
    const { state } = breaker
    breaker.settings = { ...settings, ...changed }
    assert.strictEqual(breaker.state, state)
    breaker.settings = settings
    call(0, "failure")
    const opened = breaker.state
    breaker.settings = { ...settings, ...changed }
    assert.strictEqual(breaker.state, opened)
  })

  it("counts the probes anew, where it is only the share that is another", () => {
    const { breaker, call } = make({ halfOpenCalls: 5, successRatio: 0.8 })
    call(0, "failure")
    for (let n = 0; n < 2; n++) call(1000, "success")
    breaker.settings = { ...settings, halfOpenCalls: 5, successRatio: 0.6 }
    for (const tag of ["half-open", "half-open", "closed"] as const) {
      call(1000, "success")
      assert.strictEqual(breaker.state.tag, tag)
    }
  })
})

describe("a ramp-up", () => {
  const closing = () => {
    const all = make({ rampUp: 1000 })
    all.call(0, "failure")
    all.call(1000, "success")
    return all
  }

  it("goes on where it is through other settings", () => {
    const { admit, breaker } = closing()
    admit(1500)
    breaker.settings = { ...settings, rampUp: 1000, openFor: 5 }
    assert.deepStrictEqual([breaker.gated, breaker.snapshot(1500)], [true, { state: "closed", failures: 0, rampLeft: 500 }])
  })

  it("does not begin where none is wanted: then a closed breaker is not asked any more", () => {
    const { breaker, call } = make()
    call(0, "failure")
    call(1000, "success")
    assert.deepStrictEqual([breaker.state.tag, breaker.gated], ["closed", false])
  })

  it("of a breaker that was restored by who heard of its probe lets that call through as its first", () => {
    const { admit, breaker } = make({ rampUp: 1000 }, (to, breaker) => to.tag === "half-open" && breaker.restore())
    breaker.settled(admit(0)!, "failure", () => 0)
    const through = Array.from({ length: 11 }, () => admit(1000) !== undefined)
    assert.deepStrictEqual(through, [true, ...Array<boolean>(9).fill(false), true])
  })
})

describe("a probe", () => {
  it("that says nothing gives its place back, however slow it was", () => {
    const slow = { window: { calls: 10 }, minimumCalls: 2, rate: Infinity, slowOver: 100, slowRate: 1 }
    const { breaker, call } = make({ sampling: slow })
    call(0, "failure")
    call(1000, "ignored", 101)
    assert.deepStrictEqual([breaker.state.tag, breaker.rejects(1101)], ["half-open", false])
  })

  it("has nothing before it in a state that came from elsewhere", () => {
    const { breaker } = make()
    breaker.hydrate({ state: "half-open", reopenings: 3 }, 0)
    assert.deepStrictEqual(breaker.state, { tag: "half-open", generation: 1, reason: "shared", reopenings: 3, probes: [], lastProbe: 0, successes: 0, failures: 0 })
  })
})
