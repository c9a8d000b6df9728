/**
 * When a closed breaker opens: so many failures in a row, too large a share of failures, or too large a share of slow calls.
 * Any of them is enough. All are looked at after each call that counts; a call that says nothing of the dependency, and one
 * that was never let through, does not.
 */
import type { BreakerSettings } from "./settings.ts"
import { sameShape, type Window, windowOf } from "./window.ts"

export type TripReason = "failures" | "rate" | "slow"

/** What has been counted since it closed. */
export interface Counts {
  /** Failures without a success in between. */
  readonly inARow: number
  readonly window: Pick<Window, "calls" | "failures" | "slow"> | null
}

/** A share is a quotient, so that 3 of 30 are a rate of 0.1 to the last bit. */
export const tripped = ({ inARow, window }: Counts, { failures, sampling }: BreakerSettings): TripReason | undefined => {
  if (inARow >= failures) return "failures"
  if (window === null || sampling === undefined || window.calls < sampling.minimumCalls) return undefined
  if (window.failures / window.calls >= sampling.rate) return "rate"
  return window.slow / window.calls >= sampling.slowRate ? "slow" : undefined
}

/** The counts of a closed breaker, in place. */
export class Tally implements Counts {
  inARow = 0
  window: Window | null = null
  /** Whether `record` needs the time. */
  clocked = false
  private settings: BreakerSettings | undefined = undefined

  /** Counts go on where the window's shape is as it was. */
  configure(settings: BreakerSettings): void {
    const before = this.settings?.sampling?.window
    const shape = settings.sampling?.window
    if (shape === undefined) this.window = null
    else if (before === undefined || !sameShape(before, shape)) this.window = windowOf(shape)
    this.clocked = shape !== undefined && "millis" in shape
    this.settings = settings
  }

  record(failed: boolean, slow: boolean, now: number): TripReason | undefined {
    this.inARow = failed ? this.inARow + 1 : 0
    this.window?.record(failed, slow, now)
    return tripped(this, this.settings!)
  }

  clear(): void {
    this.inARow = 0
    this.window?.clear()
  }
}
