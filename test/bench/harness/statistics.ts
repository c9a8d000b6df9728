const quantile = (values: ReadonlyArray<number>, part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * part
  const low = Math.floor(at)
  return sorted[low]! + (sorted[Math.ceil(at)]! - sorted[low]!) * (at - low)
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** How far the middle half of the values lies apart, as a part of the median. */
export const spread = (values: ReadonlyArray<number>): number =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / Math.max(Math.abs(median(values)), Number.MIN_VALUE)

/** The slope of the line through equally distant values, by least squares: what each step adds. */
export const slope = (values: ReadonlyArray<number>): number => {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const covariance = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0)
  const variance = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0)
  return covariance / variance
}
