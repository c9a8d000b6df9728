/**
 * What becomes of a task when an attempt ends: one pure decision, `settle`, for whoever has to make it. The executor asks for
 * the attempts it ran, a supervisor for those of a worker that died, a test kit for those it plays.
 *
 *   how it ended                      then                              attempt
 *   gave a result                     succeeded                         spent
 *   failed for good                   dead                              spent
 *   failed, timed out, crashed        tried again, or dead at the last  spent
 *   a dependency let nothing through  handed back, dead after too long  unspent
 *   wants to be asked later (snooze)  handed back                       unspent
 *   cut off (drain, deploy)           handed back                       unspent
 *
 * Only hand-backs because of a dependency count against `maxHandbacks`.
 */
import { delayOf } from "../retry/retry.ts"
import { formatPath } from "./path.ts"
import { payloadFault } from "./payload.ts"
import { type Settlement, type TaskDefinition, type TaskFailure, taskDefaults, workerLost } from "./task.ts"

/** How an attempt ended. Milliseconds throughout. */
export type AttemptEnd =
  | { readonly _tag: "Succeeded"; readonly result: unknown }
  | { readonly _tag: "Failed"; readonly failure: TaskFailure; readonly retryable: boolean }
  | { readonly _tag: "TimedOut"; readonly timeout: number }
  /** A dependency rejected the call without trying. */
  | { readonly _tag: "Unavailable"; readonly failure: TaskFailure; readonly retryAfter: number | undefined }
  | { readonly _tag: "Snoozed"; readonly delay: number; readonly reason: string }
  | { readonly _tag: "CutOff"; readonly reason: string }

/** The claimed task, as far as the decision goes. */
export interface Claim {
  readonly id: string
  readonly fence: string
  readonly attempt: number
  readonly handbacks?: number | undefined
  /** Since it first became due. */
  readonly waited?: number | undefined
}

/** No dependency is asked again sooner than this, nor a handler that wants to wait. */
const shortestHandback = 1000

/** The transition that follows. `random` is in [0, 1). */
export const settle = (end: AttemptEnd, task: Claim, definition: Pick<TaskDefinition, "retry">, random: number): Settlement => {
  const { fence, id } = task
  switch (end._tag) {
    case "Succeeded": {
      const fault = payloadFault(end.result)
      if (fault === undefined) return { _tag: "Succeed", id, fence, result: end.result }
      const where = ["result", ...fault.path]
      return { _tag: "Die", id, fence, failure: { name: "InvalidResult", message: `${formatPath(where)} ${fault.message}` } }
    }
    case "Failed": return failed(end.failure, end.retryable, task, definition, random)
    case "TimedOut": {
      const failure = { name: "TaskTimeout", message: `Task timeout after ${end.timeout / 1000}s` }
      return failed(failure, true, task, definition, random)
    }
    case "Unavailable": return unavailable(end.failure, end.retryAfter, task, random)
    case "Snoozed": return { _tag: "HandBack", id, fence, delay: Math.round(Math.max(shortestHandback, end.delay)), reason: end.reason, counted: false }
    case "CutOff": return { _tag: "HandBack", id, fence, delay: 0, reason: end.reason, counted: false }
  }
}

const failed = (
  failure: TaskFailure, retryable: boolean, { attempt, fence, id }: Claim, { retry }: Pick<TaskDefinition, "retry">, random: number
): Settlement =>
  retryable && attempt <= retry.times
    ? { _tag: "Retry", id, fence, delay: Math.round(delayOf(retry, attempt, retry.base, random)), failure }
    : { _tag: "Die", id, fence, failure }

const unavailable = (
  failure: TaskFailure, retryAfter: number | undefined, { fence, handbacks = 0, id, waited = 0 }: Claim, random: number
): Settlement => {
  const { expiresAfter, maxHandbacks } = taskDefaults
  const over = handbacks >= maxHandbacks
    ? `it was handed back ${handbacks} times`
    : waited >= expiresAfter ? `it has waited for ${Math.round(waited / 3_600_000)} hours` : undefined
  if (over !== undefined) {
    return { _tag: "Die", id, fence, failure: { ...failure, message: `${failure.message}; given up because ${over}` } }
  }
  const delay = Math.round(Math.max(shortestHandback, retryAfter ?? 0) * (1 + random / 4))
  return { _tag: "HandBack", id, fence, delay, reason: failure.message }
}

/** Whether a task was claimed once more than it has attempts: its workers died with all of them. */
export const isExhausted = ({ attempt }: Pick<Claim, "attempt">, { retry }: Pick<TaskDefinition, "retry">): boolean => attempt > retry.times + 1

/** What becomes of it, without running it again. */
export const exhausted = ({ attempt, fence, id }: Claim): Settlement => ({
  _tag: "Die", id, fence,
  failure: { name: workerLost.name, message: `Given up: each of its ${attempt - 1} attempts ended without a word, the last with its worker. It may be what kills them` }
})

/** Any error, as a failure to be stored: bounded. */
export const failureOf = (cause: unknown, error?: unknown): TaskFailure => {
  const tag = typeof cause === "object" && cause !== null ? (cause as { readonly _tag?: unknown })._tag : undefined
  const name = typeof tag === "string" ? tag : cause instanceof Error ? cause.name : "Defect"
  const text = cause instanceof Error ? cause.message : typeof cause === "string" ? cause : JSON.stringify(cause) ?? String(cause)
  return { name, message: clean(text).slice(0, 2000), ...(error !== undefined && { error }) }
}

/** An error's text may hold what PostgreSQL cannot. */
const clean = (text: string): string => text.replaceAll("\u0000", "").toWellFormed()
