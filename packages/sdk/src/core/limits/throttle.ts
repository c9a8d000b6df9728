/**
 * The client's throttle of the SRE book ("Handling Overload"): a call is rejected here, without being made, with probability
 *
 *   max(0, (requests - k * accepts) / (requests + 1))
 *
 * over a sliding window, so that a dependency that refuses most of what it gets is sent little more than it accepts: about
 * `k` times that. Some always get through; once those are accepted, about five times as many follow each window (k = 2). So
 * it suits a dependency that is overloaded; one that is down altogether is the breaker's to find well again.
 *
 * All is counted where a call begins, as accepted until its outcome takes that back: calls that are only slow, or have all
 * just begun, do not look like refused ones. A success costs nothing.
 */

import { Slots } from "./slots.ts"

export interface ThrottleSettings {
  /** How many requests are sent for each that is accepted. */
  readonly k: number
  /** Milliseconds. */
  readonly window: number
  /** With fewer in the window, none is rejected. */
  readonly minimumCalls: number
}

const slots = 16

export class Throttle extends Slots {
  settings: ThrottleSettings
  private readonly requests = new Float64Array(slots)
  private readonly accepts = new Float64Array(slots)
  private requestsInWindow = 0
  private acceptsInWindow = 0

  constructor(settings: ThrottleSettings) {
    super(slots, settings.window)
    this.settings = settings
  }

  /** Counts a call that would begin now. Its ticket, for `refused`, or -1 where it is to be rejected. */
  admit(now: number, random: () => number): number {
    const probability = this.probability(now)
    const { at } = this
    this.requests[at]!++
    this.requestsInWindow++
    if (probability > 0 && random() < probability) return -1
    this.accepts[at]!++
    this.acceptsInWindow++
    return this.newest
  }

  /** The dependency did not accept it: a transient failure, or a timeout. */
  refused(ticket: number, now: number): void {
    this.turn(now)
    const at = ticket % slots
    if (!this.holds(ticket) || this.accepts[at] === 0) return
    this.accepts[at]!--
    this.acceptsInWindow--
  }

  /** That a call is rejected now. */
  probability(now: number): number {
    this.turn(now)
    const { k, minimumCalls } = this.settings
    const requests = this.requestsInWindow
    return requests < minimumCalls ? 0 : Math.max(0, (requests - k * this.acceptsInWindow) / (requests + 1))
  }

  /** Other settings from now on. Another window begins empty. */
  update(settings: ThrottleSettings): void {
    this.resize(settings.window)
    this.settings = settings
  }

  protected override drop(slot: number): void {
    this.requestsInWindow -= this.requests[slot]!
    this.acceptsInWindow -= this.accepts[slot]!
    this.requests[slot] = this.accepts[slot] = 0
  }

  protected override clear(): void {
    this.requests.fill(0)
    this.accepts.fill(0)
    this.requestsInWindow = this.acceptsInWindow = 0
  }
}
