/**
 * The outcomes of the calls that a rate is taken over. Both windows are of fixed size and cost the same for every call.
 *
 *   the last N calls     a ring of N bytes: what comes in takes the place of what is oldest
 *   the last N millis    ten slots, a tenth of the time each, and their sums
 *
 * A slot is forgotten as a whole, when the newest is ten slots on: a call counts for at least nine tenths of the window's
 * time and never for longer than the window. Nothing has to be at work for that: after an idle hour all is forgotten.
 */
import type { WindowShape } from "./settings.ts"

export interface Window {
  readonly calls: number
  readonly failures: number
  readonly slow: number
  record(failed: boolean, slow: boolean, now: number): void
  clear(): void
}

const slots = 10

export class TimeWindow implements Window {
  calls = 0
  failures = 0
  slow = 0
  private readonly slot: number
  /** Calls, failures and slow calls of each slot, one after the other. */
  private readonly counts = new Uint32Array(3 * slots)
  private newest = -1
  private end = Number.NEGATIVE_INFINITY

  constructor(millis: number) {
    this.slot = millis / slots
  }

  record(failed: boolean, slow: boolean, now: number): void {
    if (now >= this.end) this.turn(now)
    const at = 3 * (this.newest % slots)
    this.counts[at]!++
    this.calls++
    if (failed) {
      this.counts[at + 1]!++
      this.failures++
    }
    if (slow) {
      this.counts[at + 2]!++
      this.slow++
    }
  }

  clear(): void {
    this.counts.fill(0)
    this.calls = this.failures = this.slow = 0
  }

  private turn(now: number): void {
    const to = Math.floor(now / this.slot)
    for (let n = Math.max(this.newest + 1, to - slots + 1); n <= to; n++) this.forget(3 * (n % slots))
    this.newest = to
    this.end = (to + 1) * this.slot
  }

  private forget(at: number): void {
    this.calls -= this.counts[at]!
    this.failures -= this.counts[at + 1]!
    this.slow -= this.counts[at + 2]!
    this.counts[at] = this.counts[at + 1] = this.counts[at + 2] = 0
  }
}

const failedBit = 1
const slowBit = 2

export class CountWindow implements Window {
  calls = 0
  failures = 0
  slow = 0
  private readonly ring: Uint8Array
  private next = 0

  constructor(calls: number) {
    this.ring = new Uint8Array(calls)
  }

  record(failed: boolean, slow: boolean): void {
    const { next, ring } = this
    if (this.calls === ring.length) {
      this.failures -= ring[next]! & failedBit
      this.slow -= (ring[next]! & slowBit) >> 1
    } else this.calls++
    ring[next] = (failed ? failedBit : 0) | (slow ? slowBit : 0)
    if (failed) this.failures++
    if (slow) this.slow++
    this.next = next + 1 === ring.length ? 0 : next + 1
  }

  clear(): void {
    this.calls = this.failures = this.slow = 0
  }
}

export const windowOf = (shape: WindowShape): Window =>
  "calls" in shape ? new CountWindow(shape.calls) : new TimeWindow(shape.millis)

export const sameShape = (a: WindowShape, b: WindowShape): boolean =>
  "calls" in a ? "calls" in b && a.calls === b.calls : "millis" in b && a.millis === b.millis
