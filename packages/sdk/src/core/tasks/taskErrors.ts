/** What can go wrong between a host and its tasks: plain `Error`s with a `_tag`, the same in both faces. */
import { type DurationInput, toMillis } from "../time/duration.ts"
import { formatPath } from "./path.ts"
import type { TaskFailure, TaskId } from "./task.ts"
import { longestDelay, within } from "./taskRules.ts"

/** Where in a payload something is wrong: `["items", 0, "price"]`, printed as `items[0].price`. */
export interface PayloadIssue {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

abstract class TaskError extends Error {
  abstract readonly _tag: string
}

/** The payload does not fit the task's schema, or cannot be stored as JSON. Nothing was enqueued. */
export class InvalidPayload extends TaskError {
  readonly _tag = "InvalidPayload"
  readonly task: string
  readonly issues: ReadonlyArray<PayloadIssue>
  constructor(task: string, issues: ReadonlyArray<PayloadIssue>) {
    const lines = issues.map(({ message, path }) => path.length === 0 ? message : `${formatPath(path)}: ${message}`)
    super(`The payload of "${task}" was refused: ${lines.join("; ")}`)
    this.task = task
    this.issues = issues
  }
}

/** An option of a task, an enqueue, a schedule or a queue makes no sense. Nothing was enqueued. */
export class InvalidOption extends TaskError {
  readonly _tag = "InvalidOption"
  readonly task: string
  readonly option: string
  /** `subject` is whose option it is, for people. */
  constructor(task: string, option: string, value: unknown, allowed: string, subject = `Task "${task}"`) {
    super(`${subject}: ${option} is ${String(value)}, but must be ${allowed}`)
    this.task = task
    this.option = option
  }
}

/** No worker has ever announced a task of this name. */
export class UnknownTask extends TaskError {
  readonly _tag = "UnknownTask"
  readonly task: string
  constructor(task: string) {
    super(`No worker knows a task named "${task}": start one whose handlers file has it, or mend the name`)
    this.task = task
  }
}

/** There is no queue of this name: no worker has announced it, and no task was ever in it. */
export class QueueNotFound extends TaskError {
  readonly _tag = "QueueNotFound"
  readonly queue: string
  constructor(queue: string) {
    super(`There is no queue "${queue}": mend the name, or start a worker that has a task in it`)
    this.queue = queue
  }
}

/** The idempotency key belongs to a task with another payload. Nothing was enqueued. */
export class IdempotencyConflict extends TaskError {
  readonly _tag = "IdempotencyConflict"
  readonly key: string
  constructor(key: string) {
    super(`The idempotency key "${key}" was used with another payload: use a new key for new work`)
    this.key = key
  }
}

/** No task has this id (any more). */
export class TaskNotFound extends TaskError {
  readonly _tag = "TaskNotFound"
  readonly id: TaskId
  constructor(id: TaskId) {
    super(`There is no task with id ${id}`)
    this.id = id
  }
}

/** There is no schedule of this name. */
export class ScheduleNotFound extends TaskError {
  readonly _tag = "ScheduleNotFound"
  readonly schedule: string
  constructor(schedule: string) {
    super(`There is no schedule named "${schedule}"`)
    this.schedule = schedule
  }
}

/** The sidecar did not answer in time, or not sensibly. Whether the task was enqueued is unknown: repeat with the same key. */
export class SidecarUnavailable extends TaskError {
  readonly _tag = "SidecarUnavailable"
  /** Repeating with this key enqueues at most once. */
  readonly idempotencyKey: string | undefined
  constructor(message: string, idempotencyKey?: string, options?: ErrorOptions) {
    super(message, options)
    this.idempotencyKey = idempotencyKey
  }
}

/** The store could not be asked: its database is down, or refused. */
export class StoreUnavailable extends TaskError {
  readonly _tag = "StoreUnavailable"
  /** Whether the same request can succeed later without a change. */
  readonly retryable: boolean
  constructor(message: string, retryable: boolean, options?: ErrorOptions) {
    super(message, options)
    this.retryable = retryable
  }
}

/** The task ended without success and will not run again by itself. */
export class TaskDead extends TaskError {
  readonly _tag = "TaskDead"
  readonly id: TaskId
  readonly attempt: number
  readonly failure: TaskFailure
  constructor(id: TaskId, attempt: number, failure: TaskFailure) {
    super(`Task ${id} is dead after attempt ${attempt}: ${failure.name}: ${failure.message}`)
    this.id = id
    this.attempt = attempt
    this.failure = failure
  }
}

/** The task was cancelled before it could end. */
export class TaskCancelled extends TaskError {
  readonly _tag = "TaskCancelled"
  readonly id: TaskId
  constructor(id: TaskId) {
    super(`Task ${id} was cancelled`)
    this.id = id
  }
}

/** Thrown or failed with by a handler: dead at once, whatever the task's retry says. */
export class NonRetryable extends TaskError {
  readonly _tag = "NonRetryable"
}

/**
 * Thrown or failed with by a handler: the task comes back later, and the attempt is not spent. For what is not ready yet, such as
 * a file that is still being written; a handler that fails should fail.
 */
export class Snooze extends TaskError {
  readonly _tag = "Snooze"
  /** Milliseconds. */
  readonly delay: number
  /** `delay` in ms or as a duration such as "10 minutes"; at least a second passes. */
  constructor(delay: DurationInput, reason = "the handler asked for it") {
    super(`Snoozed: ${reason}`)
    this.delay = toMillis(delay)
    if (!within(this.delay, 0, longestDelay)) {
      throw new RangeError(`Snooze: delay is ${String(delay)}, but must be from 0 to 100 years, in milliseconds or as a duration such as "10 minutes"`)
    }
  }
}

const classes = {
  InvalidPayload, InvalidOption, UnknownTask, IdempotencyConflict, TaskNotFound, ScheduleNotFound, SidecarUnavailable, StoreUnavailable,
  TaskDead, TaskCancelled, NonRetryable, Snooze
}
for (const [name, type] of Object.entries(classes)) {
  Object.defineProperty(type.prototype, "name", { value: name, configurable: true, writable: true })
}

/** Why an enqueue did not happen. */
export type EnqueueError =
  | InvalidPayload | InvalidOption | UnknownTask | IdempotencyConflict | SidecarUnavailable | StoreUnavailable
