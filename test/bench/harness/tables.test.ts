import { assert, describe, it } from "vitest"
import type { Measured } from "./run.ts"
import { median, spread } from "./statistics.ts"
import { tables } from "./tables.ts"

describe("the statistics of rounds", () => {
  it("take the middle one, or the mean of the middle two, in whatever order they came", () => {
    assert.strictEqual(median([30, 10, 20]), 20)
    assert.strictEqual(median([40, 10, 20, 30]), 25)
    assert.strictEqual(median([7]), 7)
  })

  it("say how far the middle half lies apart, whatever the outliers", () => {
    assert.strictEqual(spread([100, 100, 100]), 0)
    assert.closeTo(spread([90, 95, 100, 105, 1000]), 0.1, 1e-9)
  })
})

describe("a table", () => {
  const group = { title: "Loops", own: "ours", cases: [], subjects: { ours: new URL("file:///ours"), theirs: new URL("file:///theirs") } }
  const result = (subject: string, value: number, unit: "ns" | "bytes", apart = 0): Measured =>
    ({ case: unit === "ns" ? "retry" : "retry-bytes", subject, median: value, unit, rounds: 3, spread: apart })

  it("shows each figure, how many times ours it is, and which rounds lie far apart", () => {
    const text = tables(group, [result("ours", 200, "ns"), result("theirs", 12_345, "ns", 0.2), result("ours", 100, "bytes"), result("theirs", 50, "bytes")])
    assert.deepStrictEqual(text.split("\n"), [
      "### Loops: nanoseconds a call",
      "",
      "| case  | ours |        theirs |",
      "|-------|-----:|--------------:|",
      "| retry |  200 | ~12,345 (62x) |",
      "",
      "### Loops: bytes allocated a call",
      "",
      "| case        | ours |    theirs |",
      "|-------------|-----:|----------:|",
      "| retry-bytes |  100 | 50 (0.5x) |"
    ])
  })

  it("shows a small part of ours, and figures behind the point, as they are asked for", () => {
    const row = (subject: string, value: number): Measured => ({ case: "drain", subject, median: value, unit: "ms", rounds: 1, spread: 0 })
    const text = tables(group, [row("ours", 1234.56), row("theirs", 9.876)], [{ unit: "ms", title: "milliseconds", digits: 1 }])
    assert.deepStrictEqual(text.split("\n"), [
      "### Loops: milliseconds",
      "",
      "| case  |    ours |       theirs |",
      "|-------|--------:|-------------:|",
      "| drain | 1,234.6 | 9.9 (0.008x) |"
    ])
  })

  it("leaves out who does not know a case", () => {
    const [, , head, , row] = tables(group, [result("ours", 999.6, "ns"), result("ours", 1, "bytes")]).split("\n")
    assert.deepStrictEqual([head, row], ["| case  |  ours |", "| retry | 1,000 |"])
  })
})
