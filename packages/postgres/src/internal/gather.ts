/** Gathers concurrent single enqueues into shared statements; one caller's bad task is that caller's error alone. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Task, type TaskStore } from "@outrigger/sdk"

type EnqueueMany = TaskStore.Service["enqueue"]

interface Pending {
  readonly task: TaskStore.NewTask
  /** Goes to the one caller who waits; one that was interrupted no longer hears it. */
  readonly answer: (answer: Effect.Effect<TaskStore.Enqueued, Task.EnqueueError>) => void
}

const most = 500
const inFlight = 2
/** A connection can fall silent. Who comes later must not wait behind it, however long the first caller would. */
const patience = "30 seconds"

const silent = () => new Task.StoreUnavailable(
  "PostgreSQL gave no answer in 30 seconds; whether the task was enqueued is unknown: repeat it with an idempotency key", true)

export const gather = (send: EnqueueMany) => {
  const enqueue: EnqueueMany = (tasks) => Effect.timeoutOrElse(send(tasks), { duration: patience, orElse: () => Effect.fail(silent()) })
  let pending: Array<Pending> = []
  let flushing = 0

  const single = ({ answer, task }: Pending) =>
    Effect.match(enqueue([task]), {
      onSuccess: ([one]) => answer(Effect.succeed(one!)),
      onFailure: (error) => answer(Effect.fail(error))
    })

  /** A shared statement that fails is repeated one by one, unless the store itself is away. */
  const flushBatch = (batch: ReadonlyArray<Pending>): Effect.Effect<unknown> =>
    Effect.matchEffect(enqueue(batch.map(({ task }) => task)), {
      onSuccess: (enqueued) => Effect.sync(() => batch.forEach(({ answer }, index) => answer(Effect.succeed(enqueued[index]!)))),
      onFailure: (error) => error._tag === "StoreUnavailable"
        ? Effect.sync(() => batch.forEach(({ answer }) => answer(Effect.fail(error))))
        : Effect.forEach(batch, single, { discard: true })
    })

  const flush: Effect.Effect<void> = Effect.gen(function*() {
    while (pending.length > 0) {
      const batch = pending.slice(0, most)
      pending = pending.slice(most)
      yield* flushBatch(batch)
    }
    flushing--
  })

  /** Who comes in the same turn is aboard. */
  const departure = Effect.andThen(Effect.yieldNow, flush)

  return (task: TaskStore.NewTask): Effect.Effect<TaskStore.Enqueued, Task.EnqueueError> =>
    Effect.contextWith((context: Context.Context<never>) => Effect.callback<TaskStore.Enqueued, Task.EnqueueError>((resume) => {
      pending.push({ task, answer: resume })
      if (flushing >= inFlight) return
      flushing++
      Effect.runForkWith(context)(departure)
    }))
}
