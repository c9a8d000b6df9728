/** Durations by the million in little room: bins that grow by 2 %, so that a percentile is exact to 1 %. */

const least = 0.01
const growth = 1.02
const bins = Math.ceil(Math.log(2 ** 31 / least) / Math.log(growth)) + 2
const perLog = 1 / Math.log(growth)

/** Milliseconds; three digits hold. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly mean: number
  readonly max: number
}

const digits = (value: number): number => Number(value.toPrecision(3))

export class Histogram {
  private readonly counts = new Uint32Array(bins)
  private count = 0
  private sum = 0
  private max = 0

  add(millis: number): void {
    this.counts[millis <= least ? 0 : 1 + Math.floor(Math.log(millis / least) * perLog)]!++
    this.count++
    this.sum += millis
    if (millis > this.max) this.max = millis
  }

  /** Which duration this share of them does not exceed; null when there are none. */
  percentile(share: number): number | null {
    const rank = Math.max(1, Math.ceil(share * this.count))
    if (rank > this.count) return null
    let seen = 0
    let bin = 0
    while ((seen += this.counts[bin]!) < rank) bin++
    return bin === 0 ? 0 : digits(Math.min(this.max, least * growth ** (bin - 0.5)))
  }

  /** Null when there are none. */
  percentiles(): Percentiles | null {
    if (this.count === 0) return null
    const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((share) => this.percentile(share)!) as [number, number, number, number]
    return { p50, p90, p99, p999, mean: digits(this.sum / this.count), max: digits(this.max) }
  }

  clear(): void {
    this.counts.fill(0)
    this.count = this.sum = this.max = 0
  }
}
