/** Who waits for a task to end: however many, they are asked for together, once a poll. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type { SqlError } from "effect/sql/SqlError"
import type { TaskStore } from "@outrigger/sdk"

type Waiter = Deferred.Deferred<void>

/** A connection can fall silent: it is given up, and another one asked. */
const patience = "10 seconds"

export class Waiters {
  private readonly waiting = new Map<TaskStore.TaskId, Set<Waiter>>()
  private readonly some = Latch.makeUnsafe(false)

  /** Succeeds when the task is over, as far as is known; whoever waits looks for itself. */
  ended(id: TaskStore.TaskId): Effect.Effect<void> {
    return Effect.suspend(() => {
      const waiter = Deferred.makeUnsafe<void>()
      const all = this.waiting.get(id) ?? new Set<Waiter>()
      this.waiting.set(id, all.add(waiter))
      this.some.openUnsafe()
      return Effect.ensuring(Deferred.await(waiter), Effect.sync(() => {
        all.delete(waiter)
        if (all.size === 0 && this.waiting.get(id) === all) this.waiting.delete(id)
      }))
    })
  }

  announce(ids: Iterable<TaskStore.TaskId>): void {
    for (const id of ids) for (const waiter of this.waiting.get(id) ?? []) Deferred.doneUnsafe(waiter, Effect.void)
  }

  /** Asks which of them are over, for as long as anybody waits. */
  poll(over: (ids: ReadonlyArray<TaskStore.TaskId>) => Effect.Effect<ReadonlyArray<TaskStore.TaskId>, SqlError>): Effect.Effect<never> {
    return Effect.forever(Effect.gen({ self: this }, function*() {
      yield* this.some.await
      if (this.waiting.size === 0) return this.some.closeUnsafe()
      this.announce(yield* Effect.timeout(over([...this.waiting.keys()]), patience))
      yield* Effect.sleep("50 millis")
    }).pipe(Effect.retry(Schedule.spaced("1 second")), Effect.ignore))
  }
}
