/** What a store is asked, and what it answers, as plain data. */
import type { TaskRecord, TaskState } from "./task.ts"

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

export interface TaskPage {
  readonly tasks: ReadonlyArray<TaskRecord>
  readonly cursor: string | undefined
}

/** Depth of a queue at one moment. */
export interface QueueDepth {
  readonly queue: string
  readonly scheduled: number
  readonly ready: number
  readonly running: number
  /** Milliseconds that the oldest ready task has waited. */
  readonly oldest: number | undefined
}

/** What one round of upkeep did. */
export interface Upkeep {
  /** Scheduled tasks that fell due. */
  readonly promoted: number
  /** Tasks of workers whose lease ran out, ready again; their attempt is spent. */
  readonly reaped: number
}
