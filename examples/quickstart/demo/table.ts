/** The last table: one row a figure, one column a run. */
import type { Paint } from "./Narrator.ts"
import type { Figures } from "./tally.ts"

export interface Column {
  readonly title: string
  readonly figures: Figures
}

interface Row {
  readonly label: string
  readonly show: (figures: Figures) => string
  /** Whether this figure is bad news; rows without it are neither. */
  readonly bad?: (figures: Figures) => boolean
}

const millis = (value: number): string =>
  value === Infinity ? "no answer" : value < 1000 ? `${Math.ceil(value)} ms` : `${(value / 1000).toFixed(1)} s`

const rows = (patience: number): ReadonlyArray<Row> => [
  { label: "orders in", show: ({ ordersIn }) => `${ordersIn}` },
  { label: "charged", show: ({ charged }) => `${charged}` },
  { label: "lost: in, and never charged", show: ({ lost }) => `${lost.length}`, bad: ({ lost }) => lost.length > 0 },
  { label: "charged twice", show: ({ chargedTwice }) => `${chargedTwice.length}`, bad: ({ chargedTwice }) => chargedTwice.length > 0 },
  { label: `calls that hung: no answer for ${patience / 1000} s`, show: ({ hung }) => `${hung}`, bad: ({ hung }) => hung > 0 },
  { label: "errors the customers saw, those included", show: ({ errors }) => `${errors}` },
  { label: "customers who gave up", show: ({ gaveUp }) => `${gaveUp}`, bad: ({ gaveUp }) => gaveUp > 0 },
  { label: "prices served stale, and marked so", show: ({ stale }) => `${stale}` },
  { label: "retries: charge requests after an order's first", show: ({ retries }) => `${retries}` },
  { label: "of these, known by their key as charged already", show: ({ repeated }) => `${repeated}` },
  { label: "breaker openings", show: ({ openings }) => openings === undefined ? "none to open" : `${openings}` },
  { label: "the shop's answers, p50", show: ({ p50 }) => millis(p50) },
  { label: "the shop's answers, p99", show: ({ p99 }) => millis(p99) },
  { label: "slowest health answer while a handler looped", show: ({ slowestHealth }) => millis(slowestHealth) }
]

/** The lines of the table. */
export const tableOf = (columns: ReadonlyArray<Column>, patience: number, paint: Paint): ReadonlyArray<string> => {
  const all = rows(patience)
  const width = Math.max(...all.map(({ label }) => label.length))
  const line = (label: string, cells: ReadonlyArray<string>) => `  ${label.padEnd(width)}${cells.join("")}`
  const cell = (text: string) => text.padStart(17)
  return [
    paint("bold", line("", columns.map(({ title }) => cell(title)))),
    ...all.map(({ bad, label, show }) => line(label, columns.map(({ figures }) => {
      const text = cell(show(figures))
      return bad === undefined ? text : paint(bad(figures) ? "red" : "green", text)
    })))
  ]
}
