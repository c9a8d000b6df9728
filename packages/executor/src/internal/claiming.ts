/**
 * Asks the store for work.
 *
 *   asking    asks for as many tasks as `prefetch.ts` says; with none to be had, announces its sleep, looks again, and waits
 *   helping   two more claims beside it, in full batches, while there is plenty of work and the worker is quick
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Task, TaskStore } from "@outrigger/sdk"
import { openings } from "./availability.ts"
import { type Ground, monotonic, type Settings } from "./ground.ts"
import type { Leasing } from "./leasing.ts"
import { claimSize, measured, type Pace, unmeasured } from "./prefetch.ts"

/** Claims beside the first. */
const helpers = 2
/** A claim that failed may still be committed, and an outcome that was given up may still be needed, for so long, ms. */
const doubtFor = 60_000

/** What this worker has on its hands. */
export interface Hands {
  readonly running: number
  readonly waiting: number
  readonly unsettled: number
  /** Attempts that have ended since the beginning. */
  readonly ended: number
}

interface Sides {
  readonly hands: () => Hands
  /** Of a task by name: at work, or in line. */
  readonly countOf: (name: string) => number
  readonly claimed: (worker: TaskStore.WorkerId, tasks: ReadonlyArray<TaskStore.ClaimedTask>) => void
  /** After each claim, whatever it brought. */
  readonly answered: () => void
}

export class Claiming {
  draining = false
  private readonly ground: Ground
  private readonly settings: Settings
  private readonly leasing: Leasing
  private readonly sides: Sides
  private readonly awake = Latch.makeUnsafe(true)
  private readonly room = Latch.makeUnsafe(true)
  private readonly plenty = Latch.makeUnsafe(false)
  private pace: Pace
  /** How many tasks the claims on their way ask for, and when each was sent, by its number. */
  private asked = 0
  private readonly onTheirWay = new Set<number>()
  private sent = 0
  private lastWasFull = false
  /** Whether the store may hold more for this worker than it knows of: until a look after this time, monotonic ms. */
  inDoubt = false
  private doubtUntil = -Infinity
  /** The worker whose sleep the store was told of. */
  private asleep: TaskStore.WorkerId | undefined

  constructor(ground: Ground, settings: Settings, leasing: Leasing, sides: Sides) {
    this.ground = ground
    this.settings = settings
    this.leasing = leasing
    this.sides = sides
    this.pace = unmeasured(monotonic(ground.clock))
  }

  wake(): void {
    this.awake.openUnsafe()
  }

  /** Something began, ended, or was stored: there may be room for more. */
  changed(): void {
    const first = this.onTheirWay.size === 0
    if (!first && (!this.lastWasFull || this.onTheirWay.size > helpers)) return
    if (this.size() > 0) (first ? this.room : this.plenty).openUnsafe()
  }

  private size(): number {
    const { batch, concurrency, prefetch: { ahead } } = this.settings
    const { ended, running, unsettled, waiting } = this.sides.hands()
    this.pace = measured(this.pace, ended, monotonic(this.ground.clock))
    return claimSize({ ahead, asked: this.asked, batch, concurrency, perMilli: this.pace.perMilli, running, unsettled, waiting })
  }

  private mayClaim(): TaskStore.WorkerId | undefined {
    return this.draining || !this.leasing.trusted() ? undefined : this.leasing.worker
  }

  // ---- asking

  get asking(): Effect.Effect<never> {
    return Effect.forever(this.steadied(Effect.gen({ self: this }, function*() {
      yield* this.room.await
      const worker = this.mayClaim()
      if (worker === undefined) return yield* Effect.sleep(this.settings.poll)
      const size = this.size()
      if (size === 0) return this.room.closeUnsafe()
      this.awake.closeUnsafe()
      const tasks = yield* this.numbered(worker, size, this.claim(worker, size))
      if (tasks.length > 0) return yield* this.rise
      if (!this.idle) return this.room.closeUnsafe() // what was there went to the claims beside it: they open it again
      yield* this.rest(worker)
    })))
  }

  get helping(): Effect.Effect<void> {
    const help = Effect.forever(this.steadied(Effect.gen({ self: this }, function*() {
      yield* this.plenty.await
      const worker = this.mayClaim()
      const size = this.lastWasFull && this.onTheirWay.size > 0 ? this.size() : 0
      if (worker === undefined || size === 0) return this.plenty.closeUnsafe()
      yield* this.numbered(worker, size, this.claimOpen(worker, size))
    })))
    return Effect.all(Array.from({ length: helpers }, () => help), { concurrency: "unbounded", discard: true })
  }

  private steadied(round: Effect.Effect<void, Task.StoreUnavailable>): Effect.Effect<void> {
    return Effect.catch(round, (error) => Effect.andThen(
      Effect.logWarning("The task store cannot be asked for work; trying again", error),
      Effect.sleep("1 second")
    ))
  }

  /** Knows of the claim while it is on its way, and hands on what it brings. */
  private numbered(
    worker: TaskStore.WorkerId, size: number, claim: Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, Task.StoreUnavailable>
  ): Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, Task.StoreUnavailable> {
    return Effect.suspend(() => {
      const number = ++this.sent
      this.onTheirWay.add(number)
      this.asked += size
      this.changed()
      return Effect.onExit(claim, (exit) => Effect.sync(() => {
        this.onTheirWay.delete(number)
        this.asked -= size
        this.lastWasFull = exit._tag === "Success" && exit.value.length === size
        if (exit._tag === "Failure") this.doubt()
        else if (exit.value.length > 0) this.sides.claimed(worker, exit.value)
        this.sides.answered()
      }))
    })
  }

  /** Few of what is recovering, each kind by itself; then of all that is well. */
  private claim(worker: TaskStore.WorkerId, size: number): Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, Task.StoreUnavailable> {
    return Effect.suspend(() => {
      const { open, probing } = this.openings()
      if (probing.length === 0) return this.ask(worker, open, size)
      return Effect.gen({ self: this }, function*() {
        const claimed: Array<TaskStore.ClaimedTask> = []
        for (const { limit, route } of probing) {
          claimed.push(...yield* this.ask(worker, [route], Math.min(limit, size - claimed.length)))
        }
        claimed.push(...yield* this.ask(worker, open, size - claimed.length))
        return claimed
      })
    })
  }

  private claimOpen(worker: TaskStore.WorkerId, size: number): Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, Task.StoreUnavailable> {
    return Effect.suspend(() => this.ask(worker, this.openings().open, size))
  }

  private openings() {
    const definitions = this.ground.handlers.all().map(({ definition }) => definition)
    return openings(definitions, this.ground.registry, monotonic(this.ground.clock), this.sides.countOf)
  }

  private ask(worker: TaskStore.WorkerId, routes: ReadonlyArray<TaskStore.Route>, limit: number) {
    return routes.length === 0 || limit < 1
      ? Effect.succeed<ReadonlyArray<TaskStore.ClaimedTask>>([])
      : this.ground.store.claim({ worker, routes, limit })
  }

  // ---- sleeping

  /** Announce, look again (an enqueue may have come between), and only then wait: for a wake-up, or the poll. */
  private rest(worker: TaskStore.WorkerId): Effect.Effect<void, Task.StoreUnavailable> {
    return Effect.gen({ self: this }, function*() {
      if (this.asleep !== worker) {
        yield* this.ground.store.sleeping(worker, true)
        this.asleep = worker
        return // to look again
      }
      yield* Effect.timeoutOption(this.awake.await, this.settings.poll)
    })
  }

  private readonly rise: Effect.Effect<void, Task.StoreUnavailable> = Effect.suspend(() => {
    const { asleep } = this
    this.asleep = undefined
    return asleep === undefined ? Effect.void : this.ground.store.sleeping(asleep, false)
  })

  // ---- what others ask of it

  get idle(): boolean {
    return this.onTheirWay.size === 0
  }

  /** The answer to a claim, or to an outcome, never came. */
  doubt(): void {
    this.doubtUntil = monotonic(this.ground.clock) + doubtFor
    this.inDoubt = true
  }

  /** The store was asked what it holds for this worker, and held nothing that the worker did not know of. */
  looked(): void {
    if (monotonic(this.ground.clock) > this.doubtUntil) this.inDoubt = false
  }

  /** The number of the newest claim. */
  get newest(): number {
    return this.sent
  }

  /** Whether all claims up to this number have been answered, or have failed. */
  answered(number: number): boolean {
    for (const one of this.onTheirWay) if (one <= number) return false
    return true
  }
}
