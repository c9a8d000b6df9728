/**
 * After a close, the share of calls that is let through grows from a tenth to all: what has just come back is not given all
 * its load at once. Each call adds the share of its moment to a credit, and is let through when that makes a whole. Shares are
 * whole thousandths, so the sums are exact, and the first call is always let through.
 */

const whole = 1000
const floor = 100

/** In thousandths, `elapsed` milliseconds after the close. */
export const shareAt = (elapsed: number, duration: number): number =>
  elapsed >= duration ? whole : floor + Math.floor((whole - floor) * Math.max(0, elapsed) / duration)

export class RampUp {
  active = false
  private duration = Number.NaN
  private from = Number.NaN
  private credit = 0

  /** `now` is NaN where nobody has looked at the clock: it begins with the first call then. */
  begin(duration: number, now: number): void {
    this.active = true
    this.duration = duration
    this.from = now
    this.credit = whole - floor
  }

  end(): void {
    this.active = false
  }

  /** Milliseconds until everything is let through. */
  left(now: number): number {
    if (!this.active) return 0
    return Number.isNaN(this.from) ? this.duration : Math.max(0, this.from + this.duration - now)
  }

  /** Whether the call that comes now is let through. */
  admits(now: number): boolean {
    if (Number.isNaN(this.from)) this.from = now
    const share = shareAt(now - this.from, this.duration)
    if (share === whole) this.end()
    this.credit += share
    if (this.credit < whole) return false
    this.credit -= whole
    return true
  }
}
