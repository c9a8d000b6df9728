/** Permits with a bounded queue, first come first served. A permit is held until the work has settled, late or not. */
import type { AdaptiveSettings } from "./adaptive.ts"
import { Line, type Waiter } from "./line.ts"

export interface BulkheadSettings {
  /** Where it is measured: what to begin with, and then what was found. */
  readonly concurrency: number
  readonly adaptive: AdaptiveSettings | undefined
  /** How many may wait. */
  readonly queue: number
  /** How long one may wait, ms. */
  readonly queueTimeout: number
}

export class Bulkhead {
  settings: BulkheadSettings
  running = 0
  private readonly line = new Line<Waiter>()
  private granting = false

  constructor(settings: BulkheadSettings) {
    this.settings = settings
  }

  get queued(): number {
    return this.line.length
  }

  enter(): boolean {
    if (this.running >= this.settings.concurrency || this.line.head !== null) return false
    this.running++
    return true
  }

  wait(waiter: Waiter): boolean {
    if (this.line.length >= this.settings.queue) return false
    this.line.push(waiter)
    return true
  }

  forget(waiter: Waiter, _now?: number): void {
    this.line.remove(waiter)
  }

  leave(): void {
    this.running--
    this.grant()
  }

  /** Lets in whom the settings allow. Work that ends at once would recurse through here: the loop goes on instead. */
  grant(): void {
    if (this.granting) return
    this.granting = true
    try {
      for (let next = this.line.head; next !== null && this.running < this.settings.concurrency; next = this.line.head) {
        this.line.remove(next)
        this.running++
        next.granted()
      }
    } finally { // whoever throws shuts nobody out
      this.granting = false
    }
  }
}
