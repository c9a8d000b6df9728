/** Results as tables that read well in a terminal and in Markdown. */
import type { Measured } from "./run.ts"
import type { Group } from "./suite.ts"

/** A median whose rounds lie this far apart is marked. */
const noisy = 0.15

const grouped = (value: number): string => String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ",")

const times = (ratio: number): string => ratio >= 9.95 ? String(Math.round(ratio)) : ratio.toFixed(1)

/** Columns padded to one width: the first to the left, all others to the right. */
export const markdown = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]!.length)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, column) => column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)).join(" | ")} |`
  const rule = `|${widths.map((width, column) => column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`).join("|")}|`
  return [line(head), rule, ...rows.map(line)].join("\n")
}

const cell = (one: Measured | undefined, own: Measured | undefined): string => {
  if (one === undefined) return ""
  const value = `${one.spread > noisy ? "~" : ""}${grouped(one.median)}`
  return own === undefined || own === one ? value : `${value} (${times(one.median / own.median)}x)`
}

const table = (group: Group, results: ReadonlyArray<Measured>, names: ReadonlyArray<string>): string => {
  const subjects = Object.keys(group.subjects).filter((subject) => results.some((result) => result.subject === subject && names.includes(result.case)))
  const find = (name: string, subject: string) => results.find((result) => result.case === name && result.subject === subject)
  return markdown(
    ["case", ...subjects],
    names.map((name) => [name, ...subjects.map((subject) => cell(find(name, subject), find(name, group.own)))])
  )
}

/** The tables of one group: time, then bytes. */
export const tables = (group: Group, results: ReadonlyArray<Measured>): string => {
  const names = (unit: string) => [...new Set(results.filter((result) => result.unit === unit).map((result) => result.case))]
  const part = (title: string, unit: string) => `### ${group.title}: ${title}\n\n${table(group, results, names(unit))}`
  return [part("nanoseconds a call", "ns"), part("bytes allocated a call", "bytes")].join("\n\n")
}
