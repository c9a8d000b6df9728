import { assert, describe, it } from "@effect/vitest"
import { formatTraceparent, parseTraceparent } from "../src/core/tasks/traceparent.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const spanId = "00f067aa0ba902b7"

describe("traceparent", () => {
  it.each([true, false])("comes back as it went, sampled or not: %s", (sampled) => {
    assert.deepStrictEqual(parseTraceparent(formatTraceparent({ traceId, spanId, sampled })), { traceId, spanId, sampled })
  })

  it.each([
    ["ids that are none", "noop", "noop"], ["a trace of zeros", "0".repeat(32), spanId], ["a span of zeros", traceId, "0".repeat(16)]
  ])("is not written for %s", (_, trace, span) => assert.isUndefined(formatTraceparent({ traceId: trace, spanId: span, sampled: true })))

  it.each([
    ["nothing", undefined], ["an empty text", ""], ["the forbidden version", `ff-${traceId}-${spanId}-01`],
    ["version 00 with a fifth field", `00-${traceId}-${spanId}-01-x`], ["capitals", `00-${traceId.toUpperCase()}-${spanId}-01`],
    ["a trace of zeros", `00-${"0".repeat(32)}-${spanId}-01`], ["a short span", `00-${traceId}-${spanId.slice(1)}-01`]
  ])("says nothing in %s", (_, text) => assert.isUndefined(parseTraceparent(text)))

  it("of a later version may have more fields, and other flags", () => {
    assert.deepStrictEqual(parseTraceparent(`01-${traceId}-${spanId}-03-more`), { traceId, spanId, sampled: true })
    assert.deepStrictEqual(parseTraceparent(`01-${traceId}-${spanId}-02`), { traceId, spanId, sampled: false })
  })
})
