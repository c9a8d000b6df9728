import { assert, describe, it } from "vitest"
import { counters, noStatistics, ratesOf } from "../../../src/core/events/statistics.ts"

describe("the statistics of a dependency", () => {
  it("begin at nothing, and count all but what is at work now", () => {
    const statistics = noStatistics()
    assert.isTrue(Object.values(statistics).every((count) => count === 0))
    assert.sameMembers([...counters, "running", "abandoned"], Object.keys(statistics))
  })

  it("have shares of what has ended, and none of nothing", () => {
    const rates = (some: object) => ratesOf({ ...noStatistics(), calls: 99, retried: 99, ...some })
    assert.deepStrictEqual(rates({}), { successRate: undefined, retrySuccessRate: undefined })
    assert.deepStrictEqual(rates({ successes: 3, failures: 1, recovered: 1, exhausted: 4 }), { successRate: 0.75, retrySuccessRate: 0.2 })
    assert.deepStrictEqual(rates({ failures: 1, exhausted: 1 }), { successRate: 0, retrySuccessRate: 0 })
    assert.deepStrictEqual(rates({ successes: 1, recovered: 1 }), { successRate: 1, retrySuccessRate: 1 })
  })
})
