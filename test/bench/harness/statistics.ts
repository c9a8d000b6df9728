/** The value below which this part of them lies. */
export const quantile = (values: ReadonlyArray<number>, part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * part
  const low = Math.floor(at)
  return sorted[low]! + (sorted[Math.ceil(at)]! - sorted[low]!) * (at - low)
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** How far the middle half of the values lies apart, as a part of the median. */
export const spread = (values: ReadonlyArray<number>): number =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / Math.max(Math.abs(median(values)), Number.MIN_VALUE)

/** In an order of its own. */
export const shuffled = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> =>
  list.map((item) => ({ item, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ item }) => item)
