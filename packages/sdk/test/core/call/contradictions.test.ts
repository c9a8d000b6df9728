import { assert, describe, it } from "vitest"
import { contradictions } from "../../../src/core/call/contradictions.ts"
import { apiDefaults, type PolicyOptions, readOptions } from "../../../src/core/options.ts"
import { createOutrigger } from "../../../src/promise/index.ts"

const retry = { times: 2, base: 100, jitter: "none" } as const

describe("options that contradict each other", () => {
  it.each<[PolicyOptions, RegExp]>([
    [{ timeout: 1000, attemptTimeout: 1000 }, /^attemptTimeout 1s never applies: timeout 1s ends the call first/],
    [{ timeout: 300, retry }, /^timeout 300ms holds 1 of 2 retries, even when each attempt fails at once/],
    [{ timeout: 100, retry }, /^timeout 100ms holds 0 of 2 retries/],
    [{ timeout: 1000, attemptTimeout: 400, retry }, /^timeout 1s holds 1 of 2 retries when attempts run into attemptTimeout 400ms/],
    [{ retry: { ...retry, maxElapsed: 200 } }, /^retry\.maxElapsed 200ms holds 1 of 2 retries/],
    [{ timeout: 1000, retry: { ...retry, maxElapsed: 1000 } }, /^retry\.maxElapsed 1s never applies/],
    [{ timeout: 500, hedge: { delay: 500 } }, /^hedge\.delay 500ms never comes: an attempt ends after 500ms/],
    [{ attemptTimeout: 500, hedge: { delay: 600 } }, /^hedge\.delay 600ms never comes/],
    [{ bulkhead: { concurrency: 1, queueTimeout: 10 } }, /^bulkhead\.queueTimeout never applies: bulkhead\.queue is 0/],
    [{ timeout: 10, bulkhead: { concurrency: 1, queue: 1, queueTimeout: 10 } }, /^bulkhead\.queueTimeout 10ms never applies/],
    [{ attemptTimeout: 50, breaker: { probeLease: 40 } }, /^breaker\.probeLease 40ms is shorter than an attempt may take \(50ms\)/]
  ])("%j are told, with the reason", (options, sentence) => {
    const found = contradictions(readOptions("x", options))
    assert.strictEqual(found.length, 1, found.join("\n"))
    assert.match(found[0]!, sentence)
  })

  it.each<[PolicyOptions]>([
    [apiDefaults], [{}], [{ retry }], [{ timeout: 301, retry }], [{ timeout: 1501, attemptTimeout: 400, retry }], [{ retry, breaker: { failures: 1 } }],
    [{ breaker: { failures: 1 } }], [{ timeout: 500, hedge: { delay: 499 } }], [{ bulkhead: { concurrency: 1, queue: 1, queueTimeout: 10 } }],
    [{ retry: { times: Number.MAX_SAFE_INTEGER, base: 0 } }]
  ])("%j are fine", (options) => assert.deepStrictEqual(contradictions(readOptions("x", options)), []))

  it("are warned of once, when the policy is made", () => {
    const lines: Array<string> = []
    const outrigger = createOutrigger({ service: "shop", log: (level, line) => lines.push(`${level} ${line}`) })
    const options: PolicyOptions = { timeout: 1000, attemptTimeout: 2000, retry: false }
    outrigger.api("github", options)
    outrigger.api("github", options)
    assert.deepStrictEqual(lines, ["warn Policy github: attemptTimeout 2s never applies: timeout 1s ends the call first; make it shorter, or leave it out"])
  })
})
