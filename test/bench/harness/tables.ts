/** Results as tables that read well in a terminal and in Markdown. */
import type { Measured } from "./run.ts"
import type { Unit } from "./suite.ts"

/** A median whose rounds lie this far apart is marked. */
const noisy = 0.15

/** Whose results stand in the columns, and whose the others are compared with. */
export interface Columns {
  readonly title: string
  readonly own: string
  readonly subjects: Readonly<Record<string, unknown>>
}

/** One table of a group: all results of a unit. */
export interface Part {
  readonly unit: Unit
  readonly title: string
  /** Behind the point; none unless said. */
  readonly digits?: number
}

/** `12,345` */
export const grouped = (value: number, digits = 0): string => value.toFixed(digits).replaceAll(/\B(?=(\d{3})+(\.|$))/g, ",")

const times = (ratio: number): string =>
  ratio >= 9.95 ? String(Math.round(ratio)) : ratio >= 0.095 ? ratio.toFixed(1) : String(Number(ratio.toPrecision(1)))

/** Columns padded to one width: the first to the left, all others to the right. */
export const markdown = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]!.length)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, column) => column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)).join(" | ")} |`
  const rule = `|${widths.map((width, column) => column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`).join("|")}|`
  return [line(head), rule, ...rows.map(line)].join("\n")
}

const cell = (one: Measured | undefined, own: Measured | undefined, digits: number | undefined): string => {
  if (one === undefined) return ""
  const value = `${one.spread > noisy ? "~" : ""}${grouped(one.median, digits)}`
  return own === undefined || own === one ? value : `${value} (${times(one.median / own.median)}x)`
}

const table = (columns: Columns, results: ReadonlyArray<Measured>, digits: number | undefined): string => {
  const names = [...new Set(results.map((result) => result.case))]
  const subjects = Object.keys(columns.subjects).filter((subject) => results.some((result) => result.subject === subject))
  const find = (name: string, subject: string) => results.find((result) => result.case === name && result.subject === subject)
  return markdown(
    ["case", ...subjects],
    names.map((name) => [name, ...subjects.map((subject) => cell(find(name, subject), find(name, columns.own), digits))])
  )
}

const ofCalls: ReadonlyArray<Part> = [{ unit: "ns", title: "nanoseconds a call" }, { unit: "bytes", title: "bytes allocated a call" }]

/** The tables of one group, those that have anything: of calls, unless said. */
export const tables = (columns: Columns, results: ReadonlyArray<Measured>, parts: ReadonlyArray<Part> = ofCalls): string =>
  parts.map(({ digits, title, unit }) => ({ digits, title, found: results.filter((result) => result.unit === unit) }))
    .filter(({ found }) => found.length > 0)
    .map(({ digits, found, title }) => `### ${columns.title}: ${title}\n\n${table(columns, found, digits)}`)
    .join("\n\n")
