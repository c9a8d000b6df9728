/**
 * What passed within the last `window`, in a ring of times and weights: never more than `limit` in any interval of that
 * length, wherever it begins. (A counter for each fixed window, the usual way, lets twice as many pass around its edge.)
 *
 *   time      t1      t2   t3            now
 *   ring   ...|5      |1   |2             |
 *          ^ out once it is `window` old
 *
 * What passes at one time shares an entry, so there are at most `limit` of them. Over 4096 that would be much memory for
 * little: then what passes within 1/4096 of the window shares one, at the time of its last. Even so never more than the
 * limit passes; what is free again is only given out that much later.
 */
import type { Meter, MeterSettings } from "./meter.ts"

const finest = 4096

export class SlidingWindow implements Meter {
  private limit: number
  private window: number
  private grain = Number.NaN
  private times = new Float64Array(8)
  private weights = new Float64Array(8)
  /** Positions count on for ever; the ring holds them modulo its length. */
  private first = 0
  private end = 0
  private used = 0
  /** When the last entry began to be filled. */
  private opened = Number.NaN
  private latest = Number.NaN

  constructor({ limit, window }: MeterSettings, spent: number, now: number) {
    this.limit = limit
    this.window = window
    this.latest = now
    this.grain = grainOf(limit, window)
    if (spent > 0) this.push(Math.min(limit, Math.ceil(spent)), now)
  }

  take(weight: number, now: number): boolean {
    this.expire(now)
    if (this.used + weight > this.limit) return false
    this.push(weight, this.latest)
    return true
  }

  /** Exact for weights of one. Heavy ones wait longer where they do not fit into what a window has left. */
  wait(weight: number, now: number): number {
    this.expire(now)
    const rounds = Math.ceil(weight / this.limit) - 1 // whole windows full of those who pass before
    let over = this.used + weight - rounds * this.limit - this.limit
    if (over <= 0) return Math.ceil(rounds * this.window)
    let at = this.first
    while (over > this.weights[this.slot(at)]!) over -= this.weights[this.slot(at++)]! // never more than is used
    return Math.ceil(this.times[this.slot(at)]! - this.latest + (rounds + 1) * this.window)
  }

  spent(now: number): number {
    this.expire(now)
    return this.used
  }

  /** What passed is kept; where it is more than the new limit, the rest of it must leave first. */
  update({ limit, window }: MeterSettings, now: number): void {
    this.expire(now)
    this.limit = limit
    this.window = window
    this.grain = grainOf(limit, window)
    this.expire(this.latest) // what is out of the new window counts no more, from this very moment
  }

  private push(weight: number, now: number): void {
    if (this.end > this.first && now - this.opened <= this.grain) {
      this.weights[this.slot(this.end - 1)]! += weight
    } else {
      if (this.end - this.first === this.times.length) this.grow()
      this.weights[this.slot(this.end)] = weight
      this.opened = now
      this.end++
    }
    this.times[this.slot(this.end - 1)] = now
    this.used += weight
  }

  /** A time read a little earlier than the last one is taken for that one; only a clock that leapt back moves it. */
  private expire(now: number): void {
    if (this.latest - now > this.window) this.shift(this.latest - now)
    else if (now < this.latest) return
    this.latest = now
    while (this.first < this.end && now - this.times[this.slot(this.first)]! >= this.window) {
      this.used -= this.weights[this.slot(this.first)]!
      this.first++
    }
  }

  private slot(position: number): number {
    return position & (this.times.length - 1)
  }

  private grow(): void {
    const { times, weights } = this
    this.times = new Float64Array(times.length * 2)
    this.weights = new Float64Array(times.length * 2)
    for (let at = this.first; at < this.end; at++) {
      this.times[this.slot(at)] = times[at & (times.length - 1)]!
      this.weights[this.slot(at)] = weights[at & (times.length - 1)]!
    }
  }

  /** The clock went back: all keep their age, or they would stay until it has caught up. */
  private shift(back: number): void {
    for (let at = this.first; at < this.end; at++) this.times[this.slot(at)]! -= back
    this.opened -= back
  }
}

const grainOf = (limit: number, window: number): number => limit > finest ? window / finest : 0
