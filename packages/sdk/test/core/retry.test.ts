import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { delayOf, retryAfterOf } from "../../src/core/retry.ts"

describe("retry delays", () => {
  const backoff = { base: 100, factor: 2, max: 1000, jitter: "none" } as const
  it("double up to the longest", () => assert.deepStrictEqual([1, 2, 3, 4, 5, 50].map((n) => delayOf(backoff, n, 0, 0.5)), [100, 200, 400, 800, 1000, 1000]))
  it("are never negative, never NaN, never over the longest, whatever the jitter", () => {
    const jitter = fc.constantFrom("none" as const, "full" as const, "equal" as const, "decorrelated" as const)
    fc.assert(fc.property(jitter, fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), fc.double({ min: 0, max: 1000, noNaN: true }), (jitter, retry, random, previous) => {
      const delay = delayOf({ ...backoff, jitter }, retry, previous, random)
      assert.isTrue(delay >= 0 && delay <= 1000)
    }))
  })
  it("hear Retry-After: seconds, or a date", () => {
    const headers = (value: string) => new Response(null, { headers: { "retry-after": value } })
    assert.strictEqual(retryAfterOf(headers("7"), 0), 7000)
    assert.strictEqual(retryAfterOf(headers(new Date(1_700_000_010_000).toUTCString()), 1_700_000_000_000), 10_000)
    assert.strictEqual(retryAfterOf({ response: { headers: { "retry-after": "2" } } }, 0), 2000)
    assert.isUndefined(retryAfterOf(headers("nonsense"), 0))
  })
})
