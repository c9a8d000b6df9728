/**
 * A rate limit that all processes share who say the same name: the queue of `RateLimit` before a meter that spends allotments
 * of a shared bucket.
 *
 * A call that finds its process without tokens is not turned away while nobody knows whether the shared bucket is empty: up
 * to `burst` may wait for the answer, also where `queue` is 0.
 */
import type { Waiter } from "./line.ts"
import { RateLimit, type RateLimitSettings, type Sharing, type SharingState } from "./rateLimit.ts"
import { type Demand, SharedMeter } from "./sharedMeter.ts"
import type { TimerPort } from "../time/timers.ts"

export class SharedLimit extends RateLimit implements Demand {
  private readonly shared: SharedMeter

  /** `told` hears once when the store cannot be reached any more, and once when it can again. */
  constructor(name: string, settings: RateLimitSettings, sharing: Sharing, port: TimerPort, told: (state: SharingState) => void) {
    const meter = new SharedMeter(name, settings, sharing, told)
    super(settings, port, meter)
    this.shared = meter
    meter.attach(this)
  }

  get first(): number {
    return this.line.head === null ? 0 : this.weightOf(this.line.head)
  }

  get waiting(): number {
    return this.weight
  }

  wake(now: number): void {
    this.grant(now)
  }

  /** The earliest time: how much the others want is not known. */
  override retryAfter(weight: number, now: number): number {
    return this.shared.estimate(this.weight + weight, now)
  }

  /** The store stays what it was. */
  override update(settings: RateLimitSettings, now: number): void {
    this.shared.sharing = { ...this.shared.sharing, processes: settings.sharing?.processes ?? 1 }
    super.update(settings, now)
  }

  /** What it holds is lost to it, for its lease is counted on the other clock. */
  override moveTo(port: TimerPort): void {
    if (port === this.port) return
    this.port = port
    this.shared.restart(port.now())
    this.grant(port.now())
  }

  override open(): void {
    super.open()
    this.shared.leave(this.port.now())
  }

  protected override room(waiter: Waiter): number {
    return this.shared.unsure && this.weight + waiter.weight <= this.settings.burst ? Infinity : this.settings.queue
  }
}
