import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { type Backoff, delayOf, retryAfterOf } from "../../../src/core/retry/retry.ts"

const backoff = { base: 100, factor: 2, max: 1000, jitter: "none" } as const

/** The delay without jitter, multiplied step by step. */
const grown = ({ base, factor, max }: Backoff, retry: number): number => {
  let delay = Math.min(base, max)
  for (let step = 1; step < retry && delay > 0 && delay < max; step++) delay = Math.min(max, delay * factor)
  return delay
}

/** Where in an interval chance falls. */
const between = (least: number, most: number, random: number): number => least * (1 - random) + most * random

/** Each jitter as the interval that chance picks from. */
const model = (settings: Backoff, retry: number, previous: number, random: number): number => {
  const full = grown(settings, retry)
  switch (settings.jitter) {
    case "none": return between(full, full, random)
    case "full": return between(0, full, random)
    case "equal": return between(full / 2, full, random)
    case "decorrelated": return Math.min(settings.max, between(settings.base, previous * 3 > settings.base ? previous * 3 : settings.base, random))
  }
}

const settings = fc.record({
  base: fc.constantFrom(0, 1, 100, 999), factor: fc.constantFrom(1, 1.5, 2, 10, 1000), max: fc.constantFrom(1000, 60_000),
  jitter: fc.constantFrom("none" as const, "full" as const, "equal" as const, "decorrelated" as const)
})
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe("retry delays", () => {
  it("double up to the longest", () => assert.deepStrictEqual([1, 2, 3, 4, 5, 50].map((n) => delayOf(backoff, n, 0, 0.5)), [100, 200, 400, 800, 1000, 1000]))

  it.each<[jitter: Backoff["jitter"], retry: number, previous: number, random: number, delay: number]>([
    ["none", 2, 0, 0.9, 200], ["full", 2, 0, 0, 0], ["full", 2, 0, 0.25, 50], ["full", 9, 0, 0.5, 500], ["equal", 2, 0, 0, 100], ["equal", 2, 0, 0.5, 150],
    ["equal", 9, 0, 0.5, 750], ["decorrelated", 1, 100, 0, 100], ["decorrelated", 1, 100, 0.5, 200], ["decorrelated", 2, 200, 0.25, 225],
    ["decorrelated", 5, 1000, 0.9, 1000], ["decorrelated", 2, 10, 0.5, 100]
  ])("with jitter %s: retry %d after %d ms and chance %d waits %d ms", (jitter, retry, previous, random, delay) =>
    assert.strictEqual(delayOf({ ...backoff, jitter }, retry, previous, random), delay))

  it("are those of the formula, whatever the jitter", () => {
    fc.assert(fc.property(settings, fc.integer({ min: 1, max: 30 }), fc.double({ min: 0, max: 60_000, noNaN: true }), chance, (settings, retry, previous, random) => {
      assert.approximately(delayOf(settings, retry, previous, random), model(settings, retry, previous, random), 1e-6)
    }), { numRuns: 3000 })
  })

  it("are never negative, never NaN, never over the longest, however often one tries", () => {
    fc.assert(fc.property(settings, fc.integer({ min: 1, max: 5000 }), chance, fc.double({ min: 0, max: 60_000, noNaN: true }), (settings, retry, random, previous) => {
      const delay = delayOf(settings, retry, previous, random)
      assert.isTrue(delay >= 0 && delay <= settings.max)
    }))
  })

  it("of nothing stay nothing, also when the factor has grown beyond all numbers", () =>
    assert.strictEqual(delayOf({ ...backoff, base: 0, factor: 1000 }, 5000, 0, 0.5), 0))

  it("that are decorrelated are never under the first, one drawn from the other", () => {
    fc.assert(fc.property(fc.array(chance, { maxLength: 50 }), (chances) => {
      let delay: number = backoff.base
      for (const [index, random] of chances.entries()) {
        const next = delayOf({ ...backoff, jitter: "decorrelated" }, index + 1, delay, random)
        assert.isTrue(next >= backoff.base && next <= Math.min(backoff.max, 3 * delay))
        delay = next
      }
    }))
  })
})

const headers = (value: string) => new Response(null, { headers: { "retry-after": value } })

describe("Retry-After", () => {
  const now = Date.UTC(2026, 10, 25)
  it.each<[value: string, millis: number]>([
    ["7", 7000], ["0", 0], ["120", 120_000], [" 12 ", 12_000], ["1.5", 1500], ["0.25", 250], ["31536000", 31_536_000_000], ["9".repeat(400), Infinity],
    ["Wed, 25 Nov 2026 00:00:10 GMT", 10_000], ["Wednesday, 25-Nov-26 00:00:10 GMT", 10_000], ["Wed Nov 25 00:00:10 2026", 10_000], [" Wed Nov 25 00:00:10 2026 ", 10_000],
    ["Tue, 24 Nov 2026 23:59:59 GMT", 0], ["Sun Nov  6 08:49:37 1994", 0]
  ])("of %j asks for %d ms", (value, millis) => assert.strictEqual(retryAfterOf(headers(value), now), millis))

  it.each([["nonsense"], ["-5"], ["+5"], ["5 seconds"], ["in 5"], ["1e3"], ["0x10"], ["1.5.5"], ["5."], [".5"], ["1.x"], ["in 2099"], [""], ["2026-11-25"], ["NaN"], ["Infinity"]])(
    "of %j asks for nothing", (value) => assert.isUndefined(retryAfterOf(headers(value), now)))

  it.each<[what: string, value: unknown]>([
    ["a response", headers("2")], ["an error that carries headers", Object.assign(new Error("429"), { headers: { "retry-after": "2" } })],
    ["one whose response does", { response: headers("2") }], ["plain headers", { response: { headers: { "retry-after": "2" } } }], ["a number", { headers: { "retry-after": 2 } }], ["a text with spaces around", { headers: { "retry-after": " 2\t" } }],
    ["a map", { headers: new Map([["retry-after", "2"]]) }], ["its own before its response's", { headers: { "retry-after": "2" }, response: headers("9") }],
    ["its response's where its own are empty", { headers: {}, response: headers("2") }], ["its response's where its own are null", { headers: null, response: headers("2") }],
    ["headers with something else called get", { headers: { get: "x", "retry-after": "2" } }]
  ])("is found on %s", (_, value) => assert.strictEqual(retryAfterOf(value, now), 2000))

  it.each<[what: string, value: unknown]>([
    ["undefined", undefined], ["null", null], ["a text", "2"], ["a function with headers", Object.assign(() => {}, { headers: { "retry-after": "2" } })], ["an error without", new Error("x")],
    ["null headers", { headers: null }], ["headers that are a text", { headers: "2" }], ["headers that are a function", { headers: Object.assign(() => {}, { "retry-after": "2" }) }],
    ["a response that is null", { response: null }], ["a response that is a text", { response: "2" }], ["a response that is a function", { response: Object.assign(() => {}, { headers: { "retry-after": "2" } }) }],
    ["a list", { headers: { "retry-after": ["2"] } }], ["headers without", new Response()], ["a bigint", { headers: { "retry-after": 2n } }]
  ])("is not found on %s", (_, value) => assert.isUndefined(retryAfterOf(value, now)))

  it.each<[what: string, value: object]>([
    ["headers", Object.defineProperty({}, "headers", { get() { throw new Error("hands off") } })], ["a get", { headers: { get() { throw new Error("hands off") } } }]
  ])("is not found where %s would throw", (_, value) => assert.isUndefined(retryAfterOf(value, now)))
})
