/**
 * A worker, as one pipeline. Each step is a file of its own; what a step finds goes to the next.
 *
 *   Claiming --claimed--> Line --advance--> Attempts --ended--> settle --> Settler --settled--> forgotten
 *
 *   claiming    asks the store for work, ahead of what can begin (`prefetch.ts`)
 *   line        what is claimed and has not begun; what waits too long goes back
 *   attempts    the handlers at work, with their deadlines
 *   settler     writes what ended, in batches
 *
 * Around it: `leasing` keeps the lease, `watching` sees what was cancelled or went astray, `progress` shows how far attempts
 * are, and `drain` ends it all.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { AttemptEnd, type TaskStore } from "@outrigger/sdk"
import type { Attempt } from "./attempt.ts"
import { Attempts } from "./attempts.ts"
import { Claiming } from "./claiming.ts"
import { type Counts, type Ground, monotonic, type Settings } from "./ground.ts"
import { Leasing } from "./leasing.ts"
import { Line, type Waiting } from "./line.ts"
import { Progress } from "./progress.ts"
import { Settler } from "./settler.ts"
import { Watching } from "./watching.ts"

/** So long attempts are begun one after the other, ms, before others have their turn: handlers may begin with hard work. */
const turn = 5

export class Worker {
  readonly counts: Counts = { claimed: 0, succeeded: 0, failed: 0, timedOut: 0, snoozed: 0, handedBack: 0, returned: 0, refused: 0 }
  readonly leasing: Leasing
  readonly attempts: Attempts
  private readonly settings: Settings
  private readonly ground: Ground
  private readonly line = new Line()
  private readonly settler = new Settler(() => this.answered())
  private readonly progress = new Progress()
  private readonly claiming: Claiming
  private readonly watching: Watching
  private readonly empty = Latch.makeUnsafe(false)
  /** Open while somebody stands in line. */
  private readonly waited = Latch.makeUnsafe(false)
  private advancing = false
  /** The worker whose lease was lost last. */
  private lost: TaskStore.WorkerId | undefined = undefined

  constructor(ground: Ground, settings: Settings) {
    this.ground = ground
    this.settings = settings
    this.leasing = new Leasing(ground, settings, () => this.abandon())
    this.attempts = new Attempts(ground, settings, {
      ended: (attempt, end) => this.ended(attempt, end),
      progress: (attempt, ratio, text) => this.progress.tell(attempt, ratio, text)
    })
    this.claiming = new Claiming(ground, settings, this.leasing, {
      hands: () => ({ running: this.attempts.size, waiting: this.line.size, unsettled: this.settler.size, ended: this.attempts.ended }),
      countOf: (name) => this.attempts.runningOf(name) + this.line.all().filter(({ task }) => task.name === name).length,
      claimed: (worker, tasks) => this.claimed(worker, tasks),
      answered: () => this.answered()
    })
    this.watching = new Watching(ground, this.leasing, this.claiming, this.line, this.attempts)
  }

  /** Everything that goes on beside the claims, for as long as it runs. */
  get loops(): ReadonlyArray<Effect.Effect<unknown>> {
    return [
      this.settler.loop(this.ground.store, () => this.leasing.trusted()),
      this.leasing.renewing,
      this.watching.watching,
      this.progress.showing(this.ground.store, (attempt) => this.attempts.interrupt(attempt, "lost")),
      this.keepingUp,
      this.returning,
      this.noticing
    ]
  }

  get claims(): ReadonlyArray<Effect.Effect<unknown>> {
    return [this.claiming.asking, this.claiming.helping]
  }

  wake(): void {
    this.claiming.wake()
  }

  // ---- the pipeline

  private claimed(worker: TaskStore.WorkerId, tasks: ReadonlyArray<TaskStore.ClaimedTask>): void {
    // The lease was lost meanwhile: they are somebody else's. Was it only in doubt, `watching` finds them.
    if (worker !== this.leasing.worker || !this.leasing.trusted()) return
    this.counts.claimed += tasks.length
    this.settings.hooks.onClaimed?.({ _tag: "Claimed", worker, tasks })
    this.line.join(worker, tasks, monotonic(this.ground.clock))
    if (this.claiming.draining) this.giveBack(() => true, "the worker is draining")
    else this.advance()
    if (this.line.size > 0) this.waited.openUnsafe()
  }

  /** Begins what waits in line while there is room. A handler may be over at once and come round here again: one loop for all. */
  private advance(): void {
    if (this.advancing) return
    this.advancing = true
    const began = monotonic(this.ground.clock)
    while (this.line.size > 0 && this.attempts.size < this.settings.concurrency) {
      if (monotonic(this.ground.clock) - began > turn) {
        Effect.runForkWith(this.ground.services)(Effect.andThen(Effect.yieldNow, Effect.sync(() => {
          this.advancing = false
          this.advance()
        })))
        return
      }
      this.begin(this.line.next()!)
    }
    this.advancing = false
    this.claiming.changed()
  }

  private begin(waiting: Waiting): void {
    const handler = this.ground.handlers.find(waiting.task.name, waiting.task.version)
    if (handler === undefined) this.hand(waiting, "its handler was removed")
    else if (AttemptEnd.isExhausted(waiting.task, handler.definition)) this.bury(waiting)
    else this.attempts.begin(waiting.worker, waiting.task, handler)
  }

  /** All its attempts are spent, and none of its workers lived to say so: it may be what kills them. */
  private bury({ task, worker }: Waiting): void {
    const settlement = AttemptEnd.exhausted(task)
    this.counts.failed++
    this.settler.add({ worker, settlement, done: (applied) => {
      this.settings.hooks.onSettled?.({ _tag: "Settled", worker, task, settlement, applied, took: undefined })
    } })
  }

  private ended(attempt: Attempt, end: AttemptEnd.AttemptEnd | undefined): void {
    const { definition, task, timeout, worker } = attempt
    if (end === undefined) {
      this.forget(attempt)
      this.advance()
      return this.emptied()
    }
    if (end._tag === "TimedOut") this.log(Effect.logWarning(`Task timeout after ${timeout / 1000}s`), attempt)
    const settlement = AttemptEnd.settle(end, task, definition, this.ground.random())
    this.count(end, settlement)
    this.settler.add({ worker, settlement, done: (applied) => this.settled(attempt, settlement, applied) })
    this.advance()
  }

  private settled(attempt: Attempt, settlement: TaskStore.Settlement, applied: boolean): void {
    if (!applied) {
      this.counts.refused++
      this.claiming.doubt() // it was refused, or never heard
    }
    const { endedAt, startedAt, task, worker } = attempt
    this.settings.hooks.onSettled?.({ _tag: "Settled", worker, task, settlement, applied, took: endedAt! - startedAt })
    this.forget(attempt)
  }

  private forget(attempt: Attempt): void {
    this.attempts.forget(attempt)
    this.progress.forget(attempt)
  }

  /** The store has answered a claim or a settle. */
  private answered(): void {
    this.claiming.changed()
    this.emptied()
  }

  private count(end: AttemptEnd.AttemptEnd, { _tag }: TaskStore.Settlement): void {
    if (end._tag === "TimedOut") this.counts.timedOut++
    if (_tag === "Succeed") this.counts.succeeded++
    else if (_tag !== "HandBack") this.counts.failed++
    else if (end._tag === "Snoozed") this.counts.snoozed++
    else this.counts.handedBack++
  }

  private log(effect: Effect.Effect<void>, { task }: Attempt): void {
    Effect.runForkWith(this.ground.services)(Effect.annotateLogs(effect, { task: task.name, id: task.id, attempt: task.attempt }))
  }

  // ---- giving back what has not begun

  /** Handlers are slower than they were: what waits for longer than `returnAfter` is better off elsewhere. */
  private get returning(): Effect.Effect<never> {
    const { returnAfter } = this.settings.prefetch
    const look = Effect.sync(() => {
      if (this.line.size === 0) return this.waited.closeUnsafe()
      const now = monotonic(this.ground.clock)
      this.giveBack(({ since }) => now - since >= returnAfter, "it was claimed ahead, and there was no room for it in time")
    })
    return Effect.forever(Effect.andThen(Effect.andThen(this.waited.await, Effect.sleep(returnAfter / 4)), look))
  }

  private giveBack(goes: (waiting: Waiting) => boolean, reason: string): void {
    for (const waiting of this.line.leave(goes)) this.hand(waiting, reason)
  }

  private hand({ task, worker }: Waiting, reason: string): void {
    const { fence, id } = task
    const settlement = { _tag: "HandBack", id, fence, delay: 0, reason, counted: false } as const
    this.counts.returned++
    this.settler.add({ worker, settlement, done: (applied) => {
      this.settings.hooks.onSettled?.({ _tag: "Settled", worker, task, settlement, applied, took: undefined })
    } })
  }

  // ---- keeping up, noticing, abandoning

  private get keepingUp(): Effect.Effect<never> {
    return Effect.forever(Effect.andThen(Effect.ignore(Effect.suspend(() => this.ground.store.upkeep)), Effect.sleep("200 millis")))
  }

  /** Tells of each stuck attempt once. */
  private get noticing(): Effect.Effect<never> {
    return Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => {
      for (const attempt of this.attempts.stuck()) {
        if (attempt.noticed) continue
        attempt.noticed = true
        const { endsAt, startedAt, task, worker } = attempt
        this.log(Effect.logWarning(`The attempt outlives its end by more than ${this.settings.killAfter / 1000}s: it is stuck`), attempt)
        this.settings.hooks.onStuck?.({ _tag: "Stuck", worker, task, startedAt, endsAt })
      }
    })))
  }

  /** Nothing goes on under a lease that is lost or in doubt. */
  private abandon(): void {
    const { worker } = this.leasing
    if (worker !== this.lost) this.settings.hooks.onLeaseLost?.({ _tag: "LeaseLost", worker })
    this.lost = worker
    this.line.leave(() => true)
    this.attempts.interruptAll("lost")
  }

  // ---- draining

  /** Claims no more; gives what runs some time, then hands it back unspent; ends the lease. */
  readonly drain: Effect.Effect<void> = Effect.suspend(() => Effect.gen({ self: this }, function*() {
    this.claiming.draining = true
    this.giveBack(() => true, "the worker is draining")
    this.emptied()
    yield* Effect.timeoutOption(this.empty.await, this.settings.drainTimeout)
    this.attempts.interruptAll("drain")
    yield* Effect.timeoutOption(this.empty.await, this.settings.killAfter)
    yield* this.leasing.release
    this.attempts.deadlines.close()
  }))

  private emptied(): void {
    if (!this.claiming.draining) return
    const some = this.attempts.all.size > 0 || this.line.size > 0 || this.settler.size > 0 || !this.claiming.idle
    if (!some) this.empty.openUnsafe()
  }
}
