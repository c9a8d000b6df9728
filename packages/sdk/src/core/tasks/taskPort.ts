/** What a store is asked, and what it answers, as plain data. */
import type { QueueLimits, TaskRecord, TaskState } from "./task.ts"

/** One run of a worker; a worker that was reaped registers anew and gets another id. */
export type WorkerId = string

/** A route is what a worker can run: one version of one task. */
export interface Route {
  readonly name: string
  readonly version: number
  readonly queue: string
}

/** What a claim asks for: at most `limit` ready tasks of these routes, best priority first, oldest first. */
export interface ClaimRequest {
  readonly worker: WorkerId
  readonly routes: ReadonlyArray<Route>
  readonly limit: number
}

/** Which tasks to list; newest first. */
export interface ListRequest {
  readonly state?: TaskState | undefined
  readonly queue?: string | undefined
  readonly name?: string | undefined
  /** Of the page before. */
  readonly cursor?: string | undefined
  /** At most 500. */
  readonly limit: number
}

/** Which of those that did not succeed to retry; what is left out does not matter. */
export interface RedriveFilter {
  /** "dead" unless said. */
  readonly state?: "dead" | "cancelled" | undefined
  readonly queue?: string | undefined
  readonly name?: string | undefined
  /** The name of what it died of, such as "PaymentRefused". */
  readonly error?: string | undefined
  /** Epoch ms. */
  readonly finishedAfter?: number | undefined
  readonly finishedBefore?: number | undefined
}

export interface TaskPage {
  readonly tasks: ReadonlyArray<TaskRecord>
  readonly cursor: string | undefined
}

/** A queue at one moment. */
export interface QueueState {
  readonly queue: string
  readonly scheduled: number
  readonly ready: number
  readonly running: number
  /** The counts go beyond what is counted exactly, and are estimates. */
  readonly estimated: boolean
  /** Milliseconds that the oldest ready task has waited. */
  readonly oldest: number | undefined
  /** Since when nothing is claimed from it, epoch ms; undefined while it is not paused. */
  readonly pausedAt: number | undefined
  /** What it lets through: as an operator has set it, or else as it is declared. */
  readonly limits: QueueLimits
}

/** What one round of upkeep did. */
export interface Upkeep {
  /** Scheduled tasks that fell due. */
  readonly promoted: number
  /** Tasks of workers whose lease ran out, ready again; their attempt is spent. */
  readonly reaped: number
}
