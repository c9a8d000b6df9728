import { assert, describe, it } from "vitest"
import { InvalidPolicyOption } from "../../../src/core/errors.ts"
import { type BreakerOptions, readBreaker } from "../../../src/core/options/breaker.ts"
import { Reader } from "../../../src/core/options/reader.ts"

const read = (options: unknown) => readBreaker(new Reader("payments"), options as BreakerOptions<unknown>)
const defaults = {
  failures: 5, sampling: undefined, openFor: 60_000, growth: undefined, halfOpenCalls: 1, successRatio: 1, probeLease: 60_000,
  rampUp: undefined, observe: false, disabled: false, maxKeys: 1000
}
const sampling = { window: { millis: 10_000 }, minimumCalls: 20, rate: 0.5, slowOver: Infinity, slowRate: Infinity }

describe("a breaker's options", () => {
  it.each<[title: string, options: BreakerOptions, settings: object]>([
    ["five failures in a row, open for a minute, one probe", {}, defaults],
    ["all that can be said of its life", {
      failures: 1, openFor: "5 seconds", halfOpenCalls: 4, successRatio: 0.5, probeLease: 250, rampUp: "30 seconds", observe: true, disabled: true, maxKeys: 1
    }, {
      ...defaults, failures: 1, openFor: 5000, halfOpenCalls: 4, successRatio: 0.5, probeLease: 250, rampUp: 30_000, observe: true, disabled: true, maxKeys: 1
    }],
    ["a rate alone: no failures in a row, 10 seconds, 20 calls", { rate: 0.5 }, { ...defaults, failures: Infinity, sampling }],
    ["slow calls alone", { slow: { over: "2 seconds", rate: 1 } },
      { ...defaults, failures: Infinity, sampling: { ...sampling, rate: Infinity, slowOver: 2000, slowRate: 1 } }],
    ["all at once", { failures: 3, rate: 0.5, slow: { over: 1, rate: 0.1 }, window: "1 minute", minimumCalls: 1 },
      { ...defaults, failures: 3, sampling: { window: { millis: 60_000 }, minimumCalls: 1, rate: 0.5, slowOver: 1, slowRate: 0.1 } }],
    ["a window of calls", { rate: 0.5, window: { calls: 100 } }, { ...defaults, failures: Infinity, sampling: { ...sampling, window: { calls: 100 } } }],
    ["a window of few calls, all of which it needs", { rate: 0.5, window: { calls: 8 } },
      { ...defaults, failures: Infinity, sampling: { ...sampling, window: { calls: 8 }, minimumCalls: 8 } }],
    ["a window of the most calls, and all of them", { rate: 1, window: { calls: 100_000 }, minimumCalls: 100_000 },
      { ...defaults, failures: Infinity, sampling: { ...sampling, rate: 1, window: { calls: 100_000 }, minimumCalls: 100_000 } }],
    ["an opening that doubles up to ten minutes", { openFor: { base: "10 seconds" } },
      { ...defaults, openFor: 10_000, growth: { factor: 2, max: 600_000 }, probeLease: 10_000 }],
    ["an opening that is longer than that already", { openFor: { base: "1 hour" } },
      { ...defaults, openFor: 3_600_000, growth: { factor: 2, max: 3_600_000 }, probeLease: 3_600_000 }],
    ["an opening that grows as it is told", { openFor: { base: 100, factor: 1.5, max: 100 } },
      { ...defaults, openFor: 100, growth: { factor: 1.5, max: 100 }, probeLease: 100 }]
  ])("are made whole: %s", (_, options, settings) => assert.deepStrictEqual(read(options), settings as ReturnType<typeof read>))

  it.each<[option: string, options: unknown, message: string]>([
    ["breaker", [], "an object of options, or false"],
    ["breaker.error", { error: 1 }, "left out"],
    ["breaker.failures", { failures: 0 }, "a whole number from 1"],
    ["breaker.failures", { failures: 1.5 }, "a whole number from 1"],
    ["breaker.rate", { rate: 0 }, "a share: above 0 and at most 1"],
    ["breaker.rate", { rate: 1.01 }, "a share"],
    ["breaker.rate", { rate: Number.NaN }, "a share"],
    ["breaker.rate", { rate: "0.5" }, "a share"],
    ["breaker.slow", { slow: 5 }, "an object of options"],
    ["breaker.slow.above", { slow: { above: 5, rate: 1 } }, "left out"],
    ["breaker.slow.over", { slow: { rate: 1 } }, "milliseconds"],
    ["breaker.slow.rate", { slow: { over: 1 } }, "a share"],
    ["breaker.window", { window: 5 }, "left out: it is for rate and slow"],
    ["breaker.minimumCalls", { minimumCalls: 5 }, "left out: it is for rate and slow"],
    ["breaker.window", { rate: 1, window: 0 }, "above zero"],
    ["breaker.window", { rate: 1, window: {} }, "milliseconds"],
    ["breaker.window.calls", { rate: 1, window: { calls: 0 } }, "a whole number from 1"],
    ["breaker.window.calls", { rate: 1, window: { calls: 100_001 } }, "a whole number from 1 to 100000"],
    ["breaker.window.millis", { rate: 1, window: { calls: 1, millis: 1 } }, "left out"],
    ["breaker.minimumCalls", { rate: 1, minimumCalls: 0 }, "a whole number from 1"],
    ["breaker.minimumCalls", { rate: 1, minimumCalls: 9, window: { calls: 8 } }, "at most breaker.window.calls (8)"],
    ["breaker.openFor", { openFor: 0 }, "above zero"],
    ["breaker.openFor", { openFor: 2 ** 31 }, "at most 24 days"],
    ["breaker.openFor", { openFor: { factor: 2 } }, "milliseconds or a duration"],
    ["breaker.openFor.most", { openFor: { base: 1, most: 2 } }, "left out"],
    ["breaker.openFor.base", { openFor: { base: "soon" } }, "milliseconds"],
    ["breaker.openFor.base", { openFor: { base: 101, max: 100 } }, "breaker.openFor.base is 101, but must be at most breaker.openFor.max (100 ms)"],
    ["breaker.openFor.factor", { openFor: { base: 1, factor: 0.9 } }, "a number from 1 to 1000"],
    ["breaker.openFor.max", { openFor: { base: 1, max: Infinity } }, "at most 24 days"],
    ["breaker.halfOpenCalls", { halfOpenCalls: 0 }, "a whole number from 1"],
    ["breaker.successRatio", { successRatio: 0 }, "a share"],
    ["breaker.probeLease", { probeLease: 0 }, "above zero"],
    ["breaker.rampUp", { rampUp: "0 seconds" }, "above zero"],
    ["breaker.observe", { observe: "yes" }, "true or false"],
    ["breaker.disabled", { disabled: 1 }, "true or false"],
    ["breaker.maxKeys", { maxKeys: 0 }, "a whole number from 1"]
  ])("refuse %s in %j", (option, options, message) => {
    const refused = (() => {
      try {
        return read(options)
      } catch (error) {
        return error
      }
    })()
    assert.instanceOf(refused, InvalidPolicyOption)
    assert.strictEqual(refused.option, option)
    assert.include(refused.message, message)
  })
})
