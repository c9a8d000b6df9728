import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Budget, type BudgetSettings } from "../../../src/core/retry/budget.ts"

/** How many retries it gives now. */
const spendAll = (budget: Budget, now: number): number => {
  let count = 0
  while (count < 1000 && budget.spend(now)) count++
  return count
}

const called = (budget: Budget, times: number, now: number): void => {
  for (let call = 0; call < times; call++) budget.called(now)
}

describe("the retry budget", () => {
  it("allows a share of the calls and some beside, over a sliding window", () => {
    const budget = new Budget({ ratio: 0.2, perSecond: 1, window: 10_000 })
    called(budget, 100, 0)
    assert.deepStrictEqual([spendAll(budget, 0), spendAll(budget, 5000), spendAll(budget, 10_500)], [30, 0, 10])
  })

  it("gives whole retries only", () => {
    const budget = new Budget({ ratio: 0.5, perSecond: 0, window: 1000 })
    budget.called(0)
    assert.isFalse(budget.spend(0), "half a retry is none")
    budget.called(0)
    assert.deepStrictEqual([budget.spend(0), budget.spend(0)], [true, false])
  })

  it("of nothing beside gives nothing without calls; of no share what is beside", () => {
    assert.strictEqual(spendAll(new Budget({ ratio: 1, perSecond: 0, window: 1000 }), 0), 0)
    const beside = new Budget({ ratio: 0, perSecond: 2, window: 3000 })
    called(beside, 100, 0)
    assert.strictEqual(spendAll(beside, 0), 6)
  })

  it.each([[999, 0], [1000, 3]])("counts a call of the first tenth until the window is over: %d ms later %d are free", (later, free) => {
    const budget = new Budget({ ratio: 0, perSecond: 3, window: 1000 })
    assert.deepStrictEqual([spendAll(budget, 0), spendAll(budget, later)], [3, free])
  })

  it.each([[1099, 0], [1100, 3]])("counts a tenth as a whole: %d ms after the second began %d are free", (at, free) => {
    const budget = new Budget({ ratio: 0, perSecond: 3, window: 1000 })
    assert.deepStrictEqual([spendAll(budget, 199), spendAll(budget, at)], [3, free])
  })

  it("refills after hours of rest, and is not richer for them", () => {
    const budget = new Budget({ ratio: 0.5, perSecond: 1, window: 10_000 })
    called(budget, 100, 0)
    assert.strictEqual(spendAll(budget, 0), 60)
    assert.strictEqual(spendAll(budget, 5 * 3_600_000), 10)
    called(budget, 2, 5 * 3_600_000)
    assert.strictEqual(spendAll(budget, 5 * 3_600_000), 1)
  })

  it("refills as often as it is emptied", () => {
    const budget = new Budget({ ratio: 0, perSecond: 1, window: 10_000 })
    assert.deepStrictEqual(Array.from({ length: 50 }, (_, round) => spendAll(budget, round * 10_000)), Array.from({ length: 50 }, () => 10))
  })

  it("begins anywhere on the clock", () => {
    const budget = new Budget({ ratio: 0.5, perSecond: 0, window: 10_000 })
    called(budget, 10, 1.7e12)
    assert.deepStrictEqual([spendAll(budget, 1.7e12), spendAll(budget, 1.7e12 + 9999)], [5, 0])
  })

  it("counts what comes with a moment of before among the newest", () => {
    const ofRetries = new Budget({ ratio: 0, perSecond: 3, window: 1000 })
    ofRetries.spend(100)
    ofRetries.spend(99)
    const ofCalls = new Budget({ ratio: 1, perSecond: 0, window: 1000 })
    ofCalls.called(100)
    ofCalls.called(99)
    assert.deepStrictEqual([spendAll(ofRetries, 1000), spendAll(ofRetries, 1100), spendAll(ofCalls, 1000), spendAll(ofCalls, 1100)], [1, 2, 2, 0])
  })

  it("takes a retry for good: calls that come later give no more than their share", () => {
    const budget = new Budget({ ratio: 1, perSecond: 0, window: 1000 })
    called(budget, 3, 0)
    assert.strictEqual(spendAll(budget, 0), 3)
    called(budget, 2, 500)
    assert.strictEqual(spendAll(budget, 500), 2)
  })
})

describe("the retry budget, whatever happens whenever", () => {
  /** In tenths of the window. */
  const wait = fc.oneof(
    fc.constantFrom(0, 1 / 64, 1 / 2, 63 / 64, 1, 65 / 64, 9, 10 - 1 / 64, 10, 10 + 1 / 64, 50, 10 ** 6), fc.double({ min: 0, max: 3, noNaN: true }).map(Math.fround))
  const command = fc.oneof(
    fc.record({ do: fc.constant("call" as const), times: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant("spend" as const), times: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant("wait" as const), tenths: wait })
  )
  /** Dyadic, so that sums are exact. */
  const settings = fc.record({ ratio: fc.constantFrom(0, 0.25, 0.5, 1, 2), perSecond: fc.constantFrom(0, 1, 2.5), window: fc.constantFrom(2.5, 10, 1280) })

  /** The moments of all calls and retries; what is in the window is counted when it is asked for. */
  class Model {
    readonly calls: Array<number> = []
    readonly retries: Array<number> = []
    readonly settings: BudgetSettings

    constructor(settings: BudgetSettings) {
      this.settings = settings
    }

    spend(now: number): boolean {
      const { perSecond, ratio, window } = this.settings
      const begins = Math.floor(now / (window / 10)) - 9
      const recent = (moments: ReadonlyArray<number>) => moments.filter((at) => Math.floor(at / (window / 10)) >= begins).length
      const allowed = recent(this.calls) * ratio + perSecond * window / 1000
      const free = Math.floor(allowed) - recent(this.retries)
      if (free > 0) this.retries.push(now)
      return free > 0
    }
  }

  it("never allows more than its share of all calls", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3000 })), { maxLength: 300 }), (events) => {
      const budget = new Budget({ ratio: 0.5, perSecond: 0, window: 10_000 })
      let now = 0, calls = 0, retries = 0
      for (const [isCall, wait] of events) {
        now += wait
        if (isCall) {
          budget.called(now)
          calls++
        } else if (budget.spend(now)) retries++
        assert.isAtMost(retries, calls * 0.5)
      }
    }))
  })

  it("does as the list of all that happened does", () => {
    fc.assert(fc.property(settings, fc.constantFrom(0, 64, 128, 2 ** 30), fc.array(command, { maxLength: 60 }), (settings, start, commands) => {
      const budget = new Budget(settings)
      const model = new Model(settings)
      let now = start
      for (const one of commands) {
        if (one.do === "wait") now += one.tenths * settings.window / 10
        else if (one.do === "call") {
          called(budget, one.times, now)
          for (let call = 0; call < one.times; call++) model.calls.push(now)
        } else for (let n = 0; n < one.times; n++) assert.strictEqual(budget.spend(now), model.spend(now))
      }
    }), { numRuns: 3000 })
  })
})
