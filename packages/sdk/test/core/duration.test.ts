import { assert, describe, it } from "vitest"
import { formatMillis, toMillis } from "../../src/core/duration.ts"

describe("durations", () => {
  it.each([[1500, 1500], ["250 millis", 250], ["30 seconds", 30_000], ["1 minute", 60_000], ["1.5 hours", 5_400_000], ["2 days", 172_800_000]])(
    "%s is %d ms", (input, millis) => assert.strictEqual(toMillis(input), millis))
  it.each(["soon", "10", "10 parsecs", "-1 second", "", null, undefined, {}])("%s is none", (input) => assert.isNaN(toMillis(input)))
  it.each([[12, "12ms"], [1500, "1.5s"], [90_000, "1m 30s"], [90_061_000, "1d 1h"]])("%d is shown as %s", (millis, text) => assert.strictEqual(formatMillis(millis), text))
})
