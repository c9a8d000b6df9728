/** Runs one attempt's handler, as the executor would, and brings its end to the workbench. */
import type { AttemptEnd } from "../core/tasks/attemptEnd.ts"
import { endOfFailure, handlerFailureOf } from "../core/tasks/handlerFailure.ts"
import type { Attempt, Interruption } from "../core/testing/attempt.ts"
import type { Workbench } from "../core/testing/workbench.ts"
import type { HandlerContext, TaskHandler } from "../promise/Task.ts"
import { turn } from "./turn.ts"

const reasons: Readonly<Record<Interruption, string>> = {
  timedOut: "the attempt timed out",
  cancelled: "the task was cancelled",
  lost: "the lease was lost",
  killed: "the worker was killed"
}

const contextOf = (bench: Workbench, attempt: Attempt, signal: AbortSignal): HandlerContext => {
  const { fence, id, metadata = {}, name } = attempt.task
  return {
    id, name, fence, metadata, signal,
    attempt: attempt.task.attempt,
    deadline: attempt.deadline,
    progress: (ratio, text = "") => bench.progress(attempt, ratio, text)
  }
}

/** An interrupted handler is waited for, as in production, and as there not for ever: ms of real time. */
const patience = 2000

const ignored = (name: string, why: string): Error => new Error(
  `The handler of "${name}" has not ended ${patience / 1000} s after its signal was aborted (${why}): hand the signal on to what it waits for`
)

interface Playing {
  readonly work: Promise<AttemptEnd>
  /** An end that the handler has no part in: its worker was killed, or it goes on as if nothing had happened. */
  readonly cut: Promise<AttemptEnd>
}

const play = (bench: Workbench, handler: TaskHandler, attempt: Attempt): Playing => {
  const abort = new AbortController()
  const { name, payload, version } = attempt.task
  let working = true
  let timer: ReturnType<typeof setTimeout> | undefined
  const cut = new Promise<AttemptEnd>((resolve, reject) => attempt.onInterrupt((why) => {
    if (why === "killed") return resolve({ _tag: "CutOff", reason: reasons.killed })
    abort.abort(new Error(reasons[why]))
    if (working) timer = setTimeout(() => reject(ignored(name, reasons[why])), patience)
  }))
  const work = Promise.resolve().then(() => handler.run(payload, contextOf(bench, attempt, abort.signal), version)).then(
    (result): AttemptEnd => ({ _tag: "Succeeded", result: result ?? null }),
    (error: unknown): AttemptEnd => {
      if (attempt.interrupted === undefined) attempt.thrown = { error }
      return endOfFailure(handlerFailureOf(error))
    }
  ).finally(() => {
    working = false
    clearTimeout(timer)
  })
  return { work, cut }
}

/** Runs it to its end, which the workbench hears of whatever it is. */
export const playAttempt = async (bench: Workbench, handler: TaskHandler, attempt: Attempt): Promise<void> => {
  const { cut, work } = play(bench, handler, attempt)
  let end: AttemptEnd = { _tag: "CutOff", reason: "its handler did not end" }
  try {
    if (attempt.fault === "loseLease") {
      await Promise.race([work, cut, turn()]) // so that it is at work
      bench.started(attempt)
    }
    end = await Promise.race([work, cut])
  } finally {
    bench.settle(attempt, end)
  }
}
