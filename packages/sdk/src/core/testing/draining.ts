/** A drain, step by step: which attempt comes next, when the clock has to move, and what came of it all. */
import type { TaskId, TaskRecord } from "../tasks/task.ts"
import { Attempt } from "./attempt.ts"
import type { Waiting, Workbench } from "./workbench.ts"

/** What to drain; milliseconds. */
export interface Draining {
  readonly with?: "due" | Waiting | undefined
  readonly for?: number | undefined
  readonly queue?: string | undefined
  readonly limit?: number | undefined
}

/** What a handler threw, as it was thrown. */
export interface DrainFailure {
  readonly id: TaskId
  readonly name: string
  readonly attempt: number
  readonly error: unknown
}

/** What a drain did. */
export interface DrainResult {
  readonly attempts: number
  readonly succeeded: number
  /** Failed, and scheduled to be tried again. */
  readonly retried: number
  /** After their last attempt, at once for good, or of waiting longer than `expiresAfter`. */
  readonly died: number
  /** Put back without an attempt spent: what they need is down. */
  readonly handedBack: number
  /** Ended too late for the store: cancelled, or another worker's by then. */
  readonly refused: number
  readonly failures: ReadonlyArray<DrainFailure>
  /** Names of tasks that wait and have no handler here. */
  readonly unhandled: ReadonlyArray<string>
}

/** A drain that runs more, and was given no limit, would hardly end by itself; told before a test runner's own patience ends. */
const most = 2000

const outcomes = { Succeed: "succeeded", Retry: "retried", Die: "died", HandBack: "handedBack", Refused: "refused" } as const

/** A task that died of waiting: no attempt began within its `expiresAfter`. */
const expiry = ({ attempt, failure, id, name }: TaskRecord): DrainFailure =>
  ({ id, name, attempt, error: Object.assign(new Error(failure!.message), { name: failure!.name }) })

class Tally {
  readonly counts = { attempts: 0, succeeded: 0, retried: 0, died: 0, handedBack: 0, refused: 0 }
  readonly failures: Array<DrainFailure> = []

  add({ outcome, task: { attempt, id, name }, thrown }: Attempt): void {
    this.counts.attempts++
    if (outcome !== undefined) this.counts[outcomes[outcome]]++
    if (thrown !== undefined) this.failures.push({ id, name, attempt, error: thrown.error })
  }

  addExpired(tasks: ReadonlyArray<TaskRecord>): void {
    this.counts.died += tasks.length
    this.failures.push(...tasks.map(expiry))
  }
}

/**
 * Yields each attempt, to be run and settled before the next step, and each moment (epoch ms) that the clock has to reach.
 * Ends when nothing is left, or once `over` says so.
 */
export function* draining(
  bench: Workbench, now: () => number, options: Draining, over: () => boolean = () => false
): Generator<Attempt | number, DrainResult, void> {
  refuse(options)
  const { for: duration, limit, queue } = options
  const until = duration === undefined ? Infinity : now() + duration
  const { with: what = duration === undefined ? "due" : "scheduled" } = options
  const tally = new Tally()
  const full = () => tally.counts.attempts >= (limit ?? Infinity)
  while (!full() && !over()) {
    const attempt = bench.next(queue)
    tally.addExpired(bench.takeExpired())
    if (attempt === undefined) {
      const next = what === "due" ? undefined : nextMoment(bench.nextDue(what, queue), bench.nextSlot(), until)
      if (next === undefined) break
      yield next
      continue
    }
    if (limit === undefined && tally.counts.attempts >= most) {
      bench.settle(attempt, { _tag: "CutOff", reason: "the drain came to no end" })
      throw endless(attempt)
    }
    yield attempt
    tally.add(attempt)
  }
  if (until !== Infinity && now() < until && !full()) yield until
  return { ...tally.counts, failures: tally.failures, unhandled: bench.unhandled() }
}

/** Schedules never end: their slots come as time goes by on the way to something else, and are not waited for by themselves. */
const nextMoment = (due = Infinity, slot = Infinity, until: number): number | undefined => {
  const goal = Math.min(due, until)
  const next = Math.min(due, slot)
  return next <= goal && goal !== Infinity ? next : undefined
}

const refuse = ({ for: duration, limit, with: what }: Draining): void => {
  const must = (ok: boolean, option: string, value: unknown, allowed: string) => {
    if (!ok) throw new RangeError(`drain: ${option} is ${String(value)}, but must be ${allowed}`)
  }
  must(what === undefined || ["due", "retries", "scheduled"].includes(what), "with", what, "due, retries or scheduled")
  must(limit === undefined || (Number.isInteger(limit) && limit >= 1), "limit", limit, "a whole number from 1")
  must(duration === undefined || duration >= 0, "for", duration, 'a duration, such as "10 minutes"')
}

const endless = ({ task: { id, name } }: Attempt): Error =>
  new Error(`The drain has run ${most} attempts and comes to no end; the next would be task ${id} "${name}". Does a handler enqueue its own task? If it should run more, give it a limit`)
