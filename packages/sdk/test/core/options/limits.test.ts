import { assert, describe, it } from "vitest"
import { type RateLimitOptions, readRateLimit, readWeight } from "../../../src/core/options/rateLimit.ts"
import { Reader } from "../../../src/core/options/reader.ts"
import { readThrottle, type ThrottleOptions } from "../../../src/core/options/throttle.ts"
import { refused } from "./refused.ts"

const rateLimit = (options: unknown) => readRateLimit(new Reader("payments"), options as RateLimitOptions<unknown>)
const throttle = (options: unknown) => readThrottle(new Reader("payments"), options as ThrottleOptions<unknown>)

describe("the options of what limits a rate", () => {
  it.each<[option: string, read: (options: unknown) => unknown, options: unknown, message: string]>([
    ["rateLimit", rateLimit, 5, "an object of options"],
    ["rateLimit.per", rateLimit, { per: 1 }, "left out: the options are limit, window, algorithm, burst, queue, queueTimeout"],
    ["rateLimit.algorithm", rateLimit, { limit: 1, window: 1, algorithm: "leaky" }, "token-bucket, sliding-window"],
    ["rateLimit.limit", rateLimit, { limit: 0, window: 1 }, "a whole number from 1"],
    ["rateLimit.burst", rateLimit, { limit: 1, window: 1, burst: 0 }, "a whole number from 1"],
    ["rateLimit.burst", rateLimit, { limit: 1, window: 1, burst: 1, algorithm: "sliding-window" }, "left out: a sliding window lets the whole limit begin at one time"],
    ["rateLimit.queue", rateLimit, { limit: 1, window: 1, queue: -1 }, "a whole number from 0"],
    ["throttle", throttle, true, "an object of options"],
    ["throttle.factor", throttle, { factor: 2 }, "left out: the options are k, window, minimumCalls"],
    ["throttle.k", throttle, { k: 0.99 }, "a number from 1 to 1000"], ["throttle.k", throttle, { k: 1001 }, "a number from 1 to 1000"],
    ["throttle.minimumCalls", throttle, { minimumCalls: -1 }, "a whole number from 0"]
  ])("refuse %s", (option, read, options, message) => {
    const error = refused(() => read(options))
    assert.strictEqual(error.option, option)
    assert.include(error.message, message)
  })

  it("refuse a weight by its own name", () => {
    const settings = rateLimit({ limit: 9, window: 1, burst: 5 })
    assert.deepStrictEqual([readWeight("payments", 1, settings), readWeight("payments", 5, settings)], [1, 5])
    const { message, option, policy } = refused(() => readWeight("payments", 6, settings))
    assert.deepStrictEqual([policy, option, message], ["payments", "weight", "payments: weight is 6, but must be a whole number from 1 to 5, the most that the rate limit lets pass at one time"])
  })
})
