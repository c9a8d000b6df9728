/** The JSON of the sidecar's HTTP API, as plain types: `SidecarApi` describes the same shapes to Effect, and a test holds both together. */
import type { TaskFailure, TaskId, TaskRecord, TaskState } from "./task.ts"

/** How one attempt failed, when, and on which worker. */
export interface AttemptErrorJson {
  readonly attempt: number
  readonly at: string
  readonly worker: string
  readonly name: string
  readonly message: string
}

/** A task over HTTP. Times are ISO 8601, UTC; `fence` is a decimal number as text. */
export interface TaskJson {
  readonly id: TaskId
  readonly name: string
  readonly version: number
  readonly queue: string
  readonly state: TaskState
  readonly priority: number
  readonly payload: unknown
  readonly attempt: number
  readonly fence: string
  readonly result?: unknown
  readonly error?: TaskFailure
  readonly errors?: ReadonlyArray<AttemptErrorJson>
  readonly progress?: { readonly ratio: number; readonly text: string }
  readonly metadata?: Readonly<Record<string, string>>
  readonly uniqueKey?: string
  readonly concurrencyKey?: string
  readonly createdAt: string
  readonly runAt: string
  readonly expiresAt?: string
  readonly startedAt?: string
  readonly finishedAt?: string
}

/** Milliseconds, or a duration such as "5 minutes". */
export type DurationJson = number | string

/** How one task differs from what its definition says. */
export interface EnqueueOptionsJson {
  readonly version?: number | undefined
  readonly delay?: DurationJson | undefined
  /** ISO 8601, or epoch milliseconds; in place of a delay. */
  readonly runAt?: number | string | undefined
  readonly expiresAfter?: DurationJson | undefined
  readonly priority?: number | undefined
  readonly timeout?: DurationJson | undefined
  readonly uniqueKey?: string | undefined
  readonly uniqueFor?: DurationJson | undefined
  readonly uniqueStates?: ReadonlyArray<TaskState> | undefined
  readonly concurrencyKey?: string | undefined
  readonly keyConcurrency?: number | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** `POST /v1/tasks/{name}`. The key goes in the `Idempotency-Key` header. */
export interface EnqueueJson {
  readonly payload: unknown
  readonly options?: EnqueueOptionsJson
}

/** `POST /v1/tasks`: all or none. */
export interface EnqueueManyJson {
  readonly tasks: ReadonlyArray<EnqueueJson & { readonly name: string; readonly idempotencyKey?: string }>
}

/** 202 with `duplicate: false`, 200 with `duplicate: true`. */
export interface EnqueuedJson {
  readonly id: TaskId
  readonly duplicate: boolean
}

/** Every error: RFC 9457. */
export interface ProblemJson {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail?: string
  readonly errors?: ReadonlyArray<{ readonly path: ReadonlyArray<string | number>; readonly message: string }>
}

const iso = (epochMillis: number): string => new Date(epochMillis).toISOString()

/** As it goes over the wire. */
export const taskToJson = (task: TaskRecord): TaskJson => ({
  id: task.id,
  name: task.name,
  version: task.version,
  queue: task.queue,
  state: task.state,
  priority: task.priority,
  payload: task.payload,
  attempt: task.attempt,
  fence: task.fence,
  ...(task.result !== undefined && { result: task.result }),
  ...(task.failure !== undefined && { error: task.failure }),
  ...(task.errors !== undefined && { errors: task.errors.map((error) => ({ ...error, at: iso(error.at) })) }),
  ...(task.progress !== undefined && { progress: task.progress }),
  ...(task.metadata !== undefined && { metadata: task.metadata }),
  ...(task.uniqueKey !== undefined && { uniqueKey: task.uniqueKey }),
  ...(task.concurrencyKey !== undefined && { concurrencyKey: task.concurrencyKey }),
  createdAt: iso(task.createdAt),
  runAt: iso(task.runAt),
  ...(task.expiresAt !== undefined && { expiresAt: iso(task.expiresAt) }),
  ...(task.startedAt !== undefined && { startedAt: iso(task.startedAt) }),
  ...(task.finishedAt !== undefined && { finishedAt: iso(task.finishedAt) })
})

const epoch = (moment: string | undefined): number | undefined => moment === undefined ? undefined : Date.parse(moment)

/** As it came over the wire. */
export const taskFromJson = ({ createdAt, error, errors, expiresAt, finishedAt, runAt, startedAt, ...task }: TaskJson): TaskRecord => ({
  ...task,
  failure: error,
  ...(errors !== undefined && { errors: errors.map((one) => ({ ...one, at: Date.parse(one.at) })) }),
  createdAt: Date.parse(createdAt),
  runAt: Date.parse(runAt),
  startedAt: epoch(startedAt),
  finishedAt: epoch(finishedAt),
  ...(expiresAt !== undefined && { expiresAt: Date.parse(expiresAt) })
})
