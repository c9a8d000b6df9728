/**
 * The enqueuing side: hands tasks to whatever runs them, and asks what became of them.
 *
 * Choose one layer: `layerSidecar` (a sidecar over HTTP), `PgTasks.layer` of `@outrigger/postgres` (the host's own database, so
 * that a task is enqueued in the very transaction that needs it), `layerMemory` (tests), `layerStore` (any `TaskStore`).
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Enqueued, NewTask, TaskId, TaskRecord } from "./core/tasks/task.ts"
import { type EnqueueError, type SidecarUnavailable, type StoreUnavailable, TaskNotFound } from "./core/tasks/taskErrors.ts"
import { Sidecar } from "./promise/Sidecar.ts"
import * as TaskStore from "./TaskStore.ts"

/** Why a question about a task has no answer. */
export type TasksError = TaskNotFound | SidecarUnavailable | StoreUnavailable

export interface Service {
  /** All or none, in one round trip; the answers come in the order of the tasks. */
  readonly enqueue: (tasks: ReadonlyArray<NewTask>) => Effect.Effect<ReadonlyArray<Enqueued>, EnqueueError>
  readonly find: (id: TaskId) => Effect.Effect<TaskRecord, TasksError>
  /** The task once it is over; waits as long as the caller does. */
  readonly await: (id: TaskId) => Effect.Effect<TaskRecord, TasksError>
  readonly cancel: (id: TaskId) => Effect.Effect<TaskRecord, TasksError>
  /** Makes a dead or cancelled task ready again. */
  readonly redrive: (id: TaskId) => Effect.Effect<TaskRecord, TasksError>
  /**
   * For after the commit of a transaction that enqueued: workers that sleep look at once, not within their poll (100 ms). A hint,
   * so it never fails; while a transaction is open it does nothing, for nobody else sees its tasks yet.
   */
  readonly wake: Effect.Effect<void>
}

/**
 * Hands tasks over, and asks after them.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Tasks } from "@outrigger/sdk"
 *
 * const stateOf = (id: string) => Tasks.Tasks.use((tasks) => Effect.map(tasks.find(id), (task) => task.state))
 */
export class Tasks extends Context.Service<Tasks, Service>()("@outrigger/sdk/Tasks") {}

/** How long one question to a store waits before it asks again, ms. */
const awaitSlice = 30_000

/** Tasks of the store at hand. */
export const layerStore: Layer.Layer<Tasks, never, TaskStore.TaskStore> = Layer.effect(
  Tasks,
  Effect.map(TaskStore.TaskStore, (store) => {
    const awaitEnd = (id: TaskId): Effect.Effect<TaskRecord, TasksError> =>
      Effect.flatMap(store.await(id, awaitSlice), (task) => task.finishedAt === undefined ? awaitEnd(id) : Effect.succeed(task))
    return Tasks.of({
      enqueue: store.enqueue,
      find: (id) => Effect.flatMap(store.find(id), Option.match({
        onNone: () => Effect.fail(new TaskNotFound(id)),
        onSome: (task) => Effect.succeed(task)
      })),
      await: awaitEnd,
      cancel: store.cancel,
      redrive: store.redrive,
      wake: Effect.ignore(store.wake)
    })
  })
)

/** Tasks in this process's memory, and the store that holds them, for an executor beside it. */
export const layerMemory: Layer.Layer<Tasks | TaskStore.TaskStore> = Layer.provideMerge(layerStore, TaskStore.layerMemory)

export interface SidecarOptions {
  /** Such as `http://127.0.0.1:7700`. */
  readonly url: string
  readonly token?: string | undefined
  /** How long an enqueue may take, retries included; 5 seconds unless said. */
  readonly timeout?: Duration.Input | undefined
}

/** The client rejects with these errors alone: anything else is a bug, and a defect. */
const asking = <A, E>(ask: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, E> =>
  Effect.catch(Effect.tryPromise({ try: ask, catch: (error) => error }), (error) =>
    error instanceof Error && "_tag" in error ? Effect.fail(error as E) : Effect.die(error))

/**
 * Tasks of a sidecar over HTTP, with nothing but `fetch`: an enqueue is retried within its deadline under one idempotency key,
 * and then fails with `SidecarUnavailable`, which carries that key.
 *
 * @example
 * import { Tasks } from "@outrigger/sdk"
 *
 * const tasks = Tasks.layerSidecar({ url: "http://127.0.0.1:7700" })
 */
export const layerSidecar = ({ timeout, ...options }: SidecarOptions): Layer.Layer<Tasks> => Layer.sync(Tasks, () => {
  const sidecar = new Sidecar({
    ...options,
    ...(timeout !== undefined && { timeout: Duration.toMillis(Duration.fromInputUnsafe(timeout)) })
  })
  return Tasks.of({
    enqueue: (tasks) => asking(async () => tasks.length === 1 ? [await sidecar.enqueue(tasks[0]!)] : sidecar.enqueueMany(tasks)),
    find: (id) => asking(() => sidecar.find(id)),
    await: (id) => asking((signal) => sidecar.await(id, signal)),
    cancel: (id) => asking(() => sidecar.cancel(id)),
    redrive: (id) => asking(() => sidecar.redrive(id)),
    wake: Effect.promise(() => sidecar.wake())
  })
})
