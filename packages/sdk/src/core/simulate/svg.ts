/** The few shapes of a plot, as text. */

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" }

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => entities[character]!)

/** Places to a tenth of a pixel: finer is not seen, and makes the file large. */
const place = (value: number): string => String(Math.round(value * 10) / 10)

export const text = (x: number, y: number, style: string, content: string): string =>
  `<text x="${place(x)}" y="${place(y)}" class="${style}">${escaped(content)}</text>`

export const line = (x1: number, y1: number, x2: number, y2: number, style: string): string =>
  `<line x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}" class="${style}"/>`

export const rect = (x: number, y: number, width: number, height: number, style: string): string =>
  `<rect x="${place(x)}" y="${place(y)}" width="${place(width)}" height="${place(height)}" class="${style}"/>`

export type Point = readonly [x: number, y: number]

export const path = (points: ReadonlyArray<Point>, style: string): string =>
  `<path d="M${points.map(([x, y]) => `${place(x)} ${place(y)}`).join("L")}" class="${style}"/>`

/** The document; `summary` is what a screen reader says. */
export const svg = (width: number, height: number, summary: string, css: string, shapes: ReadonlyArray<string>): string => [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(summary)}">`,
  `<style>${css}</style>`,
  ...shapes,
  "</svg>",
  ""
].join("\n")

/** About `count` round numbers from zero to at least `most`. */
export const ticksTo = (most: number, count: number): ReadonlyArray<number> => {
  const rough = Math.max(most, 1) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10) * power
  return Array.from({ length: Math.ceil(Math.max(most, 1) / step - 1e-9) + 1 }, (_, n) => n * step)
}

/** 1970.4 as "1,970", 0.684 as "0.68". */
export const figure = (value: number): string => value < 10 && !Number.isInteger(value)
  ? value.toFixed(value < 1 ? 2 : 1)
  : String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",")
