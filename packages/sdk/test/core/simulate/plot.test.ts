import * as fc from "fast-check"
import { assert, describe, expect, it } from "vitest"
import { compare } from "../../../src/core/simulate/compare.ts"
import { plot } from "../../../src/core/simulate/plot.ts"
import { simulate } from "../../../src/core/simulate/simulate.ts"
import { figure, ticksTo } from "../../../src/core/simulate/svg.ts"

const options = {
  load: { perSecond: 40 },
  dependency: { latency: { p50: 20, p99: 100 }, workers: 4, faults: [{ kind: "outage", at: 5000, for: 5000, label: "<fire> & \"smoke\"" }] },
  duration: 30_000
} as const
const results = compare({ retry: { times: 2, base: 50 }, breaker: { failures: 3, openFor: 2000 } }, options, ["breaker", "naive"])

/** Every element that is opened is closed, and every text is escaped. */
const wellFormed = (svg: string): void => {
  const open: Array<string> = []
  for (const [, closing, name, attributes, self] of svg.matchAll(/<(\/?)([a-z]+)((?:\s[\w:-]+="[^"<>&]*(?:&\w+;[^"<>&]*)*")*)\s*(\/?)>/g)) {
    assert.isFalse(/NaN|Infinity|undefined|null/.test(attributes ?? ""), attributes)
    if (closing === "/") assert.strictEqual(open.pop(), name)
    else if (self !== "/") open.push(name!)
  }
  assert.deepStrictEqual(open, [])
  assert.isFalse(/[<>]/.test(svg.replaceAll(/<style>[^<]*<\/style>/g, "").replaceAll(/<[^<>]*>/g, "")), "a text that is not escaped")
}

/** Where each text of this style stands, from the top. */
const heights = (svg: string, style: RegExp): ReadonlyArray<number> =>
  [...svg.matchAll(/<text x="[^"]*" y="([^"]*)" class="([^"]*)"/g)].filter(([, , name]) => style.test(name!)).map(([, y]) => Number(y))

describe("a plot", () => {
  it("is well-formed, the same for the same results, and escapes what it is told", () => {
    const svg = plot(results, { title: "a < b & c" })
    wellFormed(svg)
    assert.strictEqual(svg, plot(results, { title: "a < b & c" }))
    assert.include(svg, "a &lt; b &amp; c")
    assert.include(svg, "&lt;fire&gt; &amp; &quot;smoke&quot;")
  })

  it("names each result beside the end of its line, twice, and lets no two names overlap", () => {
    const svg = plot(results)
    for (const { name } of results) assert.strictEqual(svg.split(`>${name}</text>`).length, 3)
    const names = heights(svg, /^label /)
    assert.strictEqual(names.length, 6)
    for (const panel of [names.slice(0, 3), names.slice(3)]) {
      for (let n = 1; n < panel.length; n++) assert.isAtLeast(panel[n]! - panel[n - 1]!, 36)
    }
    assert.isAtMost(Math.max(...names), 362 + 176)
  })

  it("keeps the names of lines that end high within their panel", () => {
    const names = heights(plot([results[0]!, results[0]!, results[0]!]), /^label /)
    assert.isAtLeast(Math.min(...names.slice(3)), 362)
  })

  it("tells who recovered and who did not", () => {
    const [ours, ...others] = results.map((result, n) => ({ ...result, totals: { ...result.totals, recovery: [2000, null, 0][n]! } }))
    assert.include(plot([ours!, others[0]!]), "policy: recovered in 2s. without breaker: not recovered<")
    assert.include(plot(others[1]!), "naive retries: recovered at once<")
    assert.include(plot([ours!, others[0]!]), ">back after 2s<")
    assert.notInclude(plot(others[0]!), ">back ")
  })

  it("counts in the unit that fits: seconds, minutes, milliseconds", () => {
    const playedFor = (duration: number, bucket: number) => plot(simulate({}, { ...options, duration, bucket }))
    assert.include(playedFor(30_000, 1000), "Time, in seconds")
    assert.include(playedFor(1_200_000, 1000), "Time, in minutes")
    assert.include(playedFor(500, 10), "Time, in milliseconds")
  })

  it("has no more points than can be seen, however fine the series is", () => {
    const svg = plot(simulate({}, { ...options, bucket: 10 }))
    for (const [, points] of svg.matchAll(/<path d="([^"]*)"/g)) assert.isAtMost(points!.split("L").length, 240)
  })

  it("can be drawn of nothing that happened", () => {
    wellFormed(plot(simulate({}, { ...options, load: { perSecond: 0 } })))
  })

  it("refuses no results, and more than can be told apart", () => {
    expect(() => plot([])).toThrow(/results is 0/)
    expect(() => plot(Array.from({ length: 7 }, () => results[0]!))).toThrow(/results is 7/)
  })
})

describe("the numbers of a plot", () => {
  it.each<[most: number, ticks: ReadonlyArray<number>]>([
    [1000, [0, 250, 500, 750, 1000]],
    [1001, [0, 500, 1000, 1500]],
    [8770, [0, 2500, 5000, 7500, 10_000]],
    [3, [0, 1, 2, 3]],
    [0, [0, 0.25, 0.5, 0.75, 1]]
  ])("to %d stand at %j", (most, ticks) => {
    assert.deepStrictEqual(ticksTo(most, 4), ticks)
  })

  it("are at most six, reach what they are to show, and no further than it needs", () => {
    fc.assert(fc.property(fc.double({ min: 1, max: 1e7, noNaN: true }), (most) => {
      const ticks = ticksTo(most, 4)
      assert.isAtMost(ticks.length, 6)
      assert.isAtLeast(ticks.at(-1)!, most * (1 - 1e-6))
      assert.isBelow(ticks.at(-2)!, most)
    }))
  })

  it.each([[0, "0"], [0.684, "0.68"], [3.588, "3.6"], [9.96, "10.0"], [12.4, "12"], [1970.4, "1,970"], [1234567, "1,234,567"], [5, "5"]])("%d is written %s", (value, written) => {
    assert.strictEqual(figure(value), written)
  })
})
