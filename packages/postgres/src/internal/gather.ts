/** Gathers concurrent single enqueues into shared statements; one caller's bad task is that caller's error alone. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Task, type TaskStore } from "@outrigger/sdk"

type EnqueueMany = TaskStore.Service["enqueue"]

interface Pending {
  readonly task: TaskStore.NewTask
  readonly answer: Deferred.Deferred<TaskStore.Enqueued, Task.EnqueueError>
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
    Effect.matchEffect(enqueue([task]), {
      onSuccess: ([one]) => Deferred.succeed(answer, one!),
      onFailure: (error) => Deferred.fail(answer, error)
    })

  /** A shared statement that fails is repeated one by one, unless the store itself is away. */
  const flushBatch = (batch: ReadonlyArray<Pending>): Effect.Effect<unknown> =>
    Effect.matchEffect(enqueue(batch.map(({ task }) => task)), {
      onSuccess: (ids) => Effect.forEach(batch, ({ answer }, index) => Deferred.succeed(answer, ids[index]!), { discard: true }),
      onFailure: (error) => error._tag === "StoreUnavailable"
        ? Effect.forEach(batch, ({ answer }) => Deferred.fail(answer, error), { discard: true })
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

  return (task: TaskStore.NewTask): Effect.Effect<TaskStore.Enqueued, Task.EnqueueError> =>
    Effect.gen(function*() {
      const answer = yield* Deferred.make<TaskStore.Enqueued, Task.EnqueueError>()
      pending.push({ task, answer })
      if (flushing < inFlight) {
        flushing++
        yield* Effect.forkDetach(flush)
      }
      return yield* Deferred.await(answer)
    })
}
