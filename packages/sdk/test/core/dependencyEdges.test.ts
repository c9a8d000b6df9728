import { assert, describe, it } from "vitest"
import { Dependency } from "../../src/core/dependency.ts"
import type { PolicyOptions } from "../../src/core/options.ts"
import { virtual } from "../support/virtual.ts"

const make = (options: PolicyOptions) => {
  const { port, timers } = virtual()
  return { dependency: new Dependency("x", options, timers), port, timers }
}

describe("the lanes of a policy", () => {
  it("are the same as long as its clock is", () => {
    const { dependency, timers } = make({ timeout: 10 })
    const before = dependency.currentLanes
    assert.strictEqual(dependency.lanesOn(timers), before)
  })

  it("are one more for a hedge whose delay is always the same", () => {
    const { dependency, timers } = make({ hedge: { delay: 10 } })
    assert.strictEqual(dependency.currentLanes.hedge, timers.lane(10))
    assert.isNull(make({}).dependency.currentLanes.hedge)
    assert.isNull(make({ hedge: { delay: { percentile: 0.9, initial: 10 } } }).dependency.currentLanes.hedge)
  })
})

describe("a dependency", () => {
  it("has no hedge to send, ever, where there is none", () => assert.strictEqual(make({}).dependency.hedgeDelay(0), Infinity))

  it("keeps what was measured within bounds that are other now", () => {
    const { dependency } = make({ bulkhead: { adaptive: { initial: 20 } } })
    dependency.update({ bulkhead: { adaptive: { min: 50 } } })
    assert.strictEqual(dependency.bulkhead!.settings.concurrency, 50)
    dependency.update({ bulkhead: { adaptive: { max: 7 } } })
    assert.strictEqual(dependency.bulkhead!.settings.concurrency, 7)
  })
})
