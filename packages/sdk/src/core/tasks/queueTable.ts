/** The memory store's queues: which are paused, and what each lets through. */
import { refilled, type StartBucket } from "./queue.ts"
import type { QueueLimits, TaskDefinition } from "./task.ts"

interface Row {
  pausedAt: number | undefined
  /** By the newest worker that knows the queue. */
  declared: QueueLimits
  /** By an operator: in place of what is declared. */
  set: QueueLimits | undefined
  bucket: StartBucket | undefined
}

export class QueueTable {
  private readonly rows = new Map<string, Row>()

  /** The queue is there from now on, whoever speaks of it. */
  know(queue: string): Row {
    const known = this.rows.get(queue)
    if (known !== undefined) return known
    const row: Row = { pausedAt: undefined, declared: {}, set: undefined, bucket: undefined }
    this.rows.set(queue, row)
    return row
  }

  /** A task that names its queue without limits leaves those that another has declared. */
  declare({ queue, queueLimits }: TaskDefinition): void {
    const row = this.know(queue)
    if (queueLimits !== undefined) row.declared = queueLimits
  }

  names(): ReadonlyArray<string> {
    return [...this.rows.keys()].toSorted()
  }

  has(queue: string): boolean {
    return this.rows.has(queue)
  }

  pause(queue: string, now: number): void {
    this.know(queue).pausedAt ??= now
  }

  resume(queue: string): void {
    this.know(queue).pausedAt = undefined
  }

  setLimits(queue: string, limits: QueueLimits | undefined): void {
    this.know(queue).set = limits
  }

  limits(queue: string): QueueLimits {
    const { declared, set } = this.know(queue)
    return set ?? declared
  }

  pausedAt(queue: string): number | undefined {
    return this.know(queue).pausedAt
  }

  /** When the rate lets one more begin; now, unless it has none left. */
  opensAt(queue: string, now: number): number {
    const { rateLimit } = this.limits(queue)
    if (rateLimit === undefined) return now
    const { tokens } = refilled(this.know(queue).bucket, rateLimit, now)
    return tokens >= 1 ? now : now + Math.ceil((1 - tokens) * rateLimit.per / rateLimit.limit)
  }

  /** Whether one more of this queue may begin while `running` do; if so, it counts as begun. */
  admit(queue: string, running: () => number, now: number): boolean {
    const row = this.know(queue)
    const { concurrency, rateLimit } = this.limits(queue)
    if (row.pausedAt !== undefined || (concurrency !== undefined && running() >= concurrency)) return false
    if (rateLimit === undefined) return true
    const { at, tokens } = refilled(row.bucket, rateLimit, now)
    const admitted = tokens >= 1
    row.bucket = { at, tokens: admitted ? tokens - 1 : tokens }
    return admitted
  }
}
