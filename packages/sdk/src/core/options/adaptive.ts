/** How many calls at once, found by measuring, as people write it. */
import type { AdaptiveSettings } from "../limits/adaptive.ts"
import type { Reader } from "./reader.ts"

export interface AdaptiveOptions {
  /** How many may run at once before anything was measured; 20 unless said, within `min` and `max`. */
  readonly initial?: number | undefined
  /** Never fewer; 1 unless said. */
  readonly min?: number | undefined
  /** Never more; 200 unless said. */
  readonly max?: number | undefined
  /** How many times as long as without a queue calls may take before fewer are let in, from 1.1 to 1.9; 1.5 unless said. */
  readonly tolerance?: number | undefined
}

export const readAdaptive = (read: Reader, options: AdaptiveOptions): AdaptiveSettings => {
  read.known("bulkhead.adaptive.", options, ["initial", "min", "max", "tolerance"])
  const min = read.whole("bulkhead.adaptive.min", options.min ?? 1, 1)
  const max = read.whole("bulkhead.adaptive.max", options.max ?? Math.max(min, 200), 1)
  if (min > max) read.refuse("bulkhead.adaptive.min", min, `at most bulkhead.adaptive.max (${max})`)
  const initial = read.whole("bulkhead.adaptive.initial", options.initial ?? Math.min(max, Math.max(min, 20)), 1)
  if (initial < min || initial > max) read.refuse("bulkhead.adaptive.initial", initial, `from bulkhead.adaptive.min (${min}) to bulkhead.adaptive.max (${max})`)
  return { initial, min, max, tolerance: read.number("bulkhead.adaptive.tolerance", options.tolerance ?? 1.5, 1.1, 1.9) }
}
