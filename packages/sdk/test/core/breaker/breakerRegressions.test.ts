/** What breakers elsewhere got wrong: each was a bug that somebody met in production, or that was measured. */
import { assert, describe, it } from "vitest"
import { Breaker, type BreakerSettings, type Ticket, type Verdict } from "../../../src/core/breaker/breaker.ts"
import { openTime } from "../../../src/core/breaker/settings.ts"
import { CountWindow, TimeWindow } from "../../../src/core/breaker/window.ts"

const settings: BreakerSettings = { failures: 1, openFor: 1000, halfOpenCalls: 1, probeLease: 300 }
const rate = { window: { millis: 10_000 }, minimumCalls: 2, rate: 0.5, slowOver: Infinity, slowRate: Infinity }

const make = (changed: Partial<BreakerSettings> = {}) => {
  const breaker = new Breaker({ ...settings, ...changed }, () => {})
  const admit = (now: number): Ticket | undefined => {
    const ticket: Ticket = { generation: -1, probe: 0 }
    return breaker.admit(ticket, now) ? ticket : undefined
  }
  const settle = (ticket: Ticket | undefined, verdict: Verdict, now: number) => ticket !== undefined && breaker.settled(ticket, verdict, () => now)
  const call = (now: number, verdict: Verdict) => settle(admit(now), verdict, now)
  return { admit, breaker, call, settle }
}

describe("unlike breakers elsewhere, ours", () => {
  it("is not closed by a late success while half-open (opossum, Cockatiel, Polly, resilience4j, Failsafe)", () => {
    const { admit, breaker, call, settle } = make()
    const old = admit(0)
    call(0, "failure")
    admit(1000)
    settle(old, "success", 1001)
    assert.strictEqual(breaker.state.tag, "half-open")
  })

  it("is not opened again by a late failure while half-open (opossum, Cockatiel, Polly, resilience4j, Failsafe)", () => {
    const { admit, breaker, call, settle } = make()
    const old = admit(0)
    call(0, "failure")
    const probe = admit(1000)
    settle(old, "failure", 1001)
    settle(probe, "success", 1002)
    assert.strictEqual(breaker.state.tag, "closed")
    settle(old, "failure", 1003)
    assert.strictEqual(breaker.state.tag, "closed")
  })

  it("is not closed by a probe that was cancelled, and lets another try (Cockatiel and Polly close)", () => {
    const { admit, breaker, call, settle } = make()
    call(0, "failure")
    const probe = admit(1000)
    assert.isTrue(breaker.rejects(1000))
    settle(probe, "ignored", 1001)
    assert.deepStrictEqual([breaker.state.tag, breaker.rejects(1001)], ["half-open", false])
  })

  it("is not wedged by a probe that never settles (opossum, Cockatiel, Polly #1979, Effect's memory store)", () => {
    const { admit, breaker, call, settle } = make()
    call(0, "failure")
    const hung = admit(1000)
    assert.deepStrictEqual([admit(1299), breaker.rejects(1299)], [undefined, true])
    const second = admit(1300)
    settle(hung, "success", 1301)
    assert.strictEqual(breaker.state.tag, "half-open")
    settle(second, "success", 1302)
    assert.strictEqual(breaker.state.tag, "closed")
  })

  it.each([1, 3])("lets exactly %i through at once when it becomes half-open, not a burst (resilience4j #1432, opossum #119)", (halfOpenCalls) => {
    const { admit, call } = make({ halfOpenCalls })
    call(0, "failure")
    assert.lengthOf(Array.from({ length: 100 }, () => admit(1000)).filter((ticket) => ticket !== undefined), halfOpenCalls)
  })

  it("becomes half-open in its time though more of what was at work fails after it opened (opossum #385)", () => {
    const { admit, breaker, settle } = make({ failures: 5 })
    const calls = Array.from({ length: 10 }, () => admit(0))
    calls.forEach((ticket, n) => settle(ticket, "failure", n))
    assert.deepStrictEqual([breaker.retryAfter(10), breaker.rejects(1003), breaker.rejects(1004)], [994, true, false])
  })

  it("finds out that an opening ended long ago without growing the stack (resilience4j #2038)", () => {
    const { admit, breaker, call, settle } = make()
    for (let n = 0; n < 20_000; n++) {
      call(n * 5000, "failure")
      settle(admit(n * 5000 + 1000), "success", n * 5000 + 1000)
    }
    assert.deepStrictEqual([breaker.state.tag, breaker.state.generation], ["closed", 60_000])
  })

  it("never waits for a time that is no number, below zero or without end, however often it reopens (Cockatiel #86, Polly #2163)", () => {
    for (const factor of [1, 1.5, 1000]) {
      const growing = { ...settings, growth: { factor, max: 600_000 } }
      for (const reopenings of [0, 1, 100, 1e4, Number.MAX_SAFE_INTEGER]) {
        const time = openTime(growing, reopenings)
        assert.isTrue(time >= 1000 && time <= 600_000, `${factor} ${reopenings}: ${time}`)
      }
    }
  })

  it("goes on with the rest of an opening that began in another life (opossum counts from its own start)", () => {
    const { breaker } = make()
    breaker.hydrate({ state: "open", openLeft: 400, reopenings: 0 }, 9000)
    assert.deepStrictEqual([breaker.rejects(9399), breaker.rejects(9400)], [true, false])
  })

  it("is not diluted by what it rejected itself: nothing but results counts (opossum: 91 % failures, and closed)", () => {
    const { admit, breaker, settle } = make({ failures: Infinity, sampling: { ...rate, minimumCalls: 10, rate: 1 }, rampUp: 100_000 })
    breaker.isolate()
    breaker.restore()
    const through = Array.from({ length: 91 }, () => admit(0)).filter((ticket) => ticket !== undefined)
    assert.lengthOf(through, 10)
    for (const ticket of through) {
      assert.strictEqual(breaker.state.tag, "closed")
      settle(ticket, "failure", 1)
    }
    assert.strictEqual(breaker.state.tag, "open")
  })

  it("is not moved by what says nothing of the dependency, such as a caller that left (Polly #3086)", () => {
    const { breaker, call } = make({ failures: 2, sampling: { ...rate, rate: 1 } })
    call(0, "failure")
    for (let n = 0; n < 50; n++) call(0, "ignored")
    assert.strictEqual(breaker.state.tag, "closed")
    call(0, "failure")
    assert.strictEqual(breaker.state.tag, "open")
  })

  it("has forgotten its window after an idle hour (Cockatiel keeps 6 samples of it)", () => {
    const window = new TimeWindow(10_000)
    for (let n = 0; n < 5; n++) window.record(true, true, n)
    window.record(false, false, 3_600_000)
    assert.deepStrictEqual([window.calls, window.failures, window.slow], [1, 0, 0])
  })

  it("holds as much after a million calls as after one (opossum keeps every latency of a bucket)", () => {
    const size = (window: object) => Object.values(window).reduce((sum: number, part: unknown) => sum + (ArrayBuffer.isView(part) ? part.byteLength : 0), 0)
    const windows = [new TimeWindow(1000), new CountWindow(100)]
    for (let n = 0; n < 1_000_000; n++) for (const window of windows) window.record(n % 2 === 0, false, n)
    assert.deepStrictEqual(windows.map(size), [120, 100])
  })
})
