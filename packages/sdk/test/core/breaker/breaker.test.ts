import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Breaker, type BreakerReason, type BreakerSettings, type BreakerState, type Ticket, type Verdict } from "../../../src/core/breaker/breaker.ts"

const settings: BreakerSettings = { failures: 2, openFor: 1000, halfOpenCalls: 2, probeLease: 300 }

/** What a call needs to know of the breaker in the model. */
interface Call { readonly id: number; readonly era: number; readonly began: number }

/** The breaker by its history: everything that was counted since the last change of state is kept, and looked at as a whole. */
class Model {
  era = 0
  tag: BreakerState["tag"] = "closed"
  until = 0
  spared = 0
  readonly heard: Array<string> = []
  private failedTries = 0
  private log: Array<{ readonly at: number; readonly failed: boolean; readonly slow: boolean }> = []
  private probes: Array<{ readonly id: number; readonly until: number }> = []
  private results: Array<boolean> = []
  private readonly settings: BreakerSettings

  constructor(settings: BreakerSettings) {
    this.settings = settings
  }

  go(tag: BreakerState["tag"], reason: BreakerReason): void {
    if (tag !== this.tag) this.heard.push(`${this.tag} ${tag} ${reason}`)
    this.era++
    this.log = []
    this.probes = []
    this.results = []
    if (tag === "closed" || tag === "isolated") this.failedTries = 0
    this.tag = tag
  }

  private open(now: number, reason: BreakerReason): void {
    let time = this.settings.openFor
    const { growth } = this.settings
    if (growth !== undefined) for (let n = 0; n < this.failedTries; n++) time = Math.min(growth.max, time * growth.factor)
    this.until = now + time
    this.go("open", reason)
  }

  rejects(now: number): boolean {
    if (this.tag === "isolated") return true
    if (this.settings.observe || this.tag === "closed") return false
    return this.tag === "open" ? now < this.until : this.full(now)
  }

  private full(now: number): boolean {
    return this.probes.filter(({ until }) => now < until).length + this.results.length >= this.settings.halfOpenCalls
  }

  admit(now: number, id: number): Call | undefined {
    if (this.tag === "open" && now >= this.until) this.go("half-open", "open-over")
    const call = { id, era: this.era, began: now }
    if (this.tag === "closed") return call
    if (this.tag === "half-open" && !this.full(now)) {
      this.probes.push({ id, until: now + this.settings.probeLease })
      return call
    }
    if (!this.settings.observe || this.tag === "isolated") return undefined
    this.spared++
    return call
  }

  settle(now: number, { began, era, id }: Call, verdict: Verdict): void {
    if (era !== this.era) return
    const slow = now - began > (this.settings.sampling?.slowOver ?? Infinity)
    if (this.tag === "closed" && verdict !== "ignored") {
      this.log.push({ at: now, failed: verdict === "failure", slow })
      const reason = this.settings.disabled ? undefined : this.trips(now)
      if (reason !== undefined) this.open(now, reason)
    } else if (this.tag === "half-open" && this.probes.some((probe) => probe.id === id && now < probe.until)) {
      this.probes = this.probes.filter((probe) => probe.id !== id)
      if (verdict !== "ignored") this.results.push(verdict === "success" && !slow)
      this.judge(now)
    }
  }

  /** Shares here are of hundredths, and multiplied out. */
  private trips(now: number): BreakerReason | undefined {
    const { failures, sampling } = this.settings
    if (failures < Infinity && this.log.length >= failures && this.log.slice(-failures).every(({ failed }) => failed)) return "failures"
    if (sampling === undefined) return undefined
    const { window } = sampling
    const kept = "calls" in window
      ? this.log.slice(-window.calls)
      : this.log.filter(({ at }) => Math.floor(now * 10 / window.millis) - Math.floor(at * 10 / window.millis) < 10)
    if (kept.length < sampling.minimumCalls) return undefined
    const reaches = (count: number, share: number) => share < Infinity && count * 100 >= Math.round(share * 100) * kept.length
    if (reaches(kept.filter(({ failed }) => failed).length, sampling.rate)) return "rate"
    return reaches(kept.filter(({ slow }) => slow).length, sampling.slowRate) ? "slow" : undefined
  }

  /** Closes when enough have succeeded, whatever the others do; opens when not even their success could be enough. */
  private judge(now: number): void {
    const { halfOpenCalls, successRatio = 1 } = this.settings
    const needed = Math.round(successRatio * 100) * halfOpenCalls
    const good = this.results.filter(Boolean).length
    const best = good + halfOpenCalls - this.results.length
    if (good * 100 >= needed) this.go("closed", "probes-succeeded")
    else if (best * 100 < needed) {
      this.failedTries++
      this.open(now, "probe-failed")
    }
  }
}

const percent = (least: number) => fc.integer({ min: least, max: 100 }).map((n) => n / 100)
const lifecycles = fc.record({
  openFor: fc.constantFrom(100, 1000),
  growth: fc.option(fc.record({ factor: fc.constantFrom(1, 2, 3), max: fc.constantFrom(1000, 5000) }), { nil: undefined }),
  halfOpenCalls: fc.integer({ min: 1, max: 5 }),
  successRatio: fc.oneof(fc.constant(undefined), percent(1)),
  probeLease: fc.constantFrom(50, 300),
  observe: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  disabled: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) })
})
const byCount = fc.integer({ min: 3, max: 10 }).map((calls) => ({ calls }))
const byTime = fc.constantFrom(200, 1000).map((millis) => ({ millis }))
const off = fc.constant(Infinity)
const few = fc.integer({ min: 1, max: 4 })
const sampled = (window: fc.Arbitrary<{ calls: number } | { millis: number }>, rate: fc.Arbitrary<number>, slowRate: fc.Arbitrary<number>) =>
  fc.record({ window, minimumCalls: fc.integer({ min: 1, max: 3 }), rate, slowRate, slowOver: slowRate === off ? off : fc.constantFrom(5, 60) })

const strategies: ReadonlyArray<[title: string, strategy: fc.Arbitrary<Pick<BreakerSettings, "failures" | "sampling">>]> = [
  ["failures in a row", fc.record({ failures: few, sampling: fc.constant(undefined) })],
  ["a rate over a count", fc.record({ failures: off, sampling: sampled(byCount, percent(20), off) })],
  ["a rate over a time", fc.record({ failures: off, sampling: sampled(byTime, percent(20), off) })],
  ["slow calls over a count", fc.record({ failures: off, sampling: sampled(byCount, off, percent(20)) })],
  ["slow calls over a time", fc.record({ failures: off, sampling: sampled(byTime, off, percent(20)) })],
  ["all of them at once", fc.record({ failures: few, sampling: sampled(fc.oneof(byCount, byTime), percent(30), percent(30)) })]
]

const commands = fc.array(fc.oneof(
  { weight: 9, arbitrary: fc.record({ do: fc.constant("call" as const) }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant("settle" as const), which: fc.nat(20), verdict: fc.constantFrom<Verdict>("success", "failure", "failure", "ignored") }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("wait" as const), for: fc.oneof(fc.constantFrom(1, 10, 50, 100), fc.integer({ min: 1, max: 1200 })) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restore" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("isolate" as const) }) }
), { maxLength: 80 })

describe("the breaker at work", () => {
  it.each(strategies)("does as its model does, whatever comes in whatever order: %s", (_, strategy) => {
    fc.assert(fc.property(strategy, lifecycles, commands, (strategy, lifecycle, commands) => {
      const settings: BreakerSettings = { ...lifecycle, ...strategy }
      const heard: Array<string> = []
      const breaker = new Breaker(settings, (from, to, reason) => heard.push(`${from.tag} ${to.tag} ${reason}`))
      const model = new Model(settings)
      const calls: Array<{ readonly ticket: Ticket; readonly call: Call }> = []
      let now = 0
      commands.forEach((one, id) => {
        assert.strictEqual(breaker.rejects(now), model.rejects(now))
        if (one.do === "wait") now += one.for
        else if (one.do === "isolate") {
          if (model.tag !== "isolated") model.go("isolated", "isolated")
          breaker.isolate()
        } else if (one.do === "restore") {
          model.go("closed", "restored")
          breaker.restore()
        } else if (one.do === "call") {
          const ticket: Ticket = { generation: -1, probe: 0 }
          const call = model.admit(now, id)
          assert.strictEqual(breaker.admit(ticket, now), call !== undefined)
          if (call !== undefined) calls.push({ ticket, call })
        } else if (calls.length > 0) {
          const [{ call, ticket }] = calls.splice(one.which % calls.length, 1) as [typeof calls[number]]
          breaker.settled(ticket, one.verdict, () => now)
          model.settle(now, call, one.verdict)
        }
        assert.deepStrictEqual([breaker.state.tag, breaker.retryAfter(now)], [model.tag, model.tag === "open" ? Math.max(0, model.until - now) : undefined])
        assert.deepStrictEqual([heard, breaker.wouldHaveRejected], [model.heard, model.spared])
      })
    }), { numRuns: 2000 })
  })
})

/** Calls that begin and end at once, and what has been heard. */
const driven = (changed: Partial<BreakerSettings> = {}) => {
  const heard: Array<string> = []
  const breaker = new Breaker({ ...settings, ...changed }, (from, to, reason) => heard.push(`${from.tag} ${to.tag} ${reason}`))
  const admit = (now: number): Ticket | undefined => {
    const ticket: Ticket = { generation: -1, probe: 0 }
    return breaker.admit(ticket, now) ? ticket : undefined
  }
  const call = (now: number, verdict: Verdict, took = 0): boolean => {
    const ticket = admit(now)
    if (ticket !== undefined) breaker.settled(ticket, verdict, () => now + took)
    return ticket !== undefined
  }
  return { admit, breaker, call, heard }
}
const slow = { window: { calls: 10 }, minimumCalls: 2, rate: Infinity, slowOver: 100, slowRate: 1 }

describe("a breaker", () => {
  it("says when to come back", () => {
    const { breaker, call } = driven({ failures: 1 })
    call(100, "failure")
    assert.deepStrictEqual([breaker.retryAfter(400), breaker.retryAfter(5000), breaker.rejects(1099), breaker.rejects(1100)], [700, 0, true, false])
    breaker.restore()
    assert.strictEqual(breaker.retryAfter(0), undefined)
  })

  it("tells of every change of state once, and why", () => {
    const { breaker, call, heard } = driven({ failures: 1, halfOpenCalls: 1 })
    call(0, "success")
    call(1, "failure")
    call(2, "success")
    call(1001, "failure")
    call(2001, "success")
    breaker.isolate()
    breaker.isolate()
    breaker.restore()
    breaker.restore()
    assert.deepStrictEqual(heard, [
      "closed open failures", "open half-open open-over", "half-open open probe-failed", "open half-open open-over", "half-open closed probes-succeeded",
      "closed isolated isolated", "isolated closed restored"
    ])
  })

  it("reads no clock for a success, nor for a failure that does not open it, where nothing is measured", () => {
    const { admit, breaker } = driven({ sampling: undefined })
    const clock = () => assert.fail("read")
    breaker.settled(admit(0)!, "success", clock)
    breaker.settled(admit(0)!, "failure", clock)
    breaker.settled(admit(0)!, "ignored", clock)
    const counted = driven({ failures: Infinity, sampling: { ...slow, slowOver: Infinity, slowRate: Infinity, rate: 1 } })
    counted.breaker.settled(counted.admit(0)!, "failure", clock)
    const told = driven({ failures: Infinity, sampling: slow })
    told.breaker.settled(told.admit(0)!, "failure", clock, 5)
  })

  it("needs the time of a call's beginning for slow calls only", () => {
    const rated = driven({ sampling: { ...slow, slowOver: Infinity, slowRate: Infinity, rate: 1 } })
    assert.deepStrictEqual([rated.breaker.timed, rated.admit(5)], [false, { generation: 0, probe: 0 }])
    const { admit, breaker } = driven({ sampling: slow })
    assert.deepStrictEqual([breaker.timed, admit(5)], [true, { generation: 0, probe: 0, startedAt: 5 }])
  })

  it("counts a call as slow whatever its outcome, beyond the limit and not at it", () => {
    for (const [took, expected] of [[100, "closed"], [101, "open"]] as const) {
      const { breaker, call } = driven({ failures: Infinity, sampling: slow })
      call(0, "success", took)
      call(0, "failure", took)
      assert.strictEqual(breaker.state.tag, expected)
    }
  })

  it("believes the duration that it is told rather than the clock", () => {
    const { admit, breaker } = driven({ failures: Infinity, sampling: slow })
    for (let n = 0; n < 2; n++) breaker.settled(admit(0)!, "success", () => 5, 101)
    assert.deepStrictEqual([breaker.state.tag, breaker.state.reason, breaker.retryAfter(5)], ["open", "slow", 1000])
  })

  it("counts no slow call that nobody knows the beginning of", () => {
    const { breaker } = driven({ failures: Infinity, sampling: slow })
    for (let n = 0; n < 5; n++) breaker.settled({ generation: 0, probe: 0 }, "success", () => 1e6)
    assert.strictEqual(breaker.state.tag, "closed")
  })

  it("takes a probe that is slow for a failed one, where slow calls open it", () => {
    for (const [took, expected] of [[100, "closed"], [101, "open"]] as const) {
      const { breaker, call } = driven({ failures: 1, halfOpenCalls: 1, sampling: slow })
      call(0, "failure")
      call(1000, "success", took)
      assert.strictEqual(breaker.state.tag, expected)
    }
  })

  it("grows with each failed try, and lasts the first time again once it was closed", () => {
    const { breaker, call } = driven({ failures: 1, halfOpenCalls: 1, growth: { factor: 2, max: 3000 } })
    const seen: Array<number | undefined> = []
    let now = 0
    for (const verdict of ["failure", "failure", "failure", "failure", "success", "failure", "failure"] as const) {
      call(now, verdict)
      seen.push(breaker.retryAfter(now))
      now += breaker.retryAfter(now) ?? 0
    }
    assert.deepStrictEqual(seen, [1000, 2000, 3000, 3000, undefined, 1000, 2000])
  })

  it("has nobody wait for a call that was admitted while it was isolated by who heard of it", () => {
    const breaker: Breaker = new Breaker({ ...settings, failures: 1 }, (_, to) => to.tag === "half-open" && breaker.isolate())
    const ticket: Ticket = { generation: 0, probe: 0 }
    breaker.settled(ticket, "failure", () => 0)
    assert.deepStrictEqual([breaker.admit(ticket, 1000), breaker.state.tag], [false, "isolated"])
    const freed: Breaker = new Breaker({ ...settings, failures: 1 }, (_, to) => to.tag === "half-open" && freed.restore())
    freed.settled({ generation: 0, probe: 0 }, "failure", () => 0)
    assert.deepStrictEqual([freed.admit(ticket, 1000), ticket.probe, freed.state.tag], [true, 0, "closed"])
    freed.settled(ticket, "failure", () => 1000)
    assert.strictEqual(freed.state.tag, "open")
  })
})

describe("a breaker that observes", () => {
  it("goes through all its states and rejects nothing, and says what it would have rejected", () => {
    const { admit, breaker, call, heard } = driven({ failures: 1, halfOpenCalls: 1, observe: true })
    call(0, "failure")
    assert.deepStrictEqual([call(1, "failure"), call(2, "success"), breaker.rejects(3), breaker.state.tag, breaker.retryAfter(2)], [true, true, false, "open", 998])
    const probe = admit(1000)!
    assert.deepStrictEqual([call(1000, "failure"), breaker.state.tag], [true, "half-open"])
    breaker.settled(probe, "success", () => 1001)
    assert.deepStrictEqual(heard, ["closed open failures", "open half-open open-over", "half-open closed probes-succeeded"])
    assert.strictEqual(breaker.wouldHaveRejected, 3)
  })

  it("takes a call that it only lets through for no probe, whatever its ticket was before", () => {
    const { admit, breaker, call } = driven({ failures: 1, halfOpenCalls: 1, observe: true })
    call(0, "failure")
    admit(1000)
    const ticket: Ticket = { generation: -1, probe: 1 }
    assert.isTrue(breaker.admit(ticket, 1000))
    breaker.settled(ticket, "success", () => 1000)
    assert.strictEqual(breaker.state.tag, "half-open")
  })

  it("still shuts what a person isolates", () => {
    const { breaker, call } = driven({ observe: true })
    breaker.isolate()
    assert.deepStrictEqual([call(0, "success"), breaker.rejects(0), breaker.wouldHaveRejected], [false, true, 0])
  })

  it("counts what a ramp-up would have held back", () => {
    const { breaker, call } = driven({ failures: 1, halfOpenCalls: 1, observe: true, rampUp: 1000 })
    call(0, "failure")
    call(1000, "success")
    assert.deepStrictEqual(Array.from({ length: 20 }, () => call(1000, "success")), Array<boolean>(20).fill(true))
    assert.strictEqual(breaker.wouldHaveRejected, 18)
  })

  it("rejects from the moment that it does not observe any more", () => {
    const { breaker, call } = driven({ failures: 1, observe: true })
    call(0, "failure")
    breaker.settings = { ...settings, observe: false }
    assert.deepStrictEqual([call(1, "success"), call(1000, "success")], [false, true])
  })
})

describe("a breaker that is disabled", () => {
  it("never opens, and lets everything through", () => {
    const { breaker, call } = driven({ failures: 1, disabled: true, rampUp: 1000, sampling: { ...slow, rate: 0.1, minimumCalls: 1 } })
    for (let n = 0; n < 50; n++) assert.isTrue(call(n, "failure", 1000))
    assert.deepStrictEqual([breaker.state.tag, breaker.gated, breaker.timed], ["closed", false, false])
    breaker.isolate()
    assert.isFalse(call(0, "success"))
    breaker.restore()
    assert.deepStrictEqual([call(0, "success"), breaker.gated], [true, false])
  })

  it("closes when it is told so while it is open, and counts from nothing when it works again", () => {
    const { breaker, call, heard } = driven({ failures: 2, rampUp: 1000 })
    call(0, "failure")
    call(0, "failure")
    breaker.settings = { ...settings, disabled: true }
    assert.deepStrictEqual([breaker.state.tag, call(0, "failure"), breaker.gated], ["closed", true, false])
    breaker.settings = settings
    call(0, "failure")
    assert.strictEqual(breaker.state.tag, "closed")
    breaker.settings = { ...settings, disabled: true }
    breaker.settings = settings
    call(0, "failure")
    assert.deepStrictEqual([breaker.state.tag, heard], ["closed", ["closed open failures", "open closed disabled"]])
    call(0, "failure")
    assert.strictEqual(breaker.state.tag, "open")
  })
})

describe("a breaker that lets the load come back bit by bit", () => {
  const closing = () => {
    const all = driven({ failures: 1, halfOpenCalls: 1, rampUp: 1000 })
    all.call(0, "failure")
    all.call(1000, "success")
    return all
  }
  const through = ({ call }: ReturnType<typeof driven>, now: number) => Array.from({ length: 100 }, () => call(now, "success")).filter(Boolean).length

  it("lets a tenth through at first, half of them half-way, all in the end, and is not asked any more then", () => {
    assert.strictEqual(through(closing(), 1000), 10)
    assert.strictEqual(through(closing(), 1500), 55)
    const all = closing()
    assert.deepStrictEqual([all.breaker.gated, through(all, 2000), all.breaker.gated], [true, 100, false])
  })

  it("says of none in advance that it is rejected", () => {
    const { breaker, call } = closing()
    assert.deepStrictEqual([call(1000, "success"), call(1000, "success"), breaker.rejects(1000)], [true, false, false])
  })

  it("opens again as any closed one does", () => {
    const { breaker, call } = closing()
    call(1000, "failure")
    assert.strictEqual(breaker.state.tag, "open")
  })

  it("does so after it was restored by hand too, from the first call on, and no more when restored once again", () => {
    const all = driven({ rampUp: 1000 })
    all.breaker.isolate()
    all.breaker.restore()
    assert.deepStrictEqual([all.breaker.gated, through(all, 50_000)], [true, 10])
    all.breaker.restore()
    assert.deepStrictEqual([all.breaker.gated, through(all, 50_000)], [false, 100])
  })

  it("begins with everything let through, and stops when the option goes or it is disabled", () => {
    assert.strictEqual(driven({ rampUp: 1000 }).breaker.gated, false)
    for (const changed of [settings, { ...settings, rampUp: 1000, disabled: true }]) {
      const { breaker } = closing()
      assert.strictEqual(breaker.gated, true)
      breaker.settings = changed
      assert.strictEqual(breaker.gated, false)
    }
  })
})

describe("new settings", () => {
  const rated = (sampling: Partial<NonNullable<BreakerSettings["sampling"]>>) =>
    ({ ...settings, failures: Infinity, sampling: { window: { calls: 10 }, minimumCalls: 4, rate: 0.5, slowOver: Infinity, slowRate: Infinity, ...sampling } })

  it("keep an open breaker open, for as long as it was to be", () => {
    const { breaker, call, heard } = driven({ failures: 1 })
    call(0, "failure")
    breaker.settings = { ...rated({}), openFor: 5000 }
    assert.deepStrictEqual([breaker.state.tag, breaker.retryAfter(0), heard.length], ["open", 1000, 1])
  })

  it("keep counts while the window's shape is as it was", () => {
    for (const [window, expected] of [[{ calls: 10 }, "open"], [{ calls: 11 }, "closed"], [{ millis: 1000 }, "closed"]] as const) {
      const { breaker, call } = driven(rated({ minimumCalls: 10 }))
      for (let n = 0; n < 3; n++) call(0, "failure")
      breaker.settings = rated({ window })
      call(0, "failure")
      assert.strictEqual(breaker.state.tag, expected)
    }
  })

  it("keep failures in a row", () => {
    const { breaker, call } = driven({ failures: 9 })
    call(0, "failure")
    call(0, "failure")
    breaker.settings = { ...settings, failures: 3 }
    call(0, "failure")
    assert.strictEqual(breaker.state.tag, "open")
  })

  it("count half-open calls anew when their number or ratio changes, and leave those at work their place", () => {
    const half = () => {
      const all = driven({ failures: 1, halfOpenCalls: 5 })
      all.call(0, "failure")
      for (let n = 0; n < 3; n++) all.call(1000, "success")
      return { ...all, probe: all.admit(1000)! }
    }
    const { admit, breaker, probe } = half()
    breaker.settings = { ...settings, halfOpenCalls: 2 }
    const second = admit(1000)!
    assert.deepStrictEqual([second.probe, admit(1000)], [5, undefined])
    breaker.settled(probe, "success", () => 1000)
    assert.strictEqual(breaker.state.tag, "half-open")
    breaker.settled(second, "success", () => 1000)
    assert.strictEqual(breaker.state.tag, "closed")
    const ratio = half()
    ratio.breaker.settings = { ...settings, halfOpenCalls: 5, successRatio: 0.2 }
    assert.strictEqual(ratio.breaker.state.tag, "half-open")
    ratio.breaker.settled(ratio.probe, "success", () => 1000)
    assert.strictEqual(ratio.breaker.state.tag, "closed")
    const same = half()
    const { state } = same.breaker
    same.breaker.settings = { ...settings, halfOpenCalls: 5, openFor: 7 }
    assert.strictEqual(same.breaker.state, state)
  })
})
