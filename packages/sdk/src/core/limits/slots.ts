/** A sliding window in slots of equal length: what falls out of it falls out slot by slot, when somebody looks. */

export abstract class Slots {
  private readonly slots: number
  private length: number
  /** The slot of the time that was looked at last, counted from the clock's beginning. */
  protected newest = 0

  constructor(slots: number, window: number) {
    this.slots = slots
    this.length = window / slots
  }

  /** Forget what is in this slot, counted from 0. */
  protected abstract drop(slot: number): void
  /** Forget everything. */
  protected abstract clear(): void

  /** Where the newest slot is. */
  protected get at(): number {
    return this.newest % this.slots
  }

  /** Whether a slot that was the newest once is still in the window. */
  protected holds(slot: number): boolean {
    return slot <= this.newest && slot > this.newest - this.slots
  }

  /** Another window begins empty. */
  protected resize(window: number): void {
    if (window / this.slots === this.length) return
    this.clear()
    this.length = window / this.slots
  }

  protected turn(now: number): void {
    const to = Math.floor(now / this.length)
    if (to === this.newest) return
    if (Math.abs(to - this.newest) >= this.slots) this.clear() // also when the clock leapt back
    else for (let n = this.newest + 1; n <= to; n++) this.drop(n % this.slots)
    if (to > this.newest || to <= this.newest - this.slots) this.newest = to // not for a time read a little earlier
  }
}
