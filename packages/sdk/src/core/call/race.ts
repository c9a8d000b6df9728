/**
 * The attempts of one try that run side by side: the first, and the hedges sent after it. They began one after the other and
 * each may take equally long, so the first of the list is the first to end.
 */
import type { Attempt } from "./attempt.ts"
import type { PercentileSettings } from "../limits/percentile.ts"

/** Milliseconds. */
export interface HedgeSettings {
  /** How many more may be sent. */
  readonly times: number
  /** After how long without an answer the next is sent; where it is measured, while there is too little to measure. */
  readonly delay: number
  readonly measured: (PercentileSettings & { readonly percentile: number; readonly min: number }) | undefined
}

export class Race {
  readonly first: Attempt
  readonly running: Array<Attempt>
  private left: number
  /** When the next hedge is due. */
  next = Number.NaN

  constructor(first: Attempt, times: number) {
    this.first = first
    this.running = [first]
    this.left = times
  }

  /** The time of a hedge has come: the next one's is set. */
  turn(now: number, delays: { hedgeDelay(now: number): number }): void {
    this.left--
    this.next = this.left > 0 ? now + delays.hedgeDelay(now) : Infinity
  }

  remove(attempt: Attempt): void {
    const at = this.running.indexOf(attempt)
    if (at >= 0) this.running.splice(at, 1)
  }
}
