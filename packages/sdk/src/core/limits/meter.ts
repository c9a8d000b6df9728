/** What a rate limit measures with. */

export interface MeterSettings {
  /** Weight per window. */
  readonly limit: number
  /** Milliseconds. */
  readonly window: number
  /** The most that passes at one time; a sliding window has `limit` here. */
  readonly burst: number
}

/** Weights are whole numbers from 1, and `now` is monotonic milliseconds. */
export interface Meter {
  /** Takes all of it, or nothing. */
  take(weight: number, now: number): boolean
  /** Whole milliseconds until so much can have passed, one after another, when nobody else takes any. */
  wait(weight: number, now: number): number
  spent(now: number): number
  /** Other settings from now on; what was spent stays spent. */
  update(settings: MeterSettings, now: number): void
}
