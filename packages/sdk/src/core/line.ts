/** Who waits, first come first served: a list whose members carry their own links, so that anybody leaves it in O(1). */

/** A call. It waits in one line at a time. */
export interface Waiter {
  ahead: Waiter | null
  behind: Waiter | null
  /** How much of a rate limit it takes. */
  readonly weight: number
  /** Its turn has come. */
  granted(): void
}

export class Line {
  length = 0
  head: Waiter | null = null
  private tail: Waiter | null = null

  push(waiter: Waiter): void {
    this.length++
    waiter.ahead = this.tail
    if (this.tail === null) this.head = waiter
    else this.tail.behind = waiter
    this.tail = waiter
  }

  remove(waiter: Waiter): void {
    this.length--
    if (waiter.ahead === null) this.head = waiter.behind
    else waiter.ahead.behind = waiter.behind
    if (waiter.behind === null) this.tail = waiter.ahead
    else waiter.behind.ahead = waiter.ahead
    waiter.ahead = waiter.behind = null
  }
}
