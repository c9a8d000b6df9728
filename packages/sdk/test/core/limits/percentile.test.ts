import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Percentile } from "../../../src/core/limits/percentile.ts"

const settings = { window: 800, minimumSamples: 1 }

/** The nearest rank of what the window holds, sorted. */
const exact = (durations: ReadonlyArray<number>, q: number): number =>
  durations.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * durations.length - 1e-9)) - 1]!

const near = (actual: number | undefined, expected: number) =>
  assert.isTrue(Math.abs(actual! - expected) <= Math.max(expected / 64, 0.0005) + 1e-9, `${actual} is not near ${expected}`)

const duration = fc.oneof(
  fc.double({ min: 0, max: 0.1, noNaN: true }), fc.double({ min: 0, max: 50, noNaN: true }), fc.double({ min: 0, max: 2_000_000, noNaN: true }),
  fc.constantFrom(0, 0.001, 0.031, 0.032, 0.063, 0.064, 1, 1.024, 1000, 2_147_483)
)

describe("quantiles of durations", () => {
  it("are those of the exact durations in the window, by no more than the error it states", () => {
    const command = fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant("record" as const), duration }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), millis: fc.oneof(fc.integer({ min: 0, max: 150 }), fc.constantFrom(100, 700, 800, 1e9)) }) }
    )
    fc.assert(fc.property(fc.array(command, { maxLength: 80 }), fc.double({ min: 0, max: 1, noNaN: true }), (commands, q) => {
      const percentile = new Percentile(settings)
      const all: Array<{ readonly slot: number; readonly duration: number }> = []
      let now = 0
      for (const one of commands) {
        if (one.do === "pass") now += one.millis
        else {
          percentile.record(one.duration, now)
          all.push({ slot: Math.floor(now / 100), duration: one.duration })
        }
        const inWindow = all.filter(({ slot }) => slot > Math.floor(now / 100) - 8).map(({ duration }) => duration)
        const answer = percentile.quantile(q, now)
        assert.strictEqual(percentile.count, inWindow.length)
        if (inWindow.length === 0) assert.isUndefined(answer)
        else near(answer, exact(inWindow, q))
      }
    }), { numRuns: 3000 })
  })

  it("rise with the share that is asked for", () => {
    fc.assert(fc.property(fc.array(duration, { minLength: 1, maxLength: 50 }), fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (durations, shares) => {
      const percentile = new Percentile(settings)
      for (const one of durations) percentile.record(one, 0)
      const answers = shares.toSorted((a, b) => a - b).map((q) => percentile.quantile(q, 0)!)
      assert.deepStrictEqual(answers, answers.toSorted((a, b) => a - b))
    }))
  })

  it("are the nearest rank, exactly", () => {
    const percentile = new Percentile(settings)
    for (let n = 1; n <= 20; n++) percentile.record(n / 1000, 0)
    const micros = (q: number) => Math.floor(percentile.quantile(q, 0)! * 1000)
    assert.deepStrictEqual([0, 0.05, 0.051, 0.5, 0.501, 0.95, 0.951, 1].map(micros), [1, 1, 2, 10, 11, 19, 20, 20])
    assert.deepStrictEqual([-1, 2].map(micros), [1, 20])
    const hundred = new Percentile(settings)
    for (let n = 0; n < 100; n++) hundred.record(n < 7 ? 0.001 : 0.005, 0)
    assert.strictEqual(hundred.quantile(0.07, 0), 0.0015) // 0.07 * 100 is a little over 7
  })

  it("answer with the middle of a bucket", () => {
    const of = (value: number) => {
      const percentile = new Percentile(settings)
      percentile.record(value, 0)
      return percentile.quantile(0.5, 0)
    }
    assert.deepStrictEqual([0, 0.031, 0.032, 0.063, 0.064, 0.065, 0.066, 0.128].map(of), [0.0005, 0.0315, 0.0325, 0.0635, 0.065, 0.065, 0.067, 0.13])
  })

  it("are not given below the fewest samples", () => {
    const percentile = new Percentile({ window: 800, minimumSamples: 3 })
    const answers = [1, 1, 1].map((value) => {
      percentile.record(value, 0)
      return percentile.quantile(0.5, 0) !== undefined
    })
    assert.deepStrictEqual([answers, percentile.quantile(0.5, 799) !== undefined, percentile.quantile(0.5, 800)], [[false, false, true], true, undefined])
    assert.isUndefined(new Percentile({ window: 800, minimumSamples: 0 }).quantile(0.5, 0))
  })

  it("take what is no duration for the nearest that is one", () => {
    const percentile = new Percentile(settings)
    for (const odd of [Number.NaN, -5, -Infinity]) percentile.record(odd, 0)
    assert.strictEqual(percentile.quantile(1, 0), 0.0005)
    for (const huge of [Infinity, 1e300, 2_147_483.647, 2_147_483.648, 1e7]) {
      const long = new Percentile(settings)
      long.record(huge, 0)
      near(long.quantile(1, 0), 2 ** 31 / 1000)
    }
  })

  it("come to terms with a clock that leaps back, or is read a little early", () => {
    const percentile = new Percentile(settings)
    percentile.record(5, 1e6)
    percentile.record(7, 1e6 - 700)
    assert.strictEqual(percentile.count, 2)
    percentile.record(9, 1e6)
    assert.strictEqual(percentile.count, 3)
    percentile.record(3, 1e6 - 701)
    assert.deepStrictEqual([percentile.count, Math.round(percentile.quantile(1, 1e6 - 701)!)], [1, 3])
    percentile.record(4, 1e6 - 1)
    assert.strictEqual(percentile.count, 2)
  })

  it("begin anew with another window, and are kept otherwise", () => {
    const percentile = new Percentile(settings)
    percentile.record(5, 0)
    percentile.update({ window: 800, minimumSamples: 2 })
    assert.isUndefined(percentile.quantile(0.5, 0))
    percentile.update(settings)
    near(percentile.quantile(0.5, 0), 5)
    percentile.update({ window: 1600, minimumSamples: 1 })
    assert.strictEqual(percentile.count, 0)
    percentile.record(5, 0)
    assert.deepStrictEqual([percentile.quantile(0.5, 1599) !== undefined, percentile.quantile(0.5, 1600)], [true, undefined])
  })
})

describe("quantiles of a window that moves on", () => {
  it("are those of what it still holds, whatever it held before, over all sizes of durations", () => {
    const size = fc.integer({ min: 0, max: 2000 }).map((n) => 2 ** (n / 100) / 1000) // from a microsecond to 17 minutes, each size as likely
    const slot = fc.tuple(fc.array(size, { minLength: 1, maxLength: 12 }), fc.constantFrom(100, 100, 200, 300, 900))
    fc.assert(fc.property(fc.array(slot, { minLength: 2, maxLength: 30 }), fc.integer({ min: 0, max: 20 }), (runs, twentieth) => {
      const percentile = new Percentile(settings)
      let all: Array<{ readonly slot: number; readonly duration: number }> = []
      let now = 0
      for (const [durations, pass] of runs) {
        for (const one of durations) {
          percentile.record(one, now)
          all.push({ slot: now / 100, duration: one })
        }
        near(percentile.quantile(twentieth / 20, now), exact(all.map(({ duration }) => duration), twentieth / 20))
        now += pass
        all = all.filter(({ slot }) => slot > now / 100 - 8)
      }
    }), { numRuns: 500 })
  })

  it("take every duration that is too long for the longest", () => {
    for (const huge of [Infinity, 1e300, 2_147_483.647, 2_147_483.648, 2_147_483.649, 1e7]) {
      const long = new Percentile(settings)
      long.record(huge, 0)
      assert.strictEqual(long.quantile(1, 0), 2_130_706.432)
    }
  })
})
