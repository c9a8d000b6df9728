import * as fc from "fast-check"
import { assert, describe, expect, it } from "vitest"
import { Reader } from "../../../src/core/options/reader.ts"
import { readThrottle, type ThrottleOptions } from "../../../src/core/options/throttle.ts"
import { Throttle } from "../../../src/core/limits/throttle.ts"

const settings = { k: 2, window: 1600, minimumCalls: 5 }
const never = () => assert.fail("no chance is taken where nothing is rejected")
const lucky = () => 0.999999

/** So many calls of which so many are refused, at one time. */
const filled = (calls: number, refused: number, now = 0, overrides = {}) => {
  const throttle = new Throttle({ ...settings, ...overrides })
  const tickets = Array.from({ length: calls }, () => throttle.admit(now, lucky))
  for (const ticket of tickets.slice(0, refused)) throttle.refused(ticket, now)
  return throttle
}

describe("the client's throttle", () => {
  it.each([
    ["nothing was refused", 100, 0, 2, 0], ["half was refused, which k = 2 bears", 100, 50, 2, 0], ["a little more was", 100, 51, 2, 2 / 101],
    ["all was", 100, 100, 2, 100 / 101], ["half was, with k = 1", 100, 50, 1, 50 / 101], ["a third was, with k = 1.5", 99, 33, 1.5, 0]
  ])("rejects as the book says when %s", (_, calls, refused, k, probability) => {
    assert.approximately(filled(calls, refused, 0, { k }).probability(0), probability, 1e-12)
  })

  it("rejects none of few calls", () => {
    assert.deepStrictEqual([filled(4, 4).probability(0), filled(5, 5).probability(0)], [0, 5 / 6])
    assert.isAtLeast(filled(4, 4).admit(0, never), 0)
  })

  it("rejects where chance is below the probability, and counts what it rejects as a request", () => {
    const throttle = filled(5, 5)
    assert.deepStrictEqual([throttle.admit(0, () => 5 / 6), throttle.probability(0)], [0, 4 / 7])
    assert.deepStrictEqual([throttle.admit(0, () => 4 / 7 - 1e-9), throttle.probability(0)], [-1, 5 / 8])
  })

  it("takes calls that run for accepted: a burst, or slow answers, are no overload", () => {
    const throttle = new Throttle(settings)
    for (let call = 0; call < 1000; call++) assert.strictEqual(throttle.admit(0, never), 0)
    assert.strictEqual(throttle.probability(0), 0)
  })

  it("forgets what has left the window, a slot after the other", () => {
    const throttle = filled(10, 10, 50)
    assert.deepStrictEqual([throttle.probability(1599), throttle.probability(1600)], [10 / 11, 0])
    const later = filled(10, 10, 150)
    assert.deepStrictEqual([later.probability(1699), later.probability(1700)], [10 / 11, 0])
  })

  it("takes a refusal back where the call began, and not at all once that has left the window", () => {
    const throttle = new Throttle(settings)
    const early = Array.from({ length: 10 }, () => throttle.admit(0, lucky))
    const tickets = Array.from({ length: 10 }, () => throttle.admit(100, lucky))
    for (const ticket of tickets) throttle.refused(ticket, 1600)
    for (const ticket of early) throttle.refused(ticket, 1600)
    assert.strictEqual(throttle.probability(1600), 10 / 11)
    assert.strictEqual(throttle.probability(1700), 0)
  })

  it("is as its model, whatever happens", () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant("call" as const), chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }) }),
      fc.record({ do: fc.constant("refuse" as const), which: fc.nat(50) }),
      fc.record({ do: fc.constant("pass" as const), millis: fc.oneof(fc.integer({ min: 0, max: 150 }), fc.constant(1500), fc.constant(1600), fc.constant(1e10)) })
    )
    fc.assert(fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const throttle = new Throttle(settings)
      const calls: Array<{ readonly slot: number; readonly ticket: number; accepted: boolean; settled: boolean }> = []
      let now = 0
      const probability = () => {
        const inWindow = calls.filter(({ slot }) => slot > Math.floor(now / 100) - 16)
        const accepts = inWindow.filter(({ accepted }) => accepted).length
        return inWindow.length < 5 ? 0 : Math.max(0, (inWindow.length - 2 * accepts) / (inWindow.length + 1))
      }
      for (const one of commands) {
        if (one.do === "pass") now += one.millis
        else if (one.do === "call") {
          const expected = probability()
          const ticket = throttle.admit(now, () => one.chance)
          assert.strictEqual(ticket < 0, one.chance < expected)
          calls.push({ slot: Math.floor(now / 100), ticket, accepted: ticket >= 0, settled: ticket < 0 })
        } else {
          const running = calls.filter(({ settled }) => !settled)
          const call = running[one.which % running.length]
          if (call === undefined) continue
          call.settled = true
          call.accepted = false
          throttle.refused(call.ticket, now)
        }
        assert.strictEqual(throttle.probability(now), probability())
      }
    }), { numRuns: 3000 })
  })

  it("sends a dependency that is down a call or two a window, and some five times more each window once it is well", () => {
    let seed = 1
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
    const throttle = new Throttle({ ...settings, window: 10_000 })
    const sent = (window: number, accepts: boolean) => {
      let count = 0
      for (let now = window * 10_000; now < (window + 1) * 10_000; now++) {
        const ticket = throttle.admit(now, random)
        if (ticket < 0) continue
        count++
        if (!accepts) throttle.refused(ticket, now)
      }
      return count
    }
    assert.strictEqual(sent(0, true), 10_000)
    sent(1, false)
    sent(2, false)
    assert.isAtMost(sent(3, false), 10)
    const recovering = Array.from({ length: 10 }, (_, window) => sent(4 + window, true))
    assert.deepStrictEqual(recovering, recovering.toSorted((a, b) => a - b))
    assert.strictEqual(recovering[9], 10_000)
    assert.isAtLeast(recovering.findIndex((count) => count > 5000), 4)
  })

  it("counts on when the clock leaps, in either direction", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom(0, 1, 99, -1, -100, -1599, -1e9, 1e9, 1e14), fc.boolean()), { maxLength: 60 }), (steps) => {
      const throttle = new Throttle(settings)
      let now = 1e15
      for (const [leap, refuse] of steps) {
        now = Math.max(0, now + leap)
        const ticket = throttle.admit(now, Math.random)
        if (refuse && ticket >= 0) throttle.refused(ticket, now)
        const probability = throttle.probability(now)
        assert.isTrue(probability >= 0 && probability < 1)
      }
      assert.strictEqual(throttle.probability(now + 3300), 0)
    }), { numRuns: 1000 })
    const throttle = filled(10, 10, 1e6)
    assert.strictEqual(throttle.probability(1e6 - 1500), 10 / 11) // a little earlier: it stands
    assert.strictEqual(throttle.probability(1e6), 10 / 11)
    assert.strictEqual(throttle.probability(1e6 - 1600), 0) // a window back: it begins anew
  })

  it("begins anew with another window, and keeps its counts otherwise", () => {
    const throttle = filled(10, 10)
    throttle.update({ ...settings, k: 3, minimumCalls: 11 })
    assert.strictEqual(throttle.probability(0), 0)
    throttle.update(settings)
    assert.strictEqual(throttle.probability(0), 10 / 11)
    throttle.update({ ...settings, window: 3200 })
    for (let call = 0; call < 10; call++) throttle.refused(throttle.admit(5000, lucky), 5000)
    assert.deepStrictEqual([throttle.probability(5000), throttle.probability(8199), throttle.probability(8200)], [10 / 11, 10 / 11, 0])
  })

  it("ignores a refusal of what it no longer counts", () => {
    const throttle = filled(10, 10)
    for (let again = 0; again < 20; again++) throttle.refused(0, 0)
    throttle.refused(17, 0)
    for (let call = 0; call < 10; call++) throttle.admit(0, lucky)
    assert.strictEqual(throttle.probability(0), 0)
    assert.strictEqual(filled(10, 0).probability(0), 0)
  })
})

describe("options of a throttle", () => {
  const read = (options: ThrottleOptions | Record<string, unknown>) => readThrottle(new Reader("payments"), options)
  it("have defaults", () => {
    assert.deepStrictEqual(read({}), { k: 2, window: 120_000, minimumCalls: 10 })
    assert.deepStrictEqual(read({ k: 1, window: "1 minute", minimumCalls: 0 }), { k: 1, window: 60_000, minimumCalls: 0 })
  })
  it.each([[{ k: 0.9 }, "k"], [{ k: Number.NaN }, "k"], [{ window: 0 }, "window"], [{ minimumCalls: -1 }, "minimumCalls"], [{ kk: 1 }, "kk"]])("%j are refused", (options, option) => {
    expect(() => read(options)).toThrow(expect.objectContaining({ _tag: "InvalidPolicyOption", option: `throttle.${option}` }))
  })
})

describe("a throttle whose clock leaps", () => {
  const counted = (throttle: Throttle, calls: number, now: number) => Array.from({ length: calls }, () => throttle.admit(now, lucky))

  it("takes no refusal for one of a later life", () => {
    const throttle = new Throttle({ ...settings, k: 1 })
    const [ahead] = counted(throttle, 1, 16_000)
    counted(throttle, 10, 0) // the same slot of the ring
    throttle.refused(ahead!, 0)
    assert.strictEqual(throttle.probability(0), 0)
    const early = counted(throttle, 1, 100)
    counted(throttle, 10, 1700)
    throttle.refused(early[0]!, 1700)
    assert.strictEqual(throttle.probability(1700), 0)
  })

  it("counts on from where it is, exactly a window back, and further", () => {
    for (const back of [1600, 1700]) {
      const throttle = filled(10, 10, 16_000)
      for (const ticket of counted(throttle, 10, 16_000 - back)) throttle.refused(ticket, 16_000 - back)
      assert.strictEqual(throttle.probability(16_000 - back), 10 / 11)
    }
  })

  it("has forgotten all that was accepted before", () => {
    const throttle = new Throttle({ ...settings, k: 1 })
    counted(throttle, 10, 0)
    for (const now of [1e6, 1e6 + 1600, 1e6 + 3100]) {
      counted(throttle, 10, now)
      assert.strictEqual(throttle.probability(now), 0)
    }
  })

  it("begins with nothing, at once, where its window is another", () => {
    const throttle = filled(10, 10)
    throttle.update({ ...settings, window: 3200 })
    assert.strictEqual(throttle.probability(0), 0)
    for (const ticket of counted(throttle, 5, 0)) throttle.refused(ticket, 0)
    assert.strictEqual(throttle.probability(0), 5 / 6)
  })
})
