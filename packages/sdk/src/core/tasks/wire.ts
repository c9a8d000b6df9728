/** The JSON of the sidecar's HTTP API, as plain types: `SidecarApi` describes the same shapes to Effect, and a test holds both together. */
import type { TaskFailure, TaskId, TaskRecord, TaskState } from "./task.ts"

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
  readonly progress?: { readonly ratio: number; readonly text: string }
  readonly metadata?: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly runAt: string
  readonly startedAt?: string
  readonly finishedAt?: string
}

/** `POST /v1/tasks/{name}`. The key goes in the `Idempotency-Key` header. */
export interface EnqueueJson {
  readonly payload: unknown
  readonly options?: {
    readonly version?: number
    /** Milliseconds, or a duration such as "5 minutes". */
    readonly delay?: number | string
    readonly priority?: number
    readonly uniqueKey?: string
    readonly metadata?: Readonly<Record<string, string>>
  }
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
  ...(task.progress !== undefined && { progress: task.progress }),
  ...(task.metadata !== undefined && { metadata: task.metadata }),
  createdAt: iso(task.createdAt),
  runAt: iso(task.runAt),
  ...(task.startedAt !== undefined && { startedAt: iso(task.startedAt) }),
  ...(task.finishedAt !== undefined && { finishedAt: iso(task.finishedAt) })
})

/** As it came over the wire. */
export const taskFromJson = ({ createdAt, error, finishedAt, runAt, startedAt, ...task }: TaskJson): TaskRecord => ({
  ...task,
  failure: error,
  createdAt: Date.parse(createdAt),
  runAt: Date.parse(runAt),
  startedAt: startedAt === undefined ? undefined : Date.parse(startedAt),
  finishedAt: finishedAt === undefined ? undefined : Date.parse(finishedAt)
})
