/** Results side by side, for a terminal. */
import type { Simulation } from "../../packages/sdk/src/promise/index.ts"

const millis = (value: number | undefined): string =>
  value === undefined ? "-" : value >= 1000 ? `${Number((value / 1000).toPrecision(3))} s` : `${Math.round(value)} ms`
const percent = (part: number, whole: number): string => whole === 0 ? "-" : `${(100 * part / whole).toFixed(1)} %`

const columns: ReadonlyArray<readonly [heading: string, cell: (result: Simulation.Result) => string]> = [
  ["", ({ name }) => name],
  ["calls", ({ totals }) => String(totals.calls)],
  ["attempts/call", ({ totals }) => totals.amplification.toFixed(2)],
  ["succeed", ({ totals }) => percent(totals.succeeded, totals.calls)],
  ["rejected", ({ totals }) => percent(Object.values(totals.rejected).reduce((sum, count) => sum + count, 0), totals.calls)],
  ["goodput/s", ({ totals }) => totals.goodput.toFixed(0)],
  ["p50", ({ totals }) => millis(totals.latency?.p50)],
  ["p99", ({ totals }) => millis(totals.latency?.p99)],
  ["fails in, p90", ({ totals }) => millis(totals.timeToFailure?.p90)],
  ["wasted work", ({ totals: { requests } }) => percent(requests.wasted, requests.answered + requests.failed)],
  ["recovered in", ({ faults, totals }) => faults.length === 0 ? "-" : totals.recovery === null ? "never" : millis(totals.recovery)]
]

export const table = (results: ReadonlyArray<Simulation.Result>): string => {
  const rows = [columns.map(([heading]) => heading), ...results.map((result) => columns.map(([, cell]) => cell(result)))]
  const widths = columns.map((_, n) => Math.max(...rows.map((row) => row[n]!.length)))
  return rows.map((row) => row.map((cell, n) => n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)).join("  ").trimEnd()).join("\n")
}
