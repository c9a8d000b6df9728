/** What a store of schedules is asked, and what it answers: plain data. */
import type { TaskId } from "../tasks/task.ts"
import type { CatchUp, Rule } from "./schedule.ts"

/** A declaration that was not taken: workers declare the name for another task. */
export interface Refused {
  readonly name: string
  readonly task: string
  readonly owner: string
}

/** A schedule that is due, as it was read. */
export interface DueSchedule extends Rule {
  readonly name: string
  readonly revision: number
  readonly catchUp: CatchUp
  readonly next: number
}

/** What is due at `now`, epoch ms of the store's clock. */
export interface DueSchedules {
  readonly now: number
  readonly schedules: ReadonlyArray<DueSchedule>
  /** Milliseconds until the next slot of the others; undefined when there is none. */
  readonly wait: number | undefined
}

/** These slots of a schedule are to fire, and it is to go on with `next`, if it is still at this revision. */
export interface Firing {
  readonly name: string
  readonly revision: number
  readonly slots: ReadonlyArray<number>
  readonly next: number | undefined
}

/** A slot that was fired; `duplicate` when the task's `uniqueKey` led to one that is not over. */
export interface Fired {
  readonly slot: number
  readonly id: TaskId
  readonly duplicate: boolean
}
