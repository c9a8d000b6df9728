import { assert, describe, it } from "vitest"
import { contradictions } from "../../../src/core/call/contradictions.ts"
import { type PolicyOptions, readOptions } from "../../../src/core/options.ts"

const retry = { times: 2, base: 100, jitter: "none" } as const
const of = (options: PolicyOptions) => contradictions(readOptions("x", options))

describe("a contradiction", () => {
  it.each<[options: PolicyOptions, sentence: string]>([
    [{ timeout: 1000, attemptTimeout: 2000 }, "attemptTimeout 2s never applies: timeout 1s ends the call first; make it shorter, or leave it out"],
    [{ timeout: 300, retry }, "timeout 300ms holds 1 of 2 retries, even when each attempt fails at once: raise it, or lower retry.times or retry.base"],
    [{ timeout: 1000, attemptTimeout: 400, retry }, "timeout 1s holds 1 of 2 retries when attempts run into attemptTimeout 400ms: raise it, or lower attemptTimeout or retry.times"],
    [{ retry: { ...retry, maxElapsed: 300 } }, "retry.maxElapsed 300ms holds 1 of 2 retries, even when each attempt fails at once: raise it, or lower retry.times or retry.base"],
    [{ attemptTimeout: 400, retry: { ...retry, maxElapsed: 1000 } },
      "retry.maxElapsed 1s holds 1 of 2 retries when attempts run into attemptTimeout 400ms: raise it, or lower attemptTimeout or retry.times"],
    [{ timeout: 1000, retry: { ...retry, maxElapsed: 2000 } }, "retry.maxElapsed 2s never applies: timeout 1s ends the call first"],
    [{ timeout: 500, hedge: { delay: 600 } }, "hedge.delay 600ms never comes: an attempt ends after 500ms"],
    [{ timeout: 500, attemptTimeout: 300, hedge: { delay: 300 } }, "hedge.delay 300ms never comes: an attempt ends after 300ms"],
    [{ timeout: 50, bulkhead: { concurrency: 1, queueTimeout: 10 } }, "bulkhead.queueTimeout never applies: bulkhead.queue is 0, nobody waits"],
    [{ timeout: 10, bulkhead: { concurrency: 1, queue: 1, queueTimeout: 10 } }, "bulkhead.queueTimeout 10ms never applies: timeout 10ms ends the call first"],
    [{ timeout: 50, rateLimit: { limit: 1, window: 1, queueTimeout: 10 } }, "rateLimit.queueTimeout never applies: rateLimit.queue is 0, nobody waits"],
    [{ timeout: 10, rateLimit: { limit: 1, window: 1, queue: 1, queueTimeout: 10 } }, "rateLimit.queueTimeout 10ms never applies: timeout 10ms ends the call first"],
    [{ timeout: 10, rateLimit: { limit: 1, window: 1, queue: 1, queueTimeout: 11 } }, "rateLimit.queueTimeout 11ms never applies: timeout 10ms ends the call first"],
    [{ timeout: 50, breaker: { probeLease: 49 } }, "breaker.probeLease 49ms is shorter than an attempt may take (50ms): a slow probe loses its place before it can answer"],
    [{ timeout: 50, attemptTimeout: 20, breaker: { probeLease: 19 } }, "breaker.probeLease 19ms is shorter than an attempt may take (20ms): a slow probe loses its place before it can answer"]
  ])("of %j is one sentence, with the reason and what to do", (options, sentence) => assert.deepStrictEqual(of(options), [sentence]))

  it.each<[PolicyOptions]>([
    [{ timeout: 1000, attemptTimeout: 999 }], [{ attemptTimeout: 999 }], [{ timeout: 1000, retry: { ...retry, maxElapsed: 999 } }], [{ retry: { ...retry, maxElapsed: 301 } }],
    [{ attemptTimeout: 300, hedge: { delay: 299 } }], [{ timeout: 11, bulkhead: { concurrency: 1, queue: 1, queueTimeout: 10 } }], [{ bulkhead: { concurrency: 1, queue: 0 } }],
    [{ timeout: 10, bulkhead: { concurrency: 1, queue: 1 } }], [{ timeout: 10, rateLimit: { limit: 1, window: 1, queue: 1 } }], [{ rateLimit: { limit: 1, window: 1 } }],
    [{ timeout: 11, rateLimit: { limit: 1, window: 1, queue: 1, queueTimeout: 10 } }], [{ rateLimit: { limit: 1, window: 1, queue: 1, queueTimeout: 10 } }],
    [{ timeout: 50, breaker: { probeLease: 50 } }], [{ breaker: { probeLease: 1 } }], [{ attemptTimeout: 500, retry }], [{ timeout: 1501, attemptTimeout: 500, retry: { ...retry, times: 1 } }]
  ])("is none of %j", (options) => assert.deepStrictEqual(of(options), []))

  it("counts the delays as long as they get, and the attempts between them", () => {
    // 400, wait 100, 400, wait 200, 400: the second retry begins at 1100
    for (const [timeout, held] of [[500, 0], [501, 1], [1100, 1], [1101, 2]] as const) {
      const found = of({ timeout, attemptTimeout: 400, retry })
      assert.strictEqual(found.length, held === 2 ? 0 : 1, found.join())
      if (held < 2) assert.match(found[0]!, new RegExp(`holds ${held} of 2 retries when attempts run into`))
    }
    for (const jitter of ["full", "equal", "decorrelated"] as const) assert.match(of({ timeout: 300, retry: { ...retry, jitter } })[0]!, /holds 1 of 2 retries/)
  })

  it("of many retries is counted over the first thousand", () => {
    const many = { times: 5000, base: 1, factor: 1, jitter: "none" } as const
    assert.deepStrictEqual(of({ timeout: 1001, retry: many }), [])
    assert.match(of({ timeout: 1000, retry: many }).join(), /^timeout 1s holds 999 of 5000 retries, even when/)
  })

  it("names the timeout, where the retries have as long", () => {
    assert.match(of({ timeout: 300, retry: { ...retry, maxElapsed: 300 } })[0]!, /^timeout 300ms holds 1 of 2 retries/)
  })

  it("may come with others", () => {
    const found = of({ timeout: 10, attemptTimeout: 20, hedge: { delay: 30 }, bulkhead: { concurrency: 1, queueTimeout: 5 }, rateLimit: { limit: 1, window: 1, queueTimeout: 5 }, breaker: { probeLease: 1 } })
    assert.deepStrictEqual(found.map((sentence) => sentence.split(" ")[0]), ["attemptTimeout", "hedge.delay", "bulkhead.queueTimeout", "rateLimit.queueTimeout", "breaker.probeLease"])
  })
})
