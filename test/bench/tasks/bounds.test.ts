import { assert, describe, it } from "vitest"
import { bounds, judge, shareOf } from "./bounds.ts"

const result = (name: string, subject: string, median: number) => ({ case: name, subject, median })

/** All that is met, each by a hair. */
const enough = [
  result("drain", "outrigger", 60_000),
  result("drain", "graphile-worker tuned", 20_000),
  result("drain", "raw", 85_000),
  result("bulk-enqueue", "outrigger", 100_000),
  result("bulk-enqueue", "raw", 150_000),
  result("bulk-enqueue", "graphile-worker tuned", 40_000),
  result("bulk-enqueue", "pg-boss", 30_000),
  result("single-enqueue-50", "outrigger", 25_000),
  result("single-enqueue-50", "pg-boss", 1250),
  result("start-latency-p50", "outrigger", 4.99),
  result("start-latency-p99", "outrigger", 9.99),
  result("drain-20000", "outrigger", 50_000),
  result("drain-million-waiting", "outrigger", 40_000),
  result("drain-snapshot-held", "outrigger", 40_000)
]

const except = (name: string, subject: string, median: number) => [...enough.filter((one) => one.case !== name || one.subject !== subject), result(name, subject, median)]

const missed = (results: ReadonlyArray<ReturnType<typeof result>>) =>
  judge(results).filter(({ verdict }) => verdict === "not met").map(({ asked, case: name, measured }) => `${name} ${asked}: ${measured}`)

describe("the bounds of tasks", () => {
  it("are met by figures that are just enough", () => {
    assert.deepStrictEqual(judge(enough).map(({ verdict }) => verdict), bounds.map(() => "met"))
  })

  it.each([
    ["drain", "outrigger", 49_999, ["drain at least 50,000/s: 49,999/s", "drain at least 3 x graphile-worker tuned: 2.50x", "drain at least 0.7 x raw: 0.59x"]],
    ["drain", "graphile-worker tuned", 20_100, ["drain at least 3 x graphile-worker tuned: 2.99x"]],
    ["drain", "raw", 86_000, ["drain at least 0.7 x raw: 0.70x"]],
    ["bulk-enqueue", "outrigger", 99_999, ["bulk-enqueue at least 100,000/s: 99,999/s", "bulk-enqueue at least 2.5 x the best peer: 2.50x"]],
    ["bulk-enqueue", "pg-boss", 50_000, ["bulk-enqueue at least 2.5 x the best peer: 2.00x"]],
    ["single-enqueue-50", "outrigger", 24_999, ["single-enqueue-50 at least 25,000/s: 24,999/s", "single-enqueue-50 at least 20 x pg-boss: 20.00x"]],
    ["start-latency-p50", "outrigger", 5, ["start-latency-p50 under 5 ms: 5.00 ms"]],
    ["start-latency-p99", "outrigger", 10, ["start-latency-p99 under 10 ms: 10.00 ms"]],
    ["drain-million-waiting", "outrigger", 39_000, ["drain-million-waiting at least 80 % of drain-20000: 78 %"]],
    ["drain-snapshot-held", "outrigger", 20_000, ["drain-snapshot-held at least 80 % of drain-20000: 40 %"]]
  ])("are not met when %s of %s is %d", (name, subject, median, expected) => {
    assert.deepStrictEqual(missed(except(name, subject, median)), expected)
  })

  it("say what was not measured, which is no failure", () => {
    const verdicts = judge([result("drain", "outrigger", 60_000)])
    assert.deepStrictEqual(verdicts.slice(0, 3).map(({ measured, verdict }) => [measured, verdict]), [["60,000/s", "met"], ["", "not measured"], ["", "not measured"]])
    assert.deepStrictEqual(missed([]), [])
  })

  it("do not take raw for a peer", () => {
    const [bulk] = judge(enough.filter(({ subject }) => subject === "outrigger" || subject === "raw")).filter(({ asked }) => asked.includes("best peer"))
    assert.strictEqual(bulk?.verdict, "not measured")
  })

  it("compare a share with the same subject's own rate", () => {
    const results = [result("drain-20000", "raw", 80), result("drain-snapshot-held", "raw", 20), ...enough]
    assert.strictEqual(shareOf(results, "drain-snapshot-held", "raw"), 0.25)
    assert.isUndefined(shareOf(results, "drain-snapshot-held", "pg-boss"))
  })
})
