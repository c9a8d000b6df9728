/**
 * Quantiles of durations over a sliding window, in fixed memory: a histogram whose buckets grow with what they hold.
 *
 *   microseconds   0 1 2 ... 31 | 32 33 ... 63 | 64 66 ... 126 | 128 132 ... 252 | ...    up to 35 minutes
 *   group                0      |      1       |       2       |        3        |        of 32 buckets each
 *
 * A bucket answers with its middle, so an answer is off by at most 1/64 of itself, or half a microsecond. The window moves on by an
 * eighth at a time: each eighth has a histogram, and their sum is kept beside them, so that to record is three increments
 * and to ask is a walk over 27 groups and 32 buckets.
 */

import { Slots } from "./slots.ts"

export interface PercentileSettings {
  /** Milliseconds. */
  readonly window: number
  /** With fewer in the window there is no answer. */
  readonly minimumSamples: number
}

const slots = 8
const groups = 27
const buckets = groups * 32
const longest = 2 ** 31 - 1

/** Of a duration in ms; NaN and what is below zero are in the first. */
const bucketOf = (duration: number): number => {
  const micros = duration * 1000 < longest ? Math.max(0, duration * 1000) | 0 : duration >= 0 ? longest : 0
  if (micros < 32) return micros
  const shift = 26 - Math.clz32(micros)
  return shift * 32 + (micros >>> shift)
}

/** The middle of a bucket, ms. */
const valueOf = (bucket: number): number => {
  const shift = Math.max(0, (bucket >>> 5) - 1)
  return ((bucket - shift * 32 + 0.5) * 2 ** shift) / 1000
}

export class Percentile extends Slots {
  settings: PercentileSettings
  /** How many durations the window holds. */
  count = 0
  private readonly inSlot = new Uint32Array(slots * buckets)
  private readonly inWindow = new Uint32Array(buckets)
  private readonly inGroup = new Uint32Array(groups)

  constructor(settings: PercentileSettings) {
    super(slots, settings.window)
    this.settings = settings
  }

  record(duration: number, now: number): void {
    this.turn(now)
    const bucket = bucketOf(duration)
    this.inSlot[this.at * buckets + bucket]!++
    this.inWindow[bucket]!++
    this.inGroup[bucket >>> 5]!++
    this.count++
  }

  /** The duration that the share `q` (0 to 1) does not exceed, ms; undefined while there are too few. */
  quantile(q: number, now: number): number | undefined {
    this.turn(now)
    if (this.count === 0 || this.count < this.settings.minimumSamples) return undefined
    let rank = Math.min(this.count, Math.max(1, Math.ceil(q * this.count - 1e-9)))
    let group = 0
    while (rank > this.inGroup[group]!) rank -= this.inGroup[group++]!
    let bucket = group * 32
    while (rank > this.inWindow[bucket]!) rank -= this.inWindow[bucket++]!
    return valueOf(bucket)
  }

  /** Other settings from now on. Another window begins empty. */
  update(settings: PercentileSettings): void {
    this.resize(settings.window)
    this.settings = settings
  }

  protected override drop(slot: number): void {
    const from = slot * buckets
    for (let bucket = 0; bucket < buckets; bucket++) {
      const dropped = this.inSlot[from + bucket]!
      if (dropped === 0) continue
      this.inSlot[from + bucket] = 0
      this.inWindow[bucket]! -= dropped
      this.inGroup[bucket >>> 5]! -= dropped
      this.count -= dropped
    }
  }

  protected override clear(): void {
    this.inSlot.fill(0)
    this.inWindow.fill(0)
    this.inGroup.fill(0)
    this.count = 0
  }
}
