/** One attempt: the handler under its timeout, and how it ended. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { AttemptEnd, type TaskHandlers, type TaskStore } from "@outrigger/sdk"

/** Why an attempt is interrupted from outside. */
export type Interruption = "drain" | "lost" | "cancelled"

class TimedOut {
  readonly _tag = "AttemptTimedOut"
}
const timedOut = new TimedOut()

/** The signal is made when it is first read. */
class Context implements TaskHandlers.HandlerContext {
  readonly id: string
  readonly name: string
  readonly attempt: number
  readonly fence: string
  readonly metadata: Readonly<Record<string, string>>
  readonly deadline: number
  readonly progress: TaskHandlers.HandlerContext["progress"]
  private controller: AbortController | undefined
  private aborted = false

  constructor(task: TaskStore.ClaimedTask, deadline: number, progress: TaskHandlers.HandlerContext["progress"]) {
    this.id = task.id
    this.name = task.name
    this.attempt = task.attempt
    this.fence = task.fence
    this.metadata = task.metadata ?? {}
    this.deadline = deadline
    this.progress = progress
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController()
    if (this.aborted) this.controller.abort()
    return this.controller.signal
  }

  abort(): void {
    this.aborted = true
    this.controller?.abort()
  }
}

/** Runs the handler; interrupting it aborts its signal and waits for its finalizers. */
export const runAttempt = (
  task: TaskStore.ClaimedTask, handler: TaskHandlers.TaskHandler, progress: (ratio: number, text: string) => void
): Effect.Effect<unknown, TaskHandlers.HandlerFailure | TimedOut> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const { timeout } = handler.definition
    const context = new Context(task, now + timeout, (ratio, text = "") =>
      Effect.sync(() => progress(Math.min(1, Math.max(0, ratio)), text)))
    return Effect.suspend(() => handler.run(task.payload, context)).pipe(
      Effect.onInterrupt(() => Effect.sync(() => context.abort())),
      Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(timedOut) })
    )
  })

/** How it ended; undefined when whoever interrupted it wants nothing written. */
export const endOf = (
  exit: Exit.Exit<unknown, TaskHandlers.HandlerFailure | TimedOut>, timeout: number, interruption: Interruption | undefined
): AttemptEnd.AttemptEnd | undefined => {
  if (Exit.isSuccess(exit)) return { _tag: "Succeeded", result: exit.value ?? null }
  const failure = exit.cause.reasons.find(Cause.isFailReason)?.error
  if (failure === undefined) {
    if (interruption === "lost" || interruption === "cancelled") return undefined
    if (interruption === "drain") return { _tag: "CutOff", reason: "the worker is draining" }
    return { _tag: "Failed", failure: AttemptEnd.failureOf(Cause.squash(exit.cause)), retryable: true }
  }
  return failure._tag === "AttemptTimedOut" ? { _tag: "TimedOut", timeout } : AttemptEnd.endOfFailure(failure)
}
