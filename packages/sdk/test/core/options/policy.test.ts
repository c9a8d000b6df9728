import { assert, describe, it } from "vitest"
import { apiDefaults, type PolicyOptions, readOptions } from "../../../src/core/options.ts"
import { refused } from "./refused.ts"

const off = {
  timeout: Infinity, attemptTimeout: Infinity, retry: undefined, hedge: undefined, breaker: undefined, sharing: undefined, rateLimit: undefined, bulkhead: undefined, throttle: undefined,
  cache: { maxEntries: 1000, store: undefined, storeTimeout: 250 }, classify: undefined, criticality: "degrades"
} as const

describe("a policy", () => {
  it("has nothing unless it is said, and nothing of what is false", () => {
    assert.deepStrictEqual(readOptions("x", {}), off)
    const said = { timeout: false, attemptTimeout: false, retry: false, hedge: false, breaker: false, rateLimit: false, bulkhead: false, throttle: false } as const
    assert.deepStrictEqual(readOptions("x", said), off)
  })

  it("has each part that is said", () => {
    const classify = () => undefined
    const settings = readOptions("x", {
      timeout: 1, attemptTimeout: 2, retry: { times: 3 }, hedge: { delay: 4 }, breaker: { failures: 5 }, rateLimit: { limit: 6, window: 1 }, bulkhead: { concurrency: 7 },
      throttle: { k: 8 }, cache: { maxEntries: 9 }, classify, criticality: "critical"
    })
    const { attemptTimeout, breaker, bulkhead, cache, hedge, rateLimit, retry, throttle, timeout } = settings
    assert.deepStrictEqual([timeout, attemptTimeout, retry!.times, hedge!.delay, breaker!.failures, rateLimit!.limit, bulkhead!.concurrency, throttle!.k, cache.maxEntries], [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.deepStrictEqual([settings.classify, settings.criticality, readOptions("x", { criticality: "ignored" }).criticality], [classify, "critical", "ignored"])
  })

  it("reads every part with the durations of its face", () => {
    const settings = readOptions("x", { timeout: "a", hedge: { delay: "ab" } }, (duration) => String(duration).length)
    assert.deepStrictEqual([settings.timeout, settings.hedge!.delay], [1, 2])
  })

  it.each<[option: string, name: unknown, options: unknown, message: string]>([
    ["name", "", {}, "a name that is not empty"], ["name", " ", {}, "a name that is not empty"], ["name", 5, {}, "a name that is not empty"], ["name", undefined, {}, "a name that is not empty"],
    ["options", "x", null, "an object of options, or false"],
    ["tiemout", "x", { tiemout: 1 }, "left out: the options are timeout, attemptTimeout, retry, hedge, breaker, rateLimit, bulkhead, cache, throttle, classify, criticality"],
    ["timeout", "x", { timeout: 0 }, "above zero"], ["attemptTimeout", "x", { attemptTimeout: 0 }, "above zero"], ["classify", "x", { classify: 1 }, "a function"],
    ["criticality", "x", { criticality: "very" }, "critical, degrades, ignored"], ["cache", "x", { cache: false }, "an object of options"]
  ])("is refused for its %s (%j, %j)", (option, name, options, message) => {
    const error = refused(() => readOptions(name as string, options as PolicyOptions))
    assert.strictEqual(error.option, option)
    assert.include(error.message, message)
  })

  it("of an api that says nothing ends after 30 seconds, is tried three times, and has a breaker", () => {
    assert.deepStrictEqual(apiDefaults, {
      timeout: 30_000, retry: { times: 2, base: 1000, factor: 2, max: 30_000, jitter: "equal" }, breaker: { failures: 5, openFor: 60_000, halfOpenCalls: 1 }
    })
  })
})
