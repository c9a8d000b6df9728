/**
 * Gathers what ended: whatever ends while a settle is on its way joins the next, so that the store is asked in batches
 * without a timer. A store that cannot be reached is asked again for as long as the lease may live.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type { TaskStore } from "@outrigger/sdk"

interface Pending {
  readonly worker: TaskStore.WorkerId
  readonly settlement: TaskStore.Settlement
  readonly done: (applied: boolean) => void
}

const again = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])

export class Settler {
  private pending: Array<Pending> = []
  private inFlight = 0
  private readonly latch = Latch.makeUnsafe(false)
  private readonly idle = Latch.makeUnsafe(true)

  add(worker: TaskStore.WorkerId, settlement: TaskStore.Settlement, done: (applied: boolean) => void): void {
    this.pending.push({ worker, settlement, done })
    this.idle.closeUnsafe()
    this.latch.openUnsafe()
  }

  /** Settles for as long as it runs; `trusted` says whether the worker's lease may still live. */
  loop(store: TaskStore.Service, trusted: () => boolean): Effect.Effect<never> {
    return Effect.forever(Effect.gen({ self: this }, function*() {
      yield* this.latch.await
      this.latch.closeUnsafe()
      const batch = this.pending
      this.pending = []
      this.inFlight = batch.length
      yield* this.flush(store, batch, trusted)
      this.inFlight = 0
      if (this.pending.length === 0) this.idle.openUnsafe()
    }))
  }

  private flush(store: TaskStore.Service, batch: ReadonlyArray<Pending>, trusted: () => boolean): Effect.Effect<void> {
    const workers = Map.groupBy(batch, ({ worker }) => worker)
    return Effect.forEach(workers, ([worker, mine]) =>
      store.settle(worker, mine.map(({ settlement }) => settlement)).pipe(
        Effect.retry({ schedule: again, while: (error) => error.retryable && trusted() }),
        Effect.map((ids) => new Set(ids)),
        Effect.catch((error) => Effect.as(
          Effect.logError(`${mine.length} outcomes could not be stored; their tasks run again when the lease is over`, error),
          new Set<string>()
        )),
        Effect.map((applied) => {
          for (const { done, settlement } of mine) done(applied.has(settlement.id))
        })
      ), { discard: true })
  }

  /** Everything that was added has been written, or given up. */
  get drained(): Effect.Effect<void> {
    return this.idle.await as unknown as Effect.Effect<void>
  }

  get waiting(): number {
    return this.pending.length + this.inFlight
  }
}
