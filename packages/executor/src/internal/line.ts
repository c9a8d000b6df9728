/** Claimed tasks that have not begun: first come, first begun. */
import type { TaskStore } from "@outrigger/sdk"

export interface Waiting {
  readonly worker: TaskStore.WorkerId
  readonly task: TaskStore.ClaimedTask
  /** Monotonic ms. */
  readonly since: number
}

/** What was taken from the front is let go now and then, in one move. */
const slack = 1024

export class Line {
  private waiting: Array<Waiting> = []
  private front = 0

  get size(): number {
    return this.waiting.length - this.front
  }

  join(worker: TaskStore.WorkerId, tasks: ReadonlyArray<TaskStore.ClaimedTask>, since: number): void {
    for (const task of tasks) this.waiting.push({ worker, task, since })
  }

  next(): Waiting | undefined {
    const next = this.waiting[this.front]
    if (next === undefined) return undefined
    this.front++
    if (this.front === this.waiting.length || this.front === slack) {
      this.waiting = this.waiting.slice(this.front)
      this.front = 0
    }
    return next
  }

  /** Takes out those for whom this holds. */
  leave(goes: (waiting: Waiting) => boolean): ReadonlyArray<Waiting> {
    const all = this.all()
    const gone = all.filter(goes)
    if (gone.length > 0) {
      this.waiting = all.filter((one) => !goes(one))
      this.front = 0
    }
    return gone
  }

  all(): ReadonlyArray<Waiting> {
    return this.waiting.slice(this.front)
  }
}
