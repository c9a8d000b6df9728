/**
 * Where tasks live: the port that every store implements, and the memory store.
 *
 * A store decides three things that nobody else may: the order in which tasks are claimed, who owns one, and what time it
 * is. Every method that a worker calls on a claimed task names the `fence` of its claim; a store applies the write only
 * while the task has that fence and that worker, and says which writes it applied.
 *
 * The promises every adapter keeps are one conformance suite (`test/conformance`), which runs over all of them.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { ClaimedTask, Enqueued, HeldTask, NewTask, QueueLimits, Settlement, TaskDefinition, TaskId, TaskRecord } from "./core/tasks/task.ts"
import type { ClaimRequest, ListRequest, QueueState, RedriveFilter, TaskPage, Upkeep, WorkerId } from "./core/tasks/taskPort.ts"
import type { EnqueueError, InvalidOption, QueueNotFound, StoreUnavailable, TaskNotFound } from "./core/tasks/taskErrors.ts"
import type * as ScheduleStore from "./ScheduleStore.ts"
import { makeMemoryTaskStore } from "./internal/memoryTaskStore.ts"

export type {
  AttemptError, ClaimedTask, Enqueued, HeldTask, NewTask, QueueLimits, Settlement, TaskDefinition, TaskFailure, TaskId, TaskRecord, TaskRetry, TaskState
} from "./core/tasks/task.ts"
export type { ClaimRequest, ListRequest, QueueState, RedriveFilter, Route, TaskPage, Upkeep, WorkerId } from "./core/tasks/taskPort.ts"
export { errorsKept, expired, isEnd, taskDefaults, workerLost } from "./core/tasks/task.ts"
export { newTaskFault, newTaskOf, sqlOptionsOf } from "./core/tasks/newTask.ts"
export { queueLimitsFault } from "./core/tasks/queue.ts"
export { defineTask } from "./core/tasks/taskDefinition.ts"
export { formatPath } from "./core/tasks/path.ts"
export { payloadFault, payloadLimit } from "./core/tasks/payload.ts"
export { formatTraceparent, parseTraceparent, traceparentKey } from "./core/tasks/traceparent.ts"
export { defaultSchema, inSchema, schemaName } from "./core/options/schema.ts"

/** The port: what every store does. */
export interface Service {
  /** All or none. The ids come in the order of the tasks. */
  readonly enqueue: (tasks: ReadonlyArray<NewTask>) => Effect.Effect<ReadonlyArray<Enqueued>, EnqueueError>
  readonly find: (id: TaskId) => Effect.Effect<Option.Option<TaskRecord>, StoreUnavailable>
  readonly list: (request: ListRequest) => Effect.Effect<TaskPage, StoreUnavailable>
  /**
   * The task once it is over, or as it is after `timeout` milliseconds. Any number may wait: a store asks for all of them at
   * once, never one by one.
   */
  readonly await: (id: TaskId, timeout: number) => Effect.Effect<TaskRecord, TaskNotFound | StoreUnavailable>
  /** Ends a task that is not over: `cancelled` at once; a running handler is interrupted. Over already: as it is. */
  readonly cancel: (id: TaskId) => Effect.Effect<TaskRecord, TaskNotFound | StoreUnavailable>
  /** Makes a dead or cancelled task ready again, with all its attempts; others stay as they are. */
  readonly redrive: (id: TaskId) => Effect.Effect<TaskRecord, TaskNotFound | StoreUnavailable>
  /** Makes all of these ready again, with all their attempts, and says how many they were. */
  readonly redriveMany: (filter: RedriveFilter) => Effect.Effect<number, StoreUnavailable>
  readonly queues: Effect.Effect<ReadonlyArray<QueueState>, StoreUnavailable>
  /** Nothing is claimed from the queue any more, within a second, by any worker; what runs goes on. */
  readonly pauseQueue: (queue: string) => Effect.Effect<QueueState, QueueNotFound | StoreUnavailable>
  readonly resumeQueue: (queue: string) => Effect.Effect<QueueState, QueueNotFound | StoreUnavailable>
  /** An operator's limits, in place of those that are declared; `undefined` takes them back. */
  readonly limitQueue: (queue: string, limits: QueueLimits | undefined) => Effect.Effect<QueueState, QueueNotFound | InvalidOption | StoreUnavailable>

  /** Announces what a worker can run; the newest announcement of a name and version stands. */
  readonly define: (definitions: ReadonlyArray<TaskDefinition>) => Effect.Effect<void, StoreUnavailable>
  readonly definitions: Effect.Effect<ReadonlyArray<TaskDefinition>, StoreUnavailable>

  /** A new worker, whose lease ends `lease` milliseconds from now unless it is renewed. `name` is for people. */
  readonly register: (worker: { readonly name: string; readonly lease: number }) => Effect.Effect<WorkerId, StoreUnavailable>
  /** Renews the lease; false when the worker was reaped: what it runs is no longer its own. */
  readonly renew: (worker: WorkerId, lease: number) => Effect.Effect<boolean, StoreUnavailable>
  /**
   * Ends the worker's lease; tasks it still holds are ready again, their attempts unspent. A worker does it when it has
   * drained, a supervisor for one that died, after it has settled what the dead one was to blame for.
   */
  readonly deregister: (worker: WorkerId) => Effect.Effect<void, StoreUnavailable>
  /**
   * What this worker holds now, or of these tasks: tells the worker what was cancelled or taken away, and a supervisor what a dead
   * one left. With `ids`, each given once, it costs as much as they are many; without, it may have to look at what the worker
   * held before.
   */
  readonly held: (worker: WorkerId, ids?: ReadonlyArray<TaskId>) => Effect.Effect<ReadonlyArray<HeldTask>, StoreUnavailable>

  readonly claim: (request: ClaimRequest) => Effect.Effect<ReadonlyArray<ClaimedTask>, StoreUnavailable>
  /** Applies the transitions whose fence still holds, together, and gives their ids. */
  readonly settle: (worker: WorkerId, settlements: ReadonlyArray<Settlement>) => Effect.Effect<ReadonlyArray<TaskId>, StoreUnavailable>
  /** True when it was written, that is, when the fence still holds. `ratio` is from 0 to 1. */
  readonly progress: (
    worker: WorkerId,
    at: { readonly id: TaskId; readonly fence: string; readonly ratio: number; readonly text: string }
  ) => Effect.Effect<boolean, StoreUnavailable>

  /** Promotes what fell due and reaps workers whose lease ran out. Any number of workers may do it at any time. */
  readonly upkeep: Effect.Effect<Upkeep, StoreUnavailable>
  /** Wakes who sleeps, for tasks that came without the store's knowing: in a transaction of a host, which has committed by now. */
  readonly wake: Effect.Effect<void, StoreUnavailable>
  /**
   * Runs `wake` whenever there may be something to claim, until the scope closes. It is a hint: wake-ups are coalesced and
   * can be lost, so a worker polls as well.
   */
  readonly onWake: (wake: () => void) => Effect.Effect<void, never, Scope.Scope>
  /** Tells the store that this worker sleeps (or not), so that an enqueue knows whether to wake anybody. */
  readonly sleeping: (worker: WorkerId, asleep: boolean) => Effect.Effect<void, StoreUnavailable>

  /** What is to be enqueued when. It is the same store's, because a slot is enqueued and left behind in one statement. */
  readonly schedules: ScheduleStore.Service
}

/**
 * Where tasks live.
 *
 * @example
 * import { TaskStore } from "@outrigger/sdk"
 *
 * const depth = TaskStore.TaskStore.use((store) => store.queues)
 */
export class TaskStore extends Context.Service<TaskStore, Service>()("@outrigger/sdk/TaskStore") {}

/** A store in this process's memory: for tests and for trying things out. Its tasks end with the process. */
export const layerMemory: Layer.Layer<TaskStore> = Layer.effect(TaskStore, makeMemoryTaskStore)
