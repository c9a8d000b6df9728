import { assert, describe, it } from "vitest"
import { Reader } from "../../../src/core/options/reader.ts"
import { readRetry, type RetryOptions, retryPresets } from "../../../src/core/options/retry.ts"
import { refused } from "./refused.ts"

const read = (options: unknown) => readRetry(new Reader("payments"), options as RetryOptions<unknown>)
const budget = { ratio: 0.2, perSecond: 1, window: 10_000 }
const defaults = { times: 2, base: 1000, max: 30_000, jitter: "equal", factor: 2, maxElapsed: Infinity, while: undefined, whileResult: undefined, budget } as const
const yes = () => true

describe("the options of a retry", () => {
  it.each<[title: string, options: RetryOptions, settings: ReturnType<typeof read>]>([
    ["the preset for an api", {}, defaults],
    ["all that can be said", {
      times: 0, base: 0, factor: 1, max: 0, jitter: "full", maxElapsed: "1 minute", while: yes, whileResult: yes, budget: { ratio: 0, perSecond: 0, window: "1 second" }
    }, { times: 0, base: 0, factor: 1, max: 0, jitter: "full", maxElapsed: 60_000, while: yes, whileResult: yes, budget: { ratio: 0, perSecond: 0, window: 1000 } }],
    ["the most of all", { factor: 1000, jitter: "decorrelated", budget: { ratio: 1000, perSecond: 1e9 } }, { ...defaults, factor: 1000, jitter: "decorrelated", budget: { ratio: 1000, perSecond: 1e9, window: 10_000 } }],
    ["no jitter and no budget", { jitter: "none", budget: false }, { ...defaults, jitter: "none", budget: undefined }],
    ["a longer first delay than any was to be", { base: "1 minute" }, { ...defaults, base: 60_000, max: 60_000 }],
    ["a short first delay, whose bound stays", { base: 10 }, { ...defaults, base: 10 }],
    ["a bound at the first delay", { base: 500, max: 500 }, { ...defaults, base: 500, max: 500 }]
  ])("are made whole: %s", (_, options, settings) => assert.deepStrictEqual(read(options), settings))

  it.each<[option: string, options: unknown, message: string]>([
    ["retry", 3, "an object of options, or false"],
    ["retry.tiems", { tiems: 3 }, "left out: the options are times, base, factor, max, jitter, maxElapsed, while, whileResult, budget"],
    ["retry.times", { times: -1 }, "a whole number from 0"],
    ["retry.base", { base: -1 }, "from zero"],
    ["retry.base", { base: 501, max: 500 }, "payments: retry.base is 501, but must be at most retry.max (500 ms)"],
    ["retry.base", { max: 999 }, "payments: retry.base is 1000, but must be at most retry.max (999 ms)"],
    ["retry.max", { max: "ever" }, "from zero"],
    ["retry.factor", { factor: 0.9 }, "a number from 1 to 1000"],
    ["retry.factor", { factor: 1001 }, "a number from 1 to 1000"],
    ["retry.jitter", { jitter: "some" }, "none, full, equal, decorrelated"],
    ["retry.maxElapsed", { maxElapsed: 0 }, "above zero"],
    ["retry.while", { while: true }, "a function"],
    ["retry.whileResult", { whileResult: true }, "a function"],
    ["retry.budget", { budget: 5 }, "an object of options, or false"],
    ["retry.budget.share", { budget: { share: 1 } }, "left out: the options are ratio, perSecond, window"],
    ["retry.budget.ratio", { budget: { ratio: -0.1 } }, "a number from 0 to 1000"],
    ["retry.budget.perSecond", { budget: { perSecond: 1e9 + 1 } }, "a number from 0 to 1000000000"],
    ["retry.budget.window", { budget: { window: 0 } }, "above zero"]
  ])("refuse %s in %j", (option, options, message) => {
    const error = refused(() => read(options))
    assert.strictEqual(error.option, option)
    assert.include(error.message, message)
  })

  it("have presets, each of which makes sense", () => {
    assert.deepStrictEqual(retryPresets, {
      database: { times: 2, base: 100, factor: 2, max: 2000, jitter: "equal" },
      api: { times: 2, base: 1000, factor: 2, max: 30_000, jitter: "equal" },
      task: { times: 12, base: 10_000, factor: 2, max: 600_000, jitter: "equal" }
    })
    for (const preset of Object.values(retryPresets)) assert.deepInclude(read(preset), preset)
  })
})
