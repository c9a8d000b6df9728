import { assert, describe, it } from "vitest"
import { type HedgeOptions, readHedge } from "../../../src/core/options/hedge.ts"
import { Reader } from "../../../src/core/options/reader.ts"
import { refused } from "./refused.ts"

const read = (options: unknown) => readHedge(new Reader("payments"), options as HedgeOptions<unknown>)
const measured = { percentile: 0.95, min: 1, window: 60_000, minimumSamples: 100 }

describe("the options of a hedge", () => {
  it.each<[title: string, options: HedgeOptions, settings: ReturnType<typeof read>]>([
    ["a delay", { delay: "50 millis" }, { times: 1, delay: 50, measured: undefined }],
    ["several, a delay apart", { delay: 50, times: 3 }, { times: 3, delay: 50, measured: undefined }],
    ["a measured delay", { delay: { percentile: 0.95, initial: 500 } }, { times: 1, delay: 500, measured }],
    ["all of a measured delay", { times: 2, delay: { percentile: 0.01, initial: 500, min: 20, window: "5 seconds", minimumCalls: 1 } },
      { times: 2, delay: 500, measured: { percentile: 0.01, min: 20, window: 5000, minimumSamples: 1 } }],
    ["the highest percentile", { delay: { percentile: 0.9999, initial: 500 } }, { times: 1, delay: 500, measured: { ...measured, percentile: 0.9999 } }]
  ])("are made whole: %s", (_, options, settings) => assert.deepStrictEqual(read(options), settings))

  it.each<[option: string, options: unknown, message: string]>([
    ["hedge.delay", {}, "milliseconds"], ["hedge.delay", { delay: 0 }, "above zero"], ["hedge.delay", { delay: null }, "milliseconds"],
    ["hedge.delay", { delay: { initial: 5 } }, "milliseconds"], ["hedge.times", { delay: 1, times: 0 }, "a whole number from 1"],
    ["hedge.after", { delay: 1, after: 1 }, "left out: the options are delay, times"],
    ["hedge.delay.initial", { delay: { percentile: 0.9 } }, "milliseconds"], ["hedge.delay.percentile", { delay: { percentile: 0, initial: 1 } }, "a number from 0.01 to 0.9999"],
    ["hedge.delay.percentile", { delay: { percentile: 1, initial: 1 } }, "a number from 0.01 to 0.9999"], ["hedge.delay.min", { delay: { percentile: 0.9, initial: 1, min: 0 } }, "above zero"],
    ["hedge.delay.window", { delay: { percentile: 0.9, initial: 1, window: -1 } }, "above zero"],
    ["hedge.delay.minimumCalls", { delay: { percentile: 0.9, initial: 1, minimumCalls: 0 } }, "a whole number from 1"],
    ["hedge.delay.max", { delay: { percentile: 0.9, initial: 1, max: 5 } }, "left out: the options are percentile, initial, min, window, minimumCalls"]
  ])("refuse %s in %j", (option, options, message) => {
    const error = refused(() => read(options))
    assert.strictEqual(error.option, option)
    assert.include(error.message, message)
  })
})
