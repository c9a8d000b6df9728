/**
 * How many retries a dependency's calls may make together: `ratio` of the calls, and `perSecond` beside, over a sliding
 * window. When more than that fail, trying again is not the cure but the disease.
 */

export interface BudgetSettings {
  readonly ratio: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly window: number
}

const slots = 10

/** Counts in ten slots of the window, so that what falls out of it falls out bit by bit. */
export class Budget {
  private readonly slot: number
  private readonly reserve: number
  private readonly ratio: number
  private readonly calls = new Float64Array(slots)
  private readonly retries = new Float64Array(slots)
  private callsInWindow = 0
  private retriesInWindow = 0
  private newest = 0

  constructor({ perSecond, ratio, window }: BudgetSettings) {
    this.ratio = ratio
    this.slot = window / slots
    this.reserve = perSecond * window / 1000
  }

  called(now: number): void {
    if (now >= (this.newest + 1) * this.slot) this.turn(now)
    this.calls[this.newest % slots]!++
    this.callsInWindow++
  }

  /** Takes one retry from the budget, if there is one. */
  spend(now: number): boolean {
    if (now >= (this.newest + 1) * this.slot) this.turn(now)
    if (this.retriesInWindow + 1 > this.ratio * this.callsInWindow + this.reserve) return false
    this.retries[this.newest % slots]!++
    this.retriesInWindow++
    return true
  }

  private turn(now: number): void {
    const to = Math.floor(now / this.slot)
    for (let n = Math.max(this.newest + 1, to - slots + 1); n <= to; n++) {
      this.callsInWindow -= this.calls[n % slots]!
      this.retriesInWindow -= this.retries[n % slots]!
      this.calls[n % slots] = this.retries[n % slots] = 0
    }
    this.newest = to
  }
}
