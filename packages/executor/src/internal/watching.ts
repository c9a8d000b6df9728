/**
 * Compares what this worker has with what the store says it holds, once a second.
 *
 * What is here but no longer held was cancelled or taken away: the store is asked for what runs here, by its ids, which costs no
 * more than that. Only in doubt, when an answer was lost, is it asked for all that it holds. What is held but not here was claimed
 * by a statement whose answer was lost, or ended with an outcome that was lost: it goes back, unspent, or it would wait for as
 * long as this worker lives. That is certain when it was not here at two looks, and all claims that were on their way at the first
 * have been answered: pure, in `strays`.
 */
import * as Effect from "effect/Effect"
import type { Task, TaskStore } from "@outrigger/sdk"
import type { Attempt } from "./attempt.ts"
import type { Attempts } from "./attempts.ts"
import type { Claiming } from "./claiming.ts"
import type { Ground } from "./ground.ts"
import type { Leasing } from "./leasing.ts"
import type { Line } from "./line.ts"

type Held = ReadonlyMap<TaskStore.TaskId, string>

const heldOf = (tasks: ReadonlyArray<TaskStore.HeldTask>): Held => new Map(tasks.map(({ fence, id }) => [id, fence]))

/** What one look found: held tasks that were not here, by id with their fences, while claims up to `claim` had been sent. */
export interface Look {
  readonly worker: TaskStore.WorkerId
  readonly missing: Held
  readonly claim: number
}

/** Held at both looks, under one fence, and never here. */
export const strays = (before: Look | undefined, now: Look, answered: (claim: number) => boolean): ReadonlyArray<{ readonly id: TaskStore.TaskId; readonly fence: string }> =>
  before === undefined || before.worker !== now.worker || !answered(before.claim)
    ? []
    : [...now.missing].filter(([id, fence]) => before.missing.get(id) === fence).map(([id, fence]) => ({ id, fence }))

export class Watching {
  private readonly ground: Ground
  private readonly leasing: Leasing
  private readonly claiming: Claiming
  private readonly attempts: Attempts
  private readonly line: Line
  private last: Look | undefined = undefined

  constructor(ground: Ground, leasing: Leasing, claiming: Claiming, line: Line, attempts: Attempts) {
    this.ground = ground
    this.leasing = leasing
    this.claiming = claiming
    this.line = line
    this.attempts = attempts
  }

  get watching(): Effect.Effect<never> {
    return Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.ignore(this.look)))
  }

  private readonly look = Effect.gen({ self: this }, function*() {
    const { worker } = this.leasing
    if (worker === undefined) return
    const here = this.attempts.running().filter((attempt) => attempt.worker === worker)
    if (this.claiming.inDoubt || this.last !== undefined) return yield* this.lookForStrays(worker, here)
    if (here.length > 0) this.interruptTaken(here, heldOf(yield* this.ground.store.held(worker, here.map(({ task }) => task.id))))
  })

  private lookForStrays(worker: TaskStore.WorkerId, here: ReadonlyArray<Attempt>): Effect.Effect<void, Task.StoreUnavailable> {
    return Effect.gen({ self: this }, function*() {
      const known = new Set([...[...this.attempts.all].map(({ task }) => task.id), ...this.line.all().map(({ task }) => task.id)])
      const claim = this.claiming.newest
      const held = heldOf(yield* this.ground.store.held(worker))
      this.interruptTaken(here, held)
      const now: Look = { worker, claim, missing: new Map([...held].filter(([id]) => !known.has(id))) }
      const lost = strays(this.last, now, (number) => this.claiming.answered(number))
      this.last = now.missing.size === 0 ? undefined : now
      if (now.missing.size === 0) this.claiming.looked()
      if (lost.length === 0) return
      yield* Effect.logWarning(`Handing back ${lost.length} tasks whose claim or outcome got lost`)
      const reason = "its claim or its outcome got lost"
      yield* this.ground.store.settle(worker, lost.map(({ fence, id }) => ({ _tag: "HandBack", id, fence, delay: 0, reason, counted: false })))
    })
  }

  private interruptTaken(here: ReadonlyArray<Attempt>, held: Held): void {
    for (const attempt of here) {
      if (held.get(attempt.task.id) !== attempt.task.fence) this.attempts.interrupt(attempt, "cancelled")
    }
  }
}
