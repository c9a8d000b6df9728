/**
 * What a task is, as plain data: the words that the stores, the executor, the HTTP API and both faces share.
 *
 *   scheduled --due--> ready --claim--> running --+--> succeeded
 *       ^                ^                 |      +--> dead
 *       +---- retry -----+---- handback ---+      +--> cancelled (from any state that is not an end)
 *
 * The store decides order, ownership and time. Every write of a worker carries the `fence` of its claim.
 */

/** The public id of a task: a decimal number as text. */
export type TaskId = string

/** `scheduled` waits for its time, `ready` for a worker; `succeeded`, `dead` and `cancelled` are ends. */
export type TaskState = "scheduled" | "ready" | "running" | "succeeded" | "dead" | "cancelled"

/** The states in which a task is over. */
export const isEnd = (state: TaskState): state is "succeeded" | "dead" | "cancelled" =>
  state === "succeeded" || state === "dead" || state === "cancelled"

/** What a queue lets through; what is left out has no bound. Milliseconds. */
export interface QueueLimits {
  /** How many of its tasks run at a time, over all workers. */
  readonly concurrency?: number | undefined
  /** How many attempts begin, over all workers: `limit` at once at most, and as many in each `per` from then on. */
  readonly rateLimit?: { readonly limit: number; readonly per: number } | undefined
}

/** A queue with limits of its own: give it to `Task.make` in place of the name. */
export interface Queue {
  readonly name: string
  readonly limits: QueueLimits
}

/** When a failed attempt is tried again. Milliseconds; `times` counts retries after the first attempt. */
export interface TaskRetry {
  readonly times: number
  readonly base: number
  readonly factor: number
  readonly max: number
  readonly jitter: "none" | "full" | "equal" | "decorrelated"
}

/** What workers write into the store about each task they can run. All durations in milliseconds. */
export interface TaskDefinition {
  readonly name: string
  /** Of the payload's shape; a worker claims only the versions it knows. */
  readonly version: number
  readonly queue: string
  /** What its queue lets through; undefined where the queue is a mere name. */
  readonly queueLimits?: QueueLimits | undefined
  /** 0 is first, 9 is last. */
  readonly priority: number
  /** How long one attempt may run. */
  readonly timeout: number
  readonly retry: TaskRetry
  /** Names of the dependencies without which an attempt makes no sense. */
  readonly needs: ReadonlyArray<string>
  /** A task that has not begun so long after it became due is dead; undefined for never. */
  readonly expiresAfter?: number | undefined
  /** JSON Schema (draft 2020-12) of the encoded payload, where the schema library can give one. */
  readonly payloadSchema: unknown
}

/** What a `Task.make` of either face leaves unsaid. */
export const taskDefaults = {
  version: 1,
  queue: "default",
  priority: 5,
  timeout: 15 * 60_000,
  retry: { times: 12, base: 10_000, factor: 2, max: 600_000, jitter: "equal" },
  /** A task whose dependency stays down is handed back this often at most. */
  maxHandbacks: 100,
  /** How long after it became due a task may wait before it is dead. */
  expiresAfter: 24 * 3_600_000
} as const satisfies Partial<TaskDefinition> & { readonly maxHandbacks: number; readonly expiresAfter: number }

/** One task to be enqueued: the payload is encoded JSON already. Durations are milliseconds. */
export interface NewTask {
  readonly name: string
  readonly version: number
  readonly queue: string
  readonly payload: unknown
  readonly priority: number
  /** From now, on the store's clock; 0 is at once. */
  readonly delay: number
  /** Not before this moment, epoch ms; in place of a delay. */
  readonly runAt?: number | undefined
  /** So long after it became due it is dead, unless an attempt has begun. */
  readonly expiresAfter?: number | undefined
  /** Of each attempt, in place of the definition's. */
  readonly timeout?: number | undefined
  /** Same key and same payload: the same task. Same key and another payload: an `IdempotencyConflict`. */
  readonly idempotencyKey?: string | undefined
  /** While a task of this name and key is in one of `uniqueStates`, enqueuing another gives that task's id. */
  readonly uniqueKey?: string | undefined
  /** Counted from the enqueue of the other; for ever unless said. */
  readonly uniqueFor?: number | undefined
  /** Those that are no end, unless said. */
  readonly uniqueStates?: ReadonlyArray<TaskState> | undefined
  /** Of all tasks with this key, whatever their name, `keyConcurrency` run at a time, in the order in which they became ready. */
  readonly concurrencyKey?: string | undefined
  /** 1 unless said. */
  readonly keyConcurrency?: number | undefined
  /** Free for the host: trace context, tenant. Strings only. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** The answer to one enqueue; `duplicate` when a key led to a task that was there before. */
export interface Enqueued {
  readonly id: TaskId
  readonly duplicate: boolean
}

/** Why an attempt, or a whole task, did not succeed: as it is stored and shown. */
export interface TaskFailure {
  /** The error's `_tag`, class name, or "Defect". */
  readonly name: string
  readonly message: string
  /** The encoded error, when the task's `error` schema accepted it. */
  readonly error?: unknown
}

/** What a task dies of that began no attempt within its `expiresAfter`. */
export const expired: TaskFailure = { name: "Expired", message: "No attempt began within expiresAfter: more workers, or a longer time, would have run it" }

/** What an attempt died of whose worker gave no sign of life any more. */
export const workerLost: TaskFailure = { name: "WorkerLost", message: "Its worker gave no sign of life within its lease: the process died, or the machine, or the network" }

/** How many errors of attempts are kept with a task: the last ones. */
export const errorsKept = 50

/** How one attempt of a task failed. */
export interface AttemptError {
  readonly attempt: number
  /** Epoch ms of the store's clock. */
  readonly at: number
  /** The worker that ran it: its name, and its id as the store knows it. */
  readonly worker: string
  readonly name: string
  readonly message: string
}

/** A task as everybody may see it. Times are epoch milliseconds of the store's clock. */
export interface TaskRecord {
  readonly id: TaskId
  readonly name: string
  readonly version: number
  readonly queue: string
  readonly state: TaskState
  readonly priority: number
  readonly payload: unknown
  /** The attempt that runs or ran last, from 1; 0 before the first. */
  readonly attempt: number
  readonly fence: string
  /** The encoded success of a task that succeeded. */
  readonly result?: unknown
  /** The last failure; of a dead task, what it died of. */
  readonly failure?: TaskFailure | undefined
  /** Every failed attempt, the oldest first; of very many only the last. */
  readonly errors?: ReadonlyArray<AttemptError> | undefined
  readonly progress?: { readonly ratio: number; readonly text: string } | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly uniqueKey?: string | undefined
  readonly concurrencyKey?: string | undefined
  readonly createdAt: number
  /** When it is, or was, due. */
  readonly runAt: number
  /** When it is dead unless an attempt has begun. */
  readonly expiresAt?: number | undefined
  readonly startedAt?: number | undefined
  readonly finishedAt?: number | undefined
}

/** A task in the hands of the worker that claimed it. */
export interface ClaimedTask {
  readonly id: TaskId
  readonly name: string
  readonly version: number
  readonly queue: string
  readonly payload: unknown
  /** From 1; this attempt included. */
  readonly attempt: number
  readonly fence: string
  /** How often it was handed back without an attempt, of the times that are counted. */
  readonly handbacks: number
  /** Milliseconds since it first became due, on the store's clock. */
  readonly waited: number
  /** Of this attempt, in place of the definition's, ms. */
  readonly timeout?: number | undefined
  readonly concurrencyKey?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** A running task as its store knows it. */
export interface HeldTask {
  readonly id: TaskId
  readonly name: string
  readonly version: number
  readonly attempt: number
  readonly fence: string
}

/**
 * What becomes of a claimed task: a transition with its reason, as data. A store applies it only while the task still has
 * this fence and this worker.
 */
export type Settlement =
  | { readonly _tag: "Succeed"; readonly id: TaskId; readonly fence: string; readonly result: unknown }
  | { readonly _tag: "Retry"; readonly id: TaskId; readonly fence: string; readonly delay: number; readonly failure: TaskFailure }
  | { readonly _tag: "Die"; readonly id: TaskId; readonly fence: string; readonly failure: TaskFailure }
  | {
    /** The attempt is not spent: a dependency is down, the worker is draining, or its runner had to be replaced. */
    readonly _tag: "HandBack"
    readonly id: TaskId
    readonly fence: string
    readonly delay: number
    readonly reason: string
    /** Whether it is one of the `handbacks` after which a task is given up; it is unless said. */
    readonly counted?: boolean | undefined
  }

/** What a handler is told about the attempt it makes. */
export interface AttemptInfo {
  readonly id: TaskId
  readonly name: string
  /** From 1. */
  readonly attempt: number
  /** Of the attempt, in epoch milliseconds of this process. */
  readonly deadline: number
  /** Grows with every claim of this task: hand it to what you write, which refuses a smaller one than it has seen. */
  readonly fence: string
  readonly metadata: Readonly<Record<string, string>>
}
