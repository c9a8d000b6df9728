/**
 * A bucket of `burst` tokens that is refilled continuously with `limit` tokens per `window`.
 *
 * It counts in credits, of which a token has `window` and each millisecond brings `limit`: all whole numbers, so that on a
 * clock of whole milliseconds nothing is ever rounded, and a token is there at the very millisecond that `wait` has named.
 * A full bucket takes a last millisecond's credits, though never a whole token: timers are no finer, and whoever is let in
 * by one a little late would else lose what had come meanwhile, and a small bucket much of its rate.
 */
import type { Meter, MeterSettings } from "./meter.ts"

export class TokenBucket implements Meter {
  private settings: MeterSettings
  private credits = Number.NaN
  private at = Number.NaN

  constructor(settings: MeterSettings, spent: number, now: number) {
    this.settings = settings
    this.credits = leftOf(settings, spent)
    this.at = now
  }

  take(weight: number, now: number): boolean {
    this.refill(now)
    const left = this.credits - weight * this.settings.window
    if (left < 0) return false
    this.credits = left
    return true
  }

  wait(weight: number, now: number): number {
    this.refill(now)
    const { limit, window } = this.settings
    return Math.max(0, Math.ceil((weight * window - this.credits) / limit))
  }

  spent(now: number): number {
    this.refill(now)
    const { burst, window } = this.settings
    return Math.max(0, burst - this.credits / window)
  }

  update(settings: MeterSettings, now: number): void {
    this.credits = leftOf(settings, this.spent(now))
    this.settings = settings
  }

  /** A time read a little earlier than the last one brings nothing. A clock that leapt back is counted from where it is. */
  private refill(now: number): void {
    const { burst, limit, window } = this.settings
    if (now > this.at) {
      const full = burst * window + Math.max(0, Math.min(limit, window - 1))
      this.credits = Math.min(full, this.credits + (now - this.at) * limit)
    } else if (this.at - now <= window) return
    this.at = now
  }
}

const leftOf = ({ burst, window }: MeterSettings, spent: number): number => Math.max(0, (burst - spent) * window)
