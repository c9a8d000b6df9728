import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { parseHttpDate } from "../../../src/core/retry/httpDate.ts"

const now = Date.UTC(2026, 10, 25, 12)
const example = Date.UTC(1994, 10, 6, 8, 49, 37)

describe("dates in HTTP", () => {
  it.each([
    ["Sun, 06 Nov 1994 08:49:37 GMT"], ["Sunday, 06-Nov-94 08:49:37 GMT"], ["Sun Nov  6 08:49:37 1994"]
  ])("%s is the moment that the RFC means, wherever the process runs", (text) => assert.strictEqual(parseHttpDate(text, now), example))

  it.each<[text: string, moment: number]>([
    ["Wed Nov 25 23:59:59 2026", Date.UTC(2026, 10, 25, 23, 59, 59)], ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Sat, 31 Dec 2016 23:59:60 GMT", Date.UTC(2017, 0, 1)], ["Tue, 19 Jan 2038 19:14:07 GMT", Date.UTC(2038, 0, 19, 19, 14, 7)]
  ])("%s is a moment", (text, moment) => assert.strictEqual(parseHttpDate(text, now), moment))

  it("in every month, in all three forms", () => {
    fc.assert(fc.property(fc.integer({ min: now - 40 * 365 * 86_400_000, max: now + 40 * 365 * 86_400_000 }), (at) => {
      const second = Math.floor(at / 1000) * 1000
      const [day, date, month, year, time] = new Date(second).toUTCString().split(/,? /) as [string, string, string, string, string]
      const long = new Date(second).toLocaleDateString("en", { weekday: "long", timeZone: "UTC" })
      const forms = [
        `${day}, ${date} ${month} ${year} ${time} GMT`, `${long}, ${date}-${month}-${year.slice(2)} ${time} GMT`,
        `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`
      ]
      assert.deepStrictEqual(forms.map((text) => parseHttpDate(text, now)), [second, second, second])
    }))
  })

  it.each([["76", 2076], ["77", 1977], ["26", 2026], ["00", 2000]])("a year %s is %d in 2026: at most fifty years ahead", (year, full) =>
    assert.strictEqual(parseHttpDate(`Sunday, 01-Mar-${year} 00:00:00 GMT`, now), Date.UTC(full, 2, 1)))

  it.each([["00", 2100], ["51", 2051], ["49", 2149], ["50", 2050]])("a year %s is %d in 2099", (year, full) =>
    assert.strictEqual(parseHttpDate(`Sunday, 01-Mar-${year} 00:00:00 GMT`, Date.UTC(2099, 5)), Date.UTC(full, 2, 1)))

  it.each([
    [""], ["soon"], ["in 2099"], ["-5"], ["1.5.5"], ["2026-11-25"], ["2026-11-25T00:00:00Z"], ["06 Nov 1994 08:49:37 GMT"], ["Sun, 06 Foo 1994 08:49:37 GMT"],
    ["Sun, 06 Nov 1994 08:49:37"], ["Sun, 06 Nov 1994 08:49:37 EST"], ["Sun, 06 Nov 1994 24:00:00 GMT"], ["Sun, 06 Nov 1994 08:60:00 GMT"], ["Sun, 06 Nov 1994 08:00:61 GMT"],
    ["Sun, 06 Nov 94 08:49:37 GMT"], ["Sunday, 06-Nov-1994 08:49:37 GMT"], ["Sun Nov 6 08:49:37 1994"], ["Sun Nov  6 08:49:37 94"], ["Sun, 6 Nov 1994 08:49:37 GMT"],
    ["Sun, 06 Nov 1994 08:49:37 GMT, and more"], ["See Sun, 06 Nov 1994 08:49:37 GMT"], ["See Sun Nov  6 08:49:37 1994"], ["Sun Nov  6 08:49:37 19945"],
    ["See Sunday, 06-Nov-94 08:49:37 GMT"], ["Sunday, 06-Nov-94 08:49:37 GMT+1"], ["Sun, 06-Nov-94 08:49:37 GMT"], ["Sunday, 06 Nov 1994 08:49:37 GMT"], ["sun, 06 Nov 1994 08:49:37 GMT"]
  ])("%j is none", (text) => assert.isUndefined(parseHttpDate(text, now)))
})
