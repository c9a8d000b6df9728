/**
 * How much may begin per time: a meter (a token bucket, or an exact sliding window) and a bounded queue before it, first
 * come first served. A heavy call at the head is neither overtaken nor starved: nobody behind it passes before it.
 *
 *   enter --- fits, and nobody waits ---> passes
 *     |
 *   wait ---- queue full, or the wait would be longer than queueTimeout ---> refused at once
 *     |
 *   queued -- one timer, for the head ---> granted; `forget` takes out whom its own end or abort has ended
 *
 * How long it will take is known, so nobody waits in vain. There is a timer only while somebody waits, so it may keep the
 * process alive. Nothing but that timer, `update` and `open` lets a waiter in: `forget` calls nobody, for it is called by
 * calls in the middle of their own end.
 */
import { Line, type Waiter } from "./line.ts"
import type { Meter, MeterSettings } from "./meter.ts"
import type { Allotment, AllotmentRequest } from "./sharedBucket.ts"
import { SlidingWindow } from "./slidingWindow.ts"
import type { TimerHandle, TimerPort } from "../time/timers.ts"
import { TokenBucket } from "./tokenBucket.ts"

export type RateLimitAlgorithm = "token-bucket" | "sliding-window"

export interface RateLimitSettings extends MeterSettings {
  readonly algorithm: RateLimitAlgorithm
  /** How many may wait. */
  readonly queue: number
  /** Who would wait longer does not begin to; milliseconds, or Infinity. */
  readonly queueTimeout: number
  /** Where processes share it; left out for a limit of this process alone. */
  readonly sharing?: Sharing
}

/** The port: what every store does. It may reject, or take long: then the process goes on by its own share. */
export interface LimiterStorePort {
  readonly take: (request: AllotmentRequest) => Promise<Allotment>
}

/**
 * A store as policies take it: with all that it takes to share a limit over it, as `limiterStore` adds that to a port. So an
 * app that shares no limit carries none of that code.
 */
export interface LimiterStore extends LimiterStorePort {
  /** `told` hears once when the store cannot be reached any more, and once when it can again. */
  readonly share: (name: string, settings: RateLimitSettings, sharing: Sharing, port: TimerPort, told: (state: SharingState) => void) => RateLimit
}

/** Where and with how many a limit is shared. */
export interface Sharing {
  readonly store: LimiterStore
  /** As many are assumed to share it at least, while the store cannot be reached. */
  readonly processes: number
}

/** How a limit is shared at the moment; told whenever that changes. */
export interface SharingState {
  /** False: the store cannot be reached, and this process goes on by its own share. */
  readonly together: boolean
  /** How many share the limit, as far as is known. */
  readonly processes: number
  /** Why it is alone. */
  readonly error: unknown
}

/** A bucket or a window of this process alone. */
const makeMeter = (settings: RateLimitSettings, spent: number, now: number): Meter =>
  settings.algorithm === "token-bucket" ? new TokenBucket(settings, spent, now) : new SlidingWindow(settings, spent, now)

export class RateLimit {
  settings: RateLimitSettings
  /** Its clock: see `moveTo`. */
  port: TimerPort
  private meter: Meter
  /** Of all who wait. */
  protected weight = 0
  protected readonly line = new Line<Waiter>()
  private handle: TimerHandle | null = null
  private granting = false
  private readonly fire = () => {
    this.handle = null
    this.grant(this.port.now())
  }

  constructor(settings: RateLimitSettings, port: TimerPort, meter: Meter = makeMeter(settings, 0, port.now())) {
    this.settings = settings
    this.port = port
    this.meter = meter
  }

  get queued(): number {
    return this.line.length
  }

  enter(weight: number, now: number): boolean {
    return this.line.head === null && this.meter.take(weight, now)
  }

  wait(waiter: Waiter, now: number): boolean {
    if (this.queued >= this.room(waiter) || this.retryAfter(waiter.weight, now) > this.settings.queueTimeout) return false
    this.weight += waiter.weight
    this.line.push(waiter)
    if (waiter.ahead === null) this.arm(now)
    return true
  }

  /** How many may wait, with this one. */
  protected room(_waiter: Waiter): number {
    return this.settings.queue
  }

  /** It waits no more. All behind it move up. */
  forget(waiter: Waiter, now: number): void {
    const first = waiter.ahead === null
    this.remove(waiter)
    if (first) this.arm(now)
  }

  /** Milliseconds until so much could pass, if it came now and stood in line. */
  retryAfter(weight: number, now: number): number {
    return this.meter.wait(this.weight + weight, now)
  }

  /** Other settings from now on. What was spent stays spent, who waits keeps its place, and is let in if it may now. */
  update(settings: RateLimitSettings, now: number): void {
    if (settings.algorithm === this.settings.algorithm) this.meter.update(settings, now)
    else this.meter = makeMeter(settings, this.meter.spent(now), now)
    this.settings = settings
    this.grant(now)
  }

  /** On another clock from now on, such as a test's: what was spent stays spent, and is counted from the time there. */
  moveTo(port: TimerPort): void {
    if (port === this.port) return
    this.meter = makeMeter(this.settings, this.meter.spent(this.port.now()), port.now())
    this.port = port
    this.arm(port.now())
  }

  /** There is no limit any more: lets in whoever waits. */
  open(): void {
    for (let next = this.line.head; next !== null; next = this.line.head) {
      this.remove(next)
      next.granted()
    }
    this.disarm()
  }

  /** What is granted may come back through here, with another call, before it returns: the loop goes on with that too. */
  protected grant(now: number): void {
    if (this.granting) return
    this.granting = true
    try {
      for (let next = this.line.head; next !== null && this.meter.take(this.weightOf(next), now); next = this.line.head) {
        this.remove(next)
        next.granted()
      }
    } finally {
      this.granting = false
      this.arm(now)
    }
  }

  /** One that no longer fits, since the limit was lowered, takes all there is. */
  protected weightOf(waiter: Waiter): number {
    return Math.min(waiter.weight, this.settings.burst)
  }

  private remove(waiter: Waiter): void {
    this.weight -= waiter.weight
    this.line.remove(waiter)
  }

  /** The timer for whoever is at the head, or none. */
  private arm(now: number): void {
    if (this.granting) return
    this.disarm()
    if (this.line.head !== null) this.handle = this.port.at(this.meter.wait(this.weightOf(this.line.head), now), this.fire)
  }

  private disarm(): void {
    this.handle?.cancel()
    this.handle = null
  }
}

/** The rate limit of these settings: of this process, or shared, by what its store brings along. */
export const makeRateLimit = (
  name: string, settings: RateLimitSettings, port: TimerPort, told: (state: SharingState) => void
): RateLimit => {
  const { sharing } = settings
  return sharing === undefined ? new RateLimit(settings, port) : sharing.store.share(name, settings, sharing, port, told)
}
