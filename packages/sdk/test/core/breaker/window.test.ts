import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { tripped } from "../../../src/core/breaker/trips.ts"
import { CountWindow, sameShape, TimeWindow, type Window, windowOf } from "../../../src/core/breaker/window.ts"

interface Call { readonly failed: boolean; readonly slow: boolean; readonly wait: number }
const calls = fc.array(fc.record({
  failed: fc.boolean(), slow: fc.boolean(),
  wait: fc.oneof({ weight: 9, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.nat(3000) })
}), { maxLength: 120 })

const sums = ({ calls, failures, slow }: Pick<Window, "calls" | "failures" | "slow">) => ({ calls, failures, slow })
const count = (kept: ReadonlyArray<Call>) =>
  ({ calls: kept.length, failures: kept.filter(({ failed }) => failed).length, slow: kept.filter(({ slow }) => slow).length })

describe("a window", () => {
  it("of a count holds the last calls, whatever their number", () => {
    fc.assert(fc.property(calls, fc.integer({ min: 1, max: 30 }), (all, most) => {
      const window = new CountWindow(most)
      all.forEach((call, n) => {
        window.record(call.failed, call.slow)
        assert.deepStrictEqual(sums(window), count(all.slice(0, n + 1).slice(-most)))
      })
    }), { numRuns: 3000 })
  })

  it("of a time holds what began within its ten newest slots, whatever the pauses", () => {
    fc.assert(fc.property(calls, fc.integer({ min: 1, max: 60 }).map((n) => n * 10), (all, millis) => {
      const window = new TimeWindow(millis)
      const slotOf = (at: number) => Math.floor(at / (millis / 10))
      const kept: Array<Call & { readonly at: number }> = []
      let now = 5
      for (const call of all) {
        now += call.wait
        kept.push({ ...call, at: now })
        window.record(call.failed, call.slow, now)
        assert.deepStrictEqual(sums(window), count(kept.filter(({ at }) => slotOf(now) - slotOf(at) < 10)))
      }
    }), { numRuns: 3000 })
  })

  it.each<[title: string, window: Window]>([["of a count", new CountWindow(3)], ["of a time", new TimeWindow(1000)]])("%s counts anew when cleared", (_, window) => {
    for (let n = 0; n < 5; n++) window.record(true, true, n)
    window.clear()
    assert.deepStrictEqual(sums(window), { calls: 0, failures: 0, slow: 0 })
    window.record(false, true, 10)
    window.record(true, false, 20)
    assert.deepStrictEqual(sums(window), { calls: 2, failures: 1, slow: 1 })
    window.record(false, false, 1005)
    assert.deepStrictEqual(sums(window), window instanceof CountWindow ? { calls: 3, failures: 1, slow: 1 } : { calls: 1, failures: 0, slow: 0 })
  })

  it("of a time keeps a call for nine tenths of it at least, and never for longer than it", () => {
    const window = new TimeWindow(1000)
    window.record(true, false, 99)
    window.record(false, false, 999)
    assert.strictEqual(window.failures, 1)
    window.record(false, false, 1000)
    assert.deepStrictEqual(sums(window), { calls: 2, failures: 0, slow: 0 })
  })

  it("of a time puts what a clock that stands back brings into its newest slot", () => {
    const window = new TimeWindow(1000)
    window.record(false, false, 500)
    window.record(true, false, 400)
    window.record(false, false, 1450)
    assert.deepStrictEqual(sums(window), { calls: 3, failures: 1, slow: 0 })
  })

  it("is of the kind that its shape says", () => {
    assert.instanceOf(windowOf({ calls: 5 }), CountWindow)
    assert.instanceOf(windowOf({ millis: 5 }), TimeWindow)
    assert.deepStrictEqual([
      sameShape({ calls: 5 }, { calls: 5 }), sameShape({ calls: 5 }, { calls: 6 }), sameShape({ calls: 5 }, { millis: 5 }),
      sameShape({ millis: 5 }, { millis: 5 }), sameShape({ millis: 5 }, { millis: 6 }), sameShape({ millis: 5 }, { calls: 5 })
    ], [true, false, false, true, false, false])
  })
})

describe("a strategy", () => {
  const sampling = { window: { calls: 100 }, minimumCalls: 10, rate: 0.5, slowOver: 100, slowRate: 0.3 }
  const settings = { failures: 5, sampling, openFor: 1, halfOpenCalls: 1, probeLease: 1 }
  it.each<[title: string, inARow: number, window: { calls: number; failures: number; slow: number } | null, expected: string | undefined]>([
    ["does not trip one failure before its number", 4, null, undefined],
    ["trips at its number of failures in a row", 5, null, "failures"],
    ["does not trip on too few calls", 0, { calls: 9, failures: 9, slow: 9 }, undefined],
    ["trips at its rate when there are enough", 0, { calls: 10, failures: 5, slow: 0 }, "rate"],
    ["does not trip just below its rate", 0, { calls: 11, failures: 5, slow: 3 }, undefined],
    ["trips at its rate of slow calls", 0, { calls: 10, failures: 4, slow: 3 }, "slow"],
    ["counts 3 slow calls of 10 as 0.3 exactly, and 30 of 100 too", 0, { calls: 100, failures: 0, slow: 30 }, "slow"],
    ["does not trip just below its rate of slow calls", 0, { calls: 100, failures: 0, slow: 29 }, undefined],
    ["names failures in a row first", 5, { calls: 10, failures: 10, slow: 10 }, "failures"],
    ["names the rate of failures before that of slow calls", 0, { calls: 10, failures: 10, slow: 10 }, "rate"]
  ])("%s", (_, inARow, window, expected) => assert.strictEqual(tripped({ inARow, window }, settings), expected))

  it("counts every share to the last bit", () => {
    for (let calls = 1; calls <= 300; calls++) {
      const rate = 0.1
      for (const failures of [Math.floor(calls / 10), Math.ceil(calls / 10)]) {
        const shown = tripped({ inARow: 0, window: { calls, failures, slow: 0 } }, { ...settings, sampling: { ...sampling, minimumCalls: 1, rate } })
        assert.strictEqual(shown, failures * 10 >= calls ? "rate" : undefined, `${failures} of ${calls}`)
      }
    }
  })

  it("looks at no window where there is none", () => {
    assert.strictEqual(tripped({ inARow: 4, window: null }, settings), undefined)
    assert.strictEqual(tripped({ inARow: 4, window: { calls: 10, failures: 10, slow: 10 } }, { ...settings, sampling: undefined }), undefined)
  })
})
