import { assert, describe, it } from "vitest"
import { formatMillis, toMillis } from "../../../src/core/time/duration.ts"

describe("durations", () => {
  it.each<[unknown, number]>([
    [1500, 1500], [0, 0], [Infinity, Infinity], ["Infinity", Infinity], ["250 millis", 250], ["30 seconds", 30_000], ["1 minute", 60_000],
    ["1.5 hours", 5_400_000], ["1.25 seconds", 1250], ["2 days", 172_800_000], ["1 nano", 1e-6], ["4 nanos", 4e-6], ["1 micro", 1e-3], ["3 micros", 3e-3],
    ["1 milli", 1], ["1 second", 1000], ["2 minutes", 120_000], ["1 hour", 3_600_000], ["1 day", 86_400_000], ["1 week", 604_800_000],
    ["2 weeks", 1_209_600_000], ["10  seconds", 10_000]
  ])("%s is %d ms", (input, millis) => assert.strictEqual(toMillis(input), millis))

  it.each<[unknown]>([
    ["soon"], ["10"], ["10 "], ["10 parsecs"], ["-1 second"], [""], ["5 secondss"], ["5 Seconds"], ["in 5 seconds"], ["5 seconds!"], ["5. seconds"], ["5.x seconds"],
    ["x seconds"], ["5seconds"], [null], [undefined], [{}], [true], [["5 seconds"]], [10n]
  ])("%s is none", (input) => assert.isNaN(toMillis(input)))

  it.each([
    [0, "0ms"], [12, "12ms"], [12.4, "12ms"], [999, "999ms"], [999.4, "999ms"], [999.5, "1s"], [1000, "1s"], [1500, "1.5s"], [1549, "1.5s"], [1550, "1.6s"], [59_949, "59.9s"], [59_950, "1m"], [60_000, "1m"],
    [61_000, "1m 1s"], [90_000, "1m 30s"], [90_499, "1m 30s"], [90_500, "1m 31s"], [3_600_000, "1h"], [3_660_000, "1h 1m"], [3_661_000, "1h 1m"],
    [86_399_000, "23h 59m"], [86_400_000, "1d"], [90_061_000, "1d 1h"], [86_405_000, "1d 5s"], [1e9, "11d 13h"]
  ])("%d is shown as %s", (millis, text) => assert.strictEqual(formatMillis(millis), text))
})
