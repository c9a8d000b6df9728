/**
 * Gathers what ended: whatever ends while a settle is on its way joins the next, or fills a batch that goes beside it, so that
 * the store is asked in batches without a timer. A store that cannot be reached is asked again for as long as the lease may live.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type { TaskStore } from "@outrigger/sdk"

export interface Pending {
  readonly worker: TaskStore.WorkerId
  readonly settlement: TaskStore.Settlement
  /** Whether it was applied. */
  readonly done: (applied: boolean) => void
}

/** How many outcomes one settle writes at most, and how many settles are on their way at once. */
const batch = 500
const mostInFlight = 3

const again = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])

export class Settler {
  private pending: Array<Pending> = []
  private inFlight = 0
  /** Outcomes on their way. */
  private written = 0
  private readonly due = Latch.makeUnsafe(false)
  private readonly answered: () => void

  /** `answered` is called after each settle. */
  constructor(answered: () => void = () => {}) {
    this.answered = answered
  }

  /** How many outcomes are not stored. */
  get size(): number {
    return this.pending.length + this.written
  }

  add(pending: Pending): void {
    this.pending.push(pending)
    if (this.isDue()) this.due.openUnsafe()
  }

  private isDue(): boolean {
    return this.inFlight === 0 ? this.pending.length > 0 : this.pending.length >= batch
  }

  /** Settles for as long as it runs; `trusted` says whether the worker's lease may still live. */
  loop(store: TaskStore.Service, trusted: () => boolean): Effect.Effect<void> {
    const lane = Effect.forever(this.settleOnce(store, trusted))
    return Effect.all(Array.from({ length: mostInFlight }, () => lane), { concurrency: "unbounded", discard: true })
  }

  private settleOnce(store: TaskStore.Service, trusted: () => boolean): Effect.Effect<void> {
    return Effect.andThen(this.due.await, Effect.suspend(() => {
      if (!this.isDue()) return Effect.sync(() => this.due.closeUnsafe())
      const mine = this.take()
      this.inFlight++
      this.written += mine.length
      return Effect.ensuring(this.flush(store, mine, trusted), Effect.sync(() => {
        this.inFlight--
        this.written -= mine.length
        if (this.isDue()) this.due.openUnsafe()
        this.answered()
      }))
    }))
  }

  private take(): ReadonlyArray<Pending> {
    const all = this.pending
    this.pending = all.length > batch ? all.slice(batch) : []
    return all.length > batch ? all.slice(0, batch) : all
  }

  private flush(store: TaskStore.Service, all: ReadonlyArray<Pending>, trusted: () => boolean): Effect.Effect<void> {
    const [{ worker }] = all as [Pending]
    if (all.every((one) => one.worker === worker)) return this.write(store, worker, all, trusted)
    return Effect.forEach(Map.groupBy(all, (one) => one.worker), ([worker, mine]) => this.write(store, worker, mine, trusted), { discard: true })
  }

  private write(
    store: TaskStore.Service, worker: TaskStore.WorkerId, mine: ReadonlyArray<Pending>, trusted: () => boolean
  ): Effect.Effect<void> {
    return store.settle(worker, mine.map(({ settlement }) => settlement)).pipe(
      Effect.retry({ schedule: again, while: (error) => error.retryable && trusted() }),
      Effect.catch((error) => Effect.as(
        Effect.logError(`${mine.length} outcomes could not be stored; their tasks run again when the lease is over`, error),
        [] as ReadonlyArray<TaskStore.TaskId>
      )),
      Effect.map((ids) => {
        const applied = new Set(ids)
        for (const { done, settlement } of mine) done(applied.has(settlement.id))
      })
    )
  }
}
