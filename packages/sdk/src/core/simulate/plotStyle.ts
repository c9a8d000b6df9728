/** How a plot looks, on light and on dark pages. It brings its own ground, so that it is readable on both whatever the page is. */

const light = {
  ground: "#ffffff", edge: "#d1d9e0", ink: "#1f2328", soft: "#59636e", grid: "#e6eaef", band: "#f6e9dd", bandInk: "#8a4600",
  series: ["#0969da", "#cf222e", "#8250df", "#1a7f37", "#9a6700", "#bf3989"]
}
const dark: typeof light = {
  ground: "#0d1117", edge: "#30363d", ink: "#f0f6fc", soft: "#9198a1", grid: "#21262d", band: "#2b2016", bandInk: "#e3a869",
  series: ["#58a6ff", "#ff7b72", "#d2a8ff", "#3fb950", "#d29922", "#f778ba"]
}

/** How many results can be told apart. */
export const mostSeries = light.series.length

const colours = ({ band, bandInk, edge, grid, ground, ink, series, soft }: typeof light): string => [
  `.ground{fill:${ground};stroke:${edge}}`,
  `text{fill:${ink};stroke:${ground}}`,
  `.soft,.tick,.tick-y,.note{fill:${soft}}.band-label{stroke:none}`,
  `.grid{stroke:${grid}}.axis{stroke:${soft}}.limit{stroke:${soft}}`,
  `.band{fill:${band}}.band-label{fill:${bandInk}}`,
  ...series.map((colour, n) => `.s${n}{stroke:${colour}}.l${n}{fill:${colour}}`)
].join("")

export const css = [
  "text{font:13px -apple-system,BlinkMacSystemFont,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}",
  ".title{font-size:20px;font-weight:600}.heading,.label{font-weight:600}.soft{font-size:13.5px}",
  ".tick,.tick-y,.note,.band-label{font-size:12px}.tick{text-anchor:middle}.tick-y{text-anchor:end}",
  ".grid,.axis{stroke-width:1}.limit{stroke-width:1.25;stroke-dasharray:5 4}",
  ".series{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}",
  colours(light),
  `@media (prefers-color-scheme:dark){${colours(dark)}}`
].join("\n")
