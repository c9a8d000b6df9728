/**
 * The attempts at work. Each is one fiber; one whose handler is done at once costs no timer. An attempt stays known here until
 * its outcome is stored, but takes up room only until it has ended.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import { ParentSpan } from "effect/Tracer"
import { type AttemptEnd, TaskHandlers, TaskStore } from "@outrigger/sdk"
import { compose, type Middleware } from "../Middleware.ts"
import { Attempt, AttemptContext, endOf, type Interruption } from "./attempt.ts"
import { Deadlines } from "./deadlines.ts"
import { type Ground, monotonic, type Settings } from "./ground.ts"
import { endSpan, isTraced, spanOf, untraced } from "./tracing.ts"

type Work = Effect.Effect<unknown, TaskHandlers.HandlerFailure>

interface Listeners {
  /** `end` is undefined when nothing is to be written. */
  readonly ended: (attempt: Attempt, end: AttemptEnd.AttemptEnd | undefined) => void
  readonly progress: (attempt: Attempt, ratio: number, text: string) => void
}

/** What all attempts of one handler have in common. */
interface Surroundings {
  readonly services: Context.Context<never>
  readonly traced: boolean
  readonly annotations: Readonly<Record<string, unknown>>
}

export class Attempts {
  /** Those whose outcome is not stored. */
  readonly all = new Set<Attempt>()
  readonly deadlines: Deadlines
  /** How many are at work, and how many have ended since the beginning. */
  size = 0
  ended = 0
  private readonly ground: Ground
  private readonly settings: Settings
  private readonly listeners: Listeners
  private readonly middleware: Middleware | undefined
  private readonly surroundings = new WeakMap<TaskHandlers.TaskHandler, Surroundings>()
  private readonly expired = (attempt: Attempt) => this.interrupt(attempt, "timeout")

  constructor(ground: Ground, settings: Settings, listeners: Listeners) {
    this.ground = ground
    this.settings = settings
    this.listeners = listeners
    this.deadlines = new Deadlines(ground.clock, ground.services)
    this.middleware = settings.middleware.length === 0 ? undefined : compose(settings.middleware)
  }

  begin(worker: TaskStore.WorkerId, task: TaskStore.ClaimedTask, handler: TaskHandlers.TaskHandler): void {
    const { clock } = this.ground
    const { definition } = handler
    const now = { epoch: clock.currentTimeMillisUnsafe(), monotonic: monotonic(clock) }
    const attempt = new Attempt(worker, task, definition, this.timeoutOf(task, definition), now, this.expired)
    this.all.add(attempt)
    this.size++
    this.settings.hooks.onStarted?.({ _tag: "Started", worker, task, startedAt: attempt.startedAt })
    const fiber = this.start(attempt, handler, this.workOf(attempt, handler))
    if (fiber === undefined) return this.end(attempt, Exit.die(new Error("Executor: enter must call begin at once")))
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return this.end(attempt, exit)
    attempt.fiber = fiber
    this.deadlines.join(attempt.timeout, attempt)
    fiber.addObserver((exit) => {
      this.deadlines.leave(attempt.timeout, attempt)
      this.end(attempt, exit)
    })
  }

  /** What was said for this one task, or for its kind, or else by whoever set up this executor. */
  private timeoutOf(task: TaskStore.ClaimedTask, definition: TaskStore.TaskDefinition): number {
    if (task.timeout !== undefined) return task.timeout
    return definition.timeout === TaskStore.taskDefaults.timeout ? this.settings.timeout ?? definition.timeout : definition.timeout
  }

  private workOf(attempt: Attempt, handler: TaskHandlers.TaskHandler): Work {
    const { task } = attempt
    const context = new AttemptContext(task, attempt.endsAt, (ratio, text) => this.listeners.progress(attempt, ratio, text))
    attempt.context = context
    const run = Effect.suspend(() => handler.run(task.payload, context))
    return this.middleware === undefined ? run : surrounded(this.middleware, task, run)
  }

  private start(attempt: Attempt, handler: TaskHandlers.TaskHandler, work: Work): Fiber.Fiber<unknown, TaskHandlers.HandlerFailure> | undefined {
    const fork = Effect.runForkWith(this.servicesOf(attempt, handler))
    const { enter } = this.settings
    if (enter === undefined) return fork(work)
    let fiber: Fiber.Fiber<unknown, TaskHandlers.HandlerFailure> | undefined
    try {
      enter(attempt.task, () => { fiber ??= fork(work) })
    } catch (error) {
      fiber ??= fork(Effect.die(error))
    }
    return fiber
  }

  /** The handler's own, with what this attempt's logs are annotated with, and its span. */
  private servicesOf(attempt: Attempt, handler: TaskHandlers.TaskHandler): Context.Context<never> {
    const { annotations, services, traced } = this.surroundingsOf(handler)
    const { attempt: count, id, metadata, name } = attempt.task
    const own = Context.add(services, References.CurrentLogAnnotations, { ...annotations, task: name, id, attempt: count })
    if (!traced && metadata === undefined) return own
    attempt.span = spanOf(attempt.task, own, traced)
    return attempt.span === undefined ? own : Context.add(own, ParentSpan, attempt.span)
  }

  private surroundingsOf(handler: TaskHandlers.TaskHandler): Surroundings {
    const known = this.surroundings.get(handler)
    if (known !== undefined) return known
    const services = untraced(TaskHandlers.servicesOf(handler, this.ground.services))
    const made = { services, traced: isTraced(services), annotations: Context.get(services, References.CurrentLogAnnotations) }
    this.surroundings.set(handler, made)
    return made
  }

  private end(attempt: Attempt, exit: Exit.Exit<unknown, TaskHandlers.HandlerFailure>): void {
    attempt.endedAt = this.ground.clock.currentTimeMillisUnsafe()
    this.size--
    this.ended++
    if (Exit.isFailure(exit)) attempt.context?.abort()
    const end = endOf(exit, attempt.timeout, attempt.interruption)
    if (attempt.span !== undefined) endSpan(attempt.span, this.ground.clock.currentTimeNanosUnsafe(), exit, end)
    attempt.fiber = attempt.context = attempt.span = undefined // the outcome may have to wait; what led to it need not
    this.listeners.ended(attempt, end)
  }

  /** Its outcome is stored, or will never be. */
  forget(attempt: Attempt): void {
    this.all.delete(attempt)
  }

  interrupt(attempt: Attempt, why: Interruption): void {
    attempt.interrupt(why, this.ground.clock.currentTimeMillisUnsafe())
  }

  interruptAll(why: Interruption): void {
    for (const attempt of this.all) this.interrupt(attempt, why)
  }

  running(): ReadonlyArray<Attempt> {
    return [...this.all].filter(({ endedAt }) => endedAt === undefined)
  }

  runningOf(name: string): number {
    let count = 0
    for (const { endedAt, task } of this.all) if (endedAt === undefined && task.name === name) count++
    return count
  }

  /** Those that outlive their timeout, or their interruption, by `killAfter`: only replacing the process ends them. */
  stuck(): ReadonlyArray<Attempt> {
    const now = this.ground.clock.currentTimeMillisUnsafe()
    return this.running().filter(({ endsAt }) => now > endsAt + this.settings.killAfter)
  }
}

/** Middleware sees the handler's own error; what comes out is told apart again. */
const surrounded = (middleware: Middleware, task: TaskStore.ClaimedTask, run: Work): Work => Effect.suspend(() => {
  let own: TaskHandlers.HandlerFailure | undefined
  const bare = Effect.mapError(run, (failure) => {
    own = failure
    return failure.cause
  })
  return Effect.mapError(middleware(task, bare), (error) => own !== undefined && error === own.cause ? own : TaskHandlers.failureOf(error))
})
