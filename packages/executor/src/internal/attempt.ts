/** One attempt: what it is about, what its handler is told, and how it ended. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { AnySpan } from "effect/Tracer"
import { AttemptEnd, type TaskHandlers, type TaskStore } from "@outrigger/sdk"

/** Why an attempt is interrupted from outside. */
export type Interruption = "timeout" | "drain" | "lost" | "cancelled"

/** An attempt at work. Epoch ms. */
export interface Running {
  readonly task: TaskStore.ClaimedTask
  readonly startedAt: number
  /** When it has to be over: its timeout, or the moment it was interrupted. */
  readonly endsAt: number
}

export class Attempt implements Running {
  readonly worker: TaskStore.WorkerId
  readonly task: TaskStore.ClaimedTask
  readonly definition: TaskStore.TaskDefinition
  /** Milliseconds. */
  readonly timeout: number
  readonly startedAt: number
  endsAt: number
  /** Monotonic ms, for its timeout. */
  readonly due: number
  fiber: Fiber.Fiber<unknown, TaskHandlers.HandlerFailure> | undefined = undefined
  interruption: Interruption | undefined = undefined
  /** When it ended, epoch ms; its outcome may not be stored yet. */
  endedAt: number | undefined = undefined
  context: AttemptContext | undefined = undefined
  span: AnySpan | undefined = undefined
  /** Whether it was told of as stuck. */
  noticed = false
  private readonly expired: (attempt: Attempt) => void

  constructor(
    worker: TaskStore.WorkerId, task: TaskStore.ClaimedTask, definition: TaskStore.TaskDefinition, timeout: number,
    now: { readonly epoch: number; readonly monotonic: number }, expired: (attempt: Attempt) => void
  ) {
    this.worker = worker
    this.task = task
    this.definition = definition
    this.timeout = timeout
    this.startedAt = now.epoch
    this.endsAt = now.epoch + timeout
    this.due = now.monotonic + timeout
    this.expired = expired
  }

  expire(): void {
    this.expired(this)
  }

  /** Interrupted twice, the first reason stands. */
  interrupt(why: Interruption, now: number): void {
    if (this.interruption !== undefined || this.endedAt !== undefined) return
    this.interruption = why
    this.endsAt = Math.min(this.endsAt, now)
    this.fiber?.interruptUnsafe()
    this.context?.abort() // after the interruption: what rejects because of it must not count as the handler's own failure
  }
}

/** What the handler is told. The signal, and the function that shows progress, are made when they are first read. */
export class AttemptContext implements TaskHandlers.HandlerContext {
  readonly id: string
  readonly name: string
  readonly attempt: number
  readonly fence: string
  readonly metadata: Readonly<Record<string, string>>
  readonly deadline: number
  private readonly show: (ratio: number, text: string) => void
  private controller: AbortController | undefined = undefined
  private aborted = false

  constructor({ attempt, fence, id, metadata, name }: TaskStore.ClaimedTask, deadline: number, show: (ratio: number, text: string) => void) {
    this.id = id
    this.name = name
    this.attempt = attempt
    this.fence = fence
    this.metadata = metadata ?? {}
    this.deadline = deadline
    this.show = show
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController()
    if (this.aborted) this.controller.abort()
    return this.controller.signal
  }

  get progress(): TaskHandlers.HandlerContext["progress"] {
    return (ratio, text = "") => Effect.sync(() => this.show(Math.min(1, Math.max(0, ratio)), text))
  }

  abort(): void {
    this.aborted = true
    this.controller?.abort()
  }
}

type AttemptExit = Exit.Exit<unknown, TaskHandlers.HandlerFailure>

/** How it ended; undefined when whoever interrupted it wants nothing written. */
export const endOf = (exit: AttemptExit, timeout: number, interruption: Interruption | undefined): AttemptEnd.AttemptEnd | undefined => {
  if (interruption === "timeout") return { _tag: "TimedOut", timeout } // also when it came to an end after all: it was too late
  if (Exit.isSuccess(exit)) return { _tag: "Succeeded", result: exit.value ?? null }
  const failure = exit.cause.reasons.find(Cause.isFailReason)?.error
  const cutOff = interruption !== undefined && (failure === undefined || failure._tag === "Retryable")
  if (cutOff) return interruption === "drain" ? { _tag: "CutOff", reason: "the worker is draining" } : undefined
  return failure === undefined
    ? { _tag: "Failed", failure: AttemptEnd.failureOf(Cause.squash(exit.cause)), retryable: true }
    : AttemptEnd.endOfFailure(failure)
}
