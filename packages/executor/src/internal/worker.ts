/**
 * A worker: claims, runs, settles, and keeps its lease. Its loops share this one object; each is a named step below.
 *
 *   claiming   asks for as many tasks as there is room for; with none, announces its sleep, looks again, waits
 *   settling   writes what ended (`Settler`)
 *   beating    renews the lease; when it is lost or doubtful, interrupts everything and registers anew
 *   watching   interrupts what was cancelled or taken away, writes progress
 *   keeping up promotes what fell due, reaps workers that died
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import { AttemptEnd, type Registry, type Task, type TaskHandlers, type TaskStore } from "@outrigger/sdk"
import { endOf, type Interruption, runAttempt } from "./attempt.ts"
import { openings } from "./availability.ts"
import { granted, type Lease, renewed, renewEvery, trusted } from "./lease.ts"
import { Settler } from "./settler.ts"

/** A claim that failed may still be committed, and an outcome that was given up may still be needed, for so long, ms. */
const doubtFor = 60_000

/** Milliseconds throughout. */
export interface Settings {
  readonly name: string
  readonly concurrency: number
  readonly batch: number
  readonly lease: number
  readonly poll: number
  readonly drainTimeout: number
  readonly killAfter: number
  readonly around: (task: TaskStore.ClaimedTask, run: Effect.Effect<unknown, unknown>) => Effect.Effect<unknown, unknown>
}

/** An attempt at work. Epoch ms. */
export interface Running {
  readonly task: TaskStore.ClaimedTask
  readonly startedAt: number
  /** When it has to be over: its timeout, or the moment it was interrupted. */
  endsAt: number
}

/** What a worker stands on. */
export interface Ground {
  readonly store: TaskStore.Service
  readonly handlers: TaskHandlers.Handlers
  readonly registry: Registry.Service
  readonly clock: Clock.Clock
  /** In [0, 1). */
  readonly random: () => number
  /** Where its fibers log. */
  readonly services: Context.Context<never>
}

export interface Counts {
  claimed: number
  succeeded: number
  failed: number
  timedOut: number
  handedBack: number
  /** Outcomes that came too late: the fence had moved on. */
  refused: number
}

interface Attempt extends Running {
  readonly worker: TaskStore.WorkerId
  readonly timeout: number
  interruption: Interruption | undefined
  fiber: Fiber.Fiber<unknown, unknown> | undefined
}

export class Worker {
  readonly counts: Counts = { claimed: 0, succeeded: 0, failed: 0, timedOut: 0, handedBack: 0, refused: 0 }
  readonly attempts = new Map<string, Attempt>()
  private readonly settings: Settings
  private readonly ground: Ground
  private readonly settler = new Settler()
  private readonly awake = Latch.makeUnsafe(true)
  private readonly room = Latch.makeUnsafe(true)
  private readonly empty = Latch.makeUnsafe(true)
  private readonly progress = new Map<string, { readonly fence: string; readonly ratio: number; readonly text: string }>()
  private id: TaskStore.WorkerId | undefined
  private lease: Lease = granted(0, 0)
  private draining = false
  /** Claims on their way; and until when the store may hold more for us than we know of, monotonic ms. */
  private claims = 0
  private doubtUntil = -Infinity
  /** Until a look, after that time, that no claim disturbed. */
  private inDoubt = false
  /** The worker whose sleep the store was told of. */
  private asleep: TaskStore.WorkerId | undefined

  constructor(ground: Ground, settings: Settings) {
    this.ground = ground
    this.settings = settings
  }

  private monotonic(): number {
    return Number(this.ground.clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  private trusted(): boolean {
    return trusted(this.lease, this.monotonic())
  }

  get workerId(): TaskStore.WorkerId | undefined {
    return this.id
  }

  wake(): void {
    this.awake.openUnsafe()
  }

  /** Announces what it can run, and takes a lease. */
  readonly register = Effect.gen({ self: this }, function*() {
    const sentAt = this.monotonic()
    yield* this.ground.store.define(this.ground.handlers.all().filter(({ older }) => older !== true).map(({ definition }) => definition))
    this.id = yield* this.ground.store.register({ name: this.settings.name, lease: this.settings.lease })
    this.lease = granted(this.settings.lease, sentAt)
  })

  // ---- claiming

  readonly claiming: Effect.Effect<never> = Effect.forever(Effect.suspend(() => this.claimOnce()))

  private claimOnce(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      yield* this.room.await
      if (this.draining || this.id === undefined || !this.trusted()) return yield* Effect.sleep(this.settings.poll)
      this.awake.closeUnsafe()
      const claimed = yield* this.counted(this.claim(this.id))
      if (claimed.length === 0) return yield* this.rest(this.id)
      yield* this.begin(this.id, claimed)
      yield* this.rise(this.id)
    }).pipe(Effect.catch((error) => Effect.andThen(
      Effect.logWarning("The task store cannot be asked for work; trying again", error),
      Effect.sleep("1 second")
    )))
  }

  private counted<A, E>(claim: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.claims++
      return claim
    }).pipe(Effect.onExit((exit) => Effect.sync(() => {
      this.claims--
      if (exit._tag === "Failure") this.doubt()
    })))
  }

  private doubt(): void {
    this.doubtUntil = this.monotonic() + doubtFor
    this.inDoubt = true
  }

  private claim(worker: TaskStore.WorkerId): Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, Task.StoreUnavailable> {
    return Effect.gen({ self: this }, function*() {
      const definitions = this.ground.handlers.all().map(({ definition }) => definition)
      const { open, probing } = openings(definitions, this.ground.registry, this.monotonic(), (name) => this.runningOf(name))
      const room = Math.min(this.settings.batch, this.settings.concurrency - this.attempts.size)
      const claimed: Array<TaskStore.ClaimedTask> = []
      for (const { limit, route } of probing) {
        const some = Math.min(limit, room - claimed.length)
        if (some > 0) claimed.push(...yield* this.ground.store.claim({ worker, routes: [route], limit: some }))
      }
      if (open.length > 0 && room > claimed.length) {
        claimed.push(...yield* this.ground.store.claim({ worker, routes: open, limit: room - claimed.length }))
      }
      return claimed
    })
  }

  private runningOf(name: string): number {
    let count = 0
    for (const { task } of this.attempts.values()) if (task.name === name) count++
    return count
  }

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

  private rise(worker: TaskStore.WorkerId): Effect.Effect<void, Task.StoreUnavailable> {
    if (this.asleep === undefined) return Effect.void
    this.asleep = undefined
    return this.ground.store.sleeping(worker, false)
  }

  // ---- running

  private begin(worker: TaskStore.WorkerId, tasks: ReadonlyArray<TaskStore.ClaimedTask>): Effect.Effect<void> {
    return Effect.sync(() => {
      const now = this.ground.clock.currentTimeMillisUnsafe()
      this.counts.claimed += tasks.length
      for (const task of tasks) this.run(worker, task, now)
    })
  }

  private run(worker: TaskStore.WorkerId, task: TaskStore.ClaimedTask, startedAt: number): void {
    const handler = this.ground.handlers.find(task.name, task.version)
    if (handler === undefined) return // claimed by a route that was removed meanwhile: its lease gives it back
    const { timeout } = handler.definition
    const attempt: Attempt = { worker, task, timeout, startedAt, endsAt: startedAt + timeout, interruption: undefined, fiber: undefined }
    this.attempts.set(task.id, attempt)
    this.empty.closeUnsafe()
    if (this.attempts.size >= this.settings.concurrency) this.room.closeUnsafe()
    const progress = (ratio: number, text: string) => this.progress.set(task.id, { fence: task.fence, ratio, text })
    const work = this.settings.around(task, runAttempt(task, handler, progress)).pipe(
      Effect.annotateLogs({ task: task.name, id: task.id, attempt: task.attempt })
    ) as ReturnType<typeof runAttempt>
    const fiber = Effect.runForkWith(this.ground.services)(work)
    attempt.fiber = fiber
    fiber.addObserver((exit) => this.ended(attempt, handler.definition, exit))
  }

  private ended(attempt: Attempt, definition: TaskStore.TaskDefinition, exit: Parameters<typeof endOf>[0]): void {
    const { task, timeout, worker } = attempt
    const end = endOf(exit, timeout, attempt.interruption)
    if (end === undefined) return this.forget(task.id)
    if (end._tag === "TimedOut") this.log(Effect.logWarning(`Task timeout after ${timeout / 1000}s`), task)
    const settlement = AttemptEnd.settle(end, task, definition, this.ground.random())
    this.count(settlement, end._tag === "TimedOut")
    this.settler.add(worker, settlement, (applied) => {
      if (!applied) {
        this.counts.refused++
        this.doubt() // it was refused, or never heard
      }
      this.forget(task.id)
    })
  }

  private count({ _tag }: TaskStore.Settlement, timedOut: boolean): void {
    if (timedOut) this.counts.timedOut++
    if (_tag === "Succeed") this.counts.succeeded++
    else if (_tag === "HandBack") this.counts.handedBack++
    else this.counts.failed++
  }

  private forget(id: string): void {
    this.attempts.delete(id)
    this.progress.delete(id)
    this.room.openUnsafe()
    if (this.attempts.size === 0) this.empty.openUnsafe()
  }

  private log(effect: Effect.Effect<void>, { attempt, id, name }: TaskStore.ClaimedTask): void {
    Effect.runForkWith(this.ground.services)(Effect.annotateLogs(effect, { task: name, id, attempt }))
  }

  private interrupt(attempt: Attempt, why: Interruption): void {
    if (attempt.interruption !== undefined) return
    attempt.interruption = why
    attempt.endsAt = Math.min(attempt.endsAt, this.ground.clock.currentTimeMillisUnsafe())
    attempt.fiber?.interruptUnsafe()
  }

  // ---- settling, beating, watching, keeping up

  readonly settling: Effect.Effect<never> = Effect.suspend(() => this.settler.loop(this.ground.store, () => this.trusted()))

  readonly beating: Effect.Effect<never> = Effect.forever(Effect.suspend(() =>
    Effect.andThen(Effect.sleep(renewEvery(this.settings.lease)), this.beat)))

  private readonly beat: Effect.Effect<void> = Effect.suspend(() => Effect.gen({ self: this }, function*() {
    const sentAt = this.monotonic()
    const kept = this.id === undefined ? false : yield* this.ground.store.renew(this.id, this.settings.lease)
    if (kept) this.lease = renewed(this.lease, sentAt)
    else yield* this.startOver
  }).pipe(
    Effect.timeout(renewEvery(this.settings.lease)),
    Effect.catch((error) => Effect.andThen(
      Effect.logWarning("The lease could not be renewed", error),
      Effect.sync(() => {
        if (!this.trusted()) this.abandonAll()
      })
    ))
  ))

  /** Somebody else may have its tasks by now: nothing goes on under the old lease. */
  private readonly startOver: Effect.Effect<void, Task.StoreUnavailable> = Effect.suspend(() => Effect.gen({ self: this }, function*() {
    this.abandonAll()
    yield* Effect.logWarning("The lease was lost; registering anew")
    yield* this.register
  }))

  private abandonAll(): void {
    for (const attempt of this.attempts.values()) this.interrupt(attempt, "lost")
  }

  /**
   * What runs here but is no longer held was cancelled or taken away. What is held but does not run here was claimed by a
   * statement whose answer was lost, or ended with an outcome that was lost: it goes back, unspent, or it would wait for as
   * long as this worker lives.
   */
  readonly watching: Effect.Effect<never> = Effect.forever(Effect.gen({ self: this }, function*() {
    yield* Effect.sleep("1 second")
    const { id: worker } = this
    if (worker === undefined || (this.attempts.size === 0 && !this.inDoubt)) return
    const before = [...this.attempts.values()]
    const { claims, counts: { claimed } } = this
    const held = yield* this.ground.store.held(worker)
    const fences = new Map(held.map(({ fence, id }) => [id, fence]))
    for (const attempt of before) {
      const { fence, id } = attempt.task
      if (this.attempts.get(id) === attempt && attempt.worker === worker && fences.get(id) !== fence) this.interrupt(attempt, "cancelled")
    }
    const quiet = claims === 0 && this.claims === 0 && claimed === this.counts.claimed
    const lost = quiet ? held.filter(({ id }) => !before.some(({ task }) => task.id === id)) : []
    if (quiet && this.monotonic() > this.doubtUntil) this.inDoubt = false
    if (lost.length === 0) return
    yield* Effect.logWarning(`Handing back ${lost.length} tasks whose claim or outcome got lost`)
    yield* this.ground.store.settle(worker, lost.map(({ fence, id }) => ({ _tag: "HandBack", id, fence, delay: 0, reason: "its claim or its outcome got lost" })))
  }).pipe(Effect.ignore))

  /** Only the newest progress of each attempt is written. */
  readonly showing: Effect.Effect<never> = Effect.forever(Effect.gen({ self: this }, function*() {
    yield* Effect.sleep("100 millis")
    for (const [id, { fence, ratio, text }] of [...this.progress]) {
      this.progress.delete(id)
      const attempt = this.attempts.get(id)
      if (attempt === undefined) continue
      const shown = yield* this.ground.store.progress(attempt.worker, { id, fence, ratio, text })
      if (!shown) this.interrupt(attempt, "lost")
    }
  }).pipe(Effect.ignore))

  readonly keepingUp: Effect.Effect<never> = Effect.forever(
    Effect.andThen(Effect.ignore(Effect.suspend(() => this.ground.store.upkeep)), Effect.sleep("200 millis"))
  )

  // ---- draining

  /** Claims no more; gives what runs some time, then hands it back unspent; ends the lease. */
  readonly drain: Effect.Effect<void> = Effect.suspend(() => Effect.gen({ self: this }, function*() {
    this.draining = true
    yield* Effect.timeoutOption(this.empty.await, this.settings.drainTimeout)
    for (const attempt of this.attempts.values()) this.interrupt(attempt, "drain")
    yield* Effect.timeoutOption(this.empty.await, this.settings.killAfter)
    const { id } = this
    this.id = undefined
    if (id !== undefined) yield* Effect.ignore(Effect.timeout(this.ground.store.deregister(id), "5 seconds"))
  }))

  /** Attempts that outlive their timeout, or their interruption, by `killAfter`: only replacing the process ends them. */
  stuck(now: number): ReadonlyArray<Running> {
    return [...this.attempts.values()].filter(({ endsAt }) => now > endsAt + this.settings.killAfter)
  }
}
