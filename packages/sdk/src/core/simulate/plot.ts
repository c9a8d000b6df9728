/**
 * The picture of a simulation: what the dependency is sent, and below it what callers get, over the same time.
 *
 *   title, subtitle
 *   attempts per second   | lines, the dependency's capacity, faults as bands   | names at the ends of their lines
 *   successes per second  | lines, and when the first of them was back          |
 *                           time
 */
import { formatMillis } from "../time/duration.ts"
import { InvalidPolicyOption } from "../errors.ts"
import { css, mostSeries } from "./plotStyle.ts"
import type { Bucket, SimulationResult } from "./result.ts"
import { figure, line, path, type Point, rect, svg, text, ticksTo } from "./svg.ts"

/** What it says of itself; told from the results unless said. */
export interface PlotOptions {
  readonly title?: string | undefined
  readonly subtitle?: string | undefined
}

const width = 880
const height = 600
const left = 64
const right = 690
const tops = { attempts: 118, goodput: 362 } as const
const panelHeight = 176
/** Two lines of a label. */
const labelHeight = 36
const mostPoints = 240

interface Panel {
  readonly top: number
  readonly x: (millis: number) => number
  readonly y: (perSecond: number) => number
  readonly ticks: ReadonlyArray<number>
}

/** Averages over so many buckets that a line has no more points than can be seen. */
const pointsOf = ({ bucket, buckets }: SimulationResult, count: (bucket: Bucket) => number): ReadonlyArray<Point> => {
  const together = Math.ceil(buckets.length / mostPoints)
  return Array.from({ length: Math.ceil(buckets.length / together) }, (_, n) => {
    const some = buckets.slice(n * together, (n + 1) * together)
    const sum = some.reduce((total, one) => total + count(one), 0)
    return [some[0]!.at + some.length * bucket / 2, sum * 1000 / (some.length * bucket)]
  })
}

const panelOf = (top: number, duration: number, most: number): Panel => {
  const ticks = ticksTo(most, 4)
  const highest = ticks.at(-1)!
  return {
    top, ticks,
    x: (millis) => left + (right - left) * millis / duration,
    y: (perSecond) => top + panelHeight * (1 - perSecond / highest)
  }
}

const frame = ({ ticks, top, y }: Panel, heading: string): ReadonlyArray<string> => [
  text(left, top - 12, "heading", heading),
  ...ticks.flatMap((tick) => [
    line(left, y(tick), right, y(tick), tick === 0 ? "axis" : "grid"),
    text(left - 8, y(tick) + 4, "tick-y", figure(tick))
  ])
]

const bands = ({ x, top }: Panel, { duration, faults }: SimulationResult): ReadonlyArray<string> =>
  faults.filter(({ from }) => from < duration).map(({ from, to }) =>
    rect(x(from), top, Math.max(1, x(Math.min(to, duration)) - x(from) - 1), panelHeight, "band"))

/** Each at the beginning of its band; one row lower where the one before is in the way. */
const bandLabels = ({ top, x }: Panel, { duration, faults }: SimulationResult): ReadonlyArray<string> => {
  const ends: Array<number> = []
  return faults.filter(({ from }) => from < duration).toSorted((a, b) => a.from - b.from).map(({ from, label }) => {
    const at = x(from) + 5
    const free = ends.findIndex((end) => end < at)
    const row = free < 0 ? ends.length : free
    ends[row] = at + 7 * label.length
    return text(at, top + 15 + 15 * row, "band-label", label)
  })
}

const labels = (panel: Panel, ends: ReadonlyArray<{ readonly name: string; readonly note: string; readonly perSecond: number; readonly n: number }>): ReadonlyArray<string> => {
  const lowest = panel.top + panelHeight - labelHeight / 2
  const sorted = ends.toSorted((a, b) => b.perSecond - a.perSecond).map((end) => ({ ...end, y: panel.y(end.perSecond) }))
  let above = panel.top - labelHeight / 2
  for (const end of sorted) above = end.y = Math.max(end.y, above + labelHeight)
  let below = lowest + labelHeight
  for (const end of sorted.toReversed()) below = end.y = Math.min(end.y, below - labelHeight)
  return sorted.flatMap(({ n, name, note, y }) => [
    text(right + 12, y - 1, `label l${n}`, name),
    text(right + 12, y + 15, "note", note)
  ])
}

const lastOf = (points: ReadonlyArray<Point>): number => {
  const some = points.slice(-10)
  return some.reduce((sum, [, value]) => sum + value, 0) / some.length
}

const curves = (panel: Panel, results: ReadonlyArray<SimulationResult>, count: (bucket: Bucket) => number, note: (result: SimulationResult) => string): ReadonlyArray<string> => {
  const all = results.map((result, n) => ({ result, n, points: pointsOf(result, count) }))
  return [
    ...all.toReversed().map(({ n, points }) => path(points.map(([at, value]) => [panel.x(at), panel.y(value)]), `series s${n}`)),
    ...labels(panel, all.map(({ n, points, result }) => ({ n, name: result.name, note: note(result), perSecond: lastOf(points) })))
  ]
}

const timeAxis = ({ top, x }: Panel, duration: number): ReadonlyArray<string> => {
  const [unit, millis] = duration > 600_000 ? ["minutes", 60_000] as const : duration > 5000 ? ["seconds", 1000] as const : ["milliseconds", 1] as const
  const bottom = top + panelHeight
  return [
    ...ticksTo(duration / millis, 8).filter((tick) => tick * millis <= duration).map((tick) => text(x(tick * millis), bottom + 19, "tick", figure(tick))),
    text((left + right) / 2, bottom + 39, "tick", `Time, in ${unit}`)
  ]
}

const recoveredIn = ({ name, totals: { recovery } }: SimulationResult): string =>
  recovery === null ? `${name}: not recovered` : recovery === 0 ? `${name}: recovered at once` : `${name}: recovered in ${formatMillis(recovery)}`

const titleOf = (results: ReadonlyArray<SimulationResult>): string => results[0]!.faults.length === 0
  ? results.map(({ name }) => name).join(", ")
  : results.slice(0, 2).map(recoveredIn).join(". ")

const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits))

const subtitleOf = ({ capacity, duration, faults, totals }: SimulationResult): string => [
  `${figure(rounded(totals.callers * 1000 / duration, 2))} callers per second, a dependency that can answer ${figure(rounded(capacity, 3))}`,
  ...faults.slice(0, 2).map(({ from, label, to }) => `${label} for ${formatMillis(to - from)}`)
].join(", ")

/** When the first result was back. */
const recoveryNote = ({ top, x }: Panel, { faults, totals: { recovery } }: SimulationResult): ReadonlyArray<string> => {
  if (recovery === null) return []
  const end = Math.max(...faults.map(({ to }) => to))
  return [text(x(end) + 6, top + 15, "note l0", recovery === 0 ? "back at once" : `back after ${formatMillis(recovery)}`)]
}

const most = (results: ReadonlyArray<SimulationResult>, count: (bucket: Bucket) => number): number =>
  Math.max(...results.flatMap((result) => pointsOf(result, count).map(([, value]) => value)))

/**
 * Draws results of the same load as an SVG of its own, with no dependency: attempts per second at the dependency, and below
 * them the calls per second that succeed. The first result is drawn above the others.
 */
export const plot = (results: SimulationResult | ReadonlyArray<SimulationResult>, options: PlotOptions = {}): string => {
  const all = Array.isArray(results) ? results as ReadonlyArray<SimulationResult> : [results as SimulationResult]
  const [first] = all
  if (first === undefined || all.length > mostSeries) throw new InvalidPolicyOption("plot", "results", all.length, `1 to ${mostSeries} of them`)
  const { capacity, duration } = first
  const attempts = panelOf(tops.attempts, duration, Math.max(capacity, most(all, (bucket) => bucket.attempts)))
  const goodput = panelOf(tops.goodput, duration, most(all, (bucket) => bucket.succeeded))
  const { subtitle = subtitleOf(first), title = titleOf(all) } = options
  return svg(width, height, `${title}. ${subtitle}`, css, [
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" class="ground"/>`,
    text(24, 38, "title", title),
    text(24, 62, "soft", subtitle),
    ...[attempts, goodput].flatMap((panel) => bands(panel, first)),
    ...frame(attempts, "Attempts at the dependency, per second"),
    ...bandLabels(attempts, first),
    line(left, attempts.y(capacity), right, attempts.y(capacity), "limit"),
    ...curves(attempts, all, (bucket) => bucket.attempts, ({ totals }) => `${figure(totals.amplification)} attempts for each call`),
    text(left + 6, attempts.y(capacity) - 6, "note", `it can answer ${figure(rounded(capacity, 3))}`),
    ...frame(goodput, "Calls that succeed, per second"),
    ...curves(goodput, all, (bucket) => bucket.succeeded, ({ totals }) => `${Math.round(100 * totals.succeeded / Math.max(1, totals.calls))} % of calls succeed`),
    ...recoveryNote(goodput, first),
    ...timeAxis(goodput, duration)
  ])
}
