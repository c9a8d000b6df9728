import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Budget } from "../../src/core/budget.ts"

describe("the retry budget", () => {
  it("allows a share of the calls and some beside, over a sliding window", () => {
    const budget = new Budget({ ratio: 0.2, perSecond: 1, window: 10_000 })
    for (let call = 0; call < 100; call++) budget.called(0)
    const spent = (now: number) => {
      let count = 0
      while (budget.spend(now)) count++
      return count
    }
    assert.deepStrictEqual([spent(0), spent(5000), spent(10_500)], [30, 0, 10])
  })
  it("never allows more than its share, whenever it is asked", () => {
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
})
