/** One attempt in a test kit: what was claimed, what is to go wrong with it, and what the store made of its end. */
import type { ClaimedTask, Settlement, TaskDefinition } from "../tasks/task.ts"
import type { WorkerId } from "../tasks/taskPort.ts"

/** Why an attempt is over before its handler. */
export type Interruption = "timedOut" | "cancelled" | "lost" | "killed"

/** What goes wrong with an attempt by itself: while its handler runs, or between its end and the store. */
export type PlannedFault = "loseLease" | "killWorker"

/** What became of the task; `refused` when the store heard of it too late. */
export type Outcome = Settlement["_tag"] | "Refused"

export class Attempt {
  readonly task: ClaimedTask
  readonly worker: WorkerId
  readonly definition: TaskDefinition
  /** Milliseconds: the task's own, or else its definition's. */
  readonly timeout: number
  /** Epoch ms of the kit's clock. */
  readonly deadline: number
  readonly fault: PlannedFault | undefined
  outcome: Outcome | undefined
  /** What the handler threw, as it was thrown. */
  thrown: { readonly error: unknown } | undefined
  private interruption: Interruption | undefined
  private stop: ((why: Interruption) => void) | undefined

  constructor(task: ClaimedTask, worker: WorkerId, definition: TaskDefinition, now: number, fault: PlannedFault | undefined) {
    this.task = task
    this.worker = worker
    this.definition = definition
    this.timeout = task.timeout ?? definition.timeout
    this.deadline = now + this.timeout
    this.fault = fault
  }

  get interrupted(): Interruption | undefined {
    return this.interruption
  }

  /** Only the first reason counts. */
  interrupt(why: Interruption): void {
    if (this.interruption !== undefined || this.outcome !== undefined) return
    this.interruption = why
    this.stop?.(why)
  }

  /** How whoever runs the handler is told. */
  onInterrupt(stop: (why: Interruption) => void): void {
    this.stop = stop
    if (this.interruption !== undefined) stop(this.interruption)
  }
}
