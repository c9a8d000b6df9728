/** Permits with a bounded queue, first come first served. A permit is held until the work has settled, late or not. */

export interface BulkheadSettings {
  readonly concurrency: number
  /** How many may wait. */
  readonly queue: number
  /** How long one may wait, ms. */
  readonly queueTimeout: number
}

/** Who waits: a call, which carries its own links. */
export interface Waiter {
  ahead: Waiter | null
  behind: Waiter | null
  /** A permit is yours. */
  granted(): void
}

export class Bulkhead {
  settings: BulkheadSettings
  running = 0
  queued = 0
  private head: Waiter | null = null
  private tail: Waiter | null = null
  private granting = false

  constructor(settings: BulkheadSettings) {
    this.settings = settings
  }

  enter(): boolean {
    if (this.running >= this.settings.concurrency || this.queued > 0) return false
    this.running++
    return true
  }

  wait(waiter: Waiter): boolean {
    if (this.queued >= this.settings.queue) return false
    this.queued++
    waiter.ahead = this.tail
    if (this.tail === null) this.head = waiter
    else this.tail.behind = waiter
    this.tail = waiter
    return true
  }

  forget(waiter: Waiter): void {
    this.queued--
    if (waiter.ahead === null) this.head = waiter.behind
    else waiter.ahead.behind = waiter.behind
    if (waiter.behind === null) this.tail = waiter.ahead
    else waiter.behind.ahead = waiter.ahead
    waiter.ahead = waiter.behind = null
  }

  leave(): void {
    this.running--
    this.grant()
  }

  /** Lets in whom the settings allow. Work that ends at once would recurse through here: the loop goes on instead. */
  grant(): void {
    if (this.granting) return
    this.granting = true
    while (this.head !== null && this.running < this.settings.concurrency) {
      const next = this.head
      this.forget(next)
      this.running++
      next.granted()
    }
    this.granting = false
  }
}
