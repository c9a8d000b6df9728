/** The workbench of `core/testing` under Effect's clock: handlers are fibers, and a lost lease interrupts one. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as TestClock from "effect/testing/TestClock"
import { type AttemptEnd, failureOf } from "../core/tasks/attemptEnd.ts"
import { endOfFailure } from "../core/tasks/handlerFailure.ts"
import type { Declaration } from "../core/schedules/schedule.ts"
import { probesOf, waitOf } from "../core/tasks/needs.ts"
import type { TaskId, TaskRecord } from "../core/tasks/task.ts"
import { TaskNotFound } from "../core/tasks/taskErrors.ts"
import type { Attempt } from "../core/testing/attempt.ts"
import { type Draining, draining, type DrainResult } from "../core/testing/draining.ts"
import { Workbench } from "../core/testing/workbench.ts"
import type { Service as Registry } from "../Registry.ts"
import type { Handlers, HandlerContext, HandlerFailure, TaskHandler } from "../TaskHandlers.ts"
import { turn } from "../testing/turn.ts"
import { memoryTaskStoreOf } from "./memoryTaskStore.ts"

/** As late as jitter allows. */
const latest = () => 1 - 2 ** -53

const timedOut = { _tag: "AttemptTimedOut" } as const
type Failure = HandlerFailure | typeof timedOut
const killed: AttemptEnd = { _tag: "CutOff", reason: "the worker was killed" }
const interrupted: AttemptEnd = { _tag: "CutOff", reason: "the drain was interrupted" }

const isTestClock = (clock: Clock.Clock): clock is TestClock.TestClock => "setTime" in clock

export class Kit {
  readonly bench: Workbench
  readonly handlers: Handlers
  readonly store
  /** Of whoever asked last: a test's. */
  private clock: Clock.Clock

  constructor(handlers: Handlers, registry: Registry, clock: Clock.Clock) {
    this.clock = clock
    const dependency = (name: string) => registry.get(name)
    const bench = this.bench = new Workbench({
      now: () => this.now(),
      random: latest,
      definitions: () => handlers.all().map(({ definition }) => definition),
      probes: (needs) => probesOf(needs, dependency, this.monotonic()),
      probesAt: (needs) => {
        const wait = waitOf(needs, dependency, this.monotonic())
        return wait === undefined ? undefined : this.now() + Math.ceil(wait)
      },
      changed: (id) => memory.announce([id])
    })
    this.handlers = { ...handlers, addSchedule: (declaration) => Effect.andThen(handlers.addSchedule(declaration), this.announce(declaration)) }
    const memory = memoryTaskStoreOf(bench.table, bench.timetable.table)
    this.store = {
      ...memory.store,
      cancel: (id: TaskId) => this.at((): Effect.Effect<TaskRecord, TaskNotFound> => {
        const record = bench.cancel(id)
        return record === undefined ? Effect.fail(new TaskNotFound(id)) : Effect.succeed(record)
      })
    }
  }

  /** On the clock of whoever asks. */
  at<A, E, R>(f: (kit: Kit) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.flatMap(Clock.Clock, (clock) => {
      this.clock = clock
      return f(this)
    })
  }

  now(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  /** As policies read it, ms. */
  private monotonic(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  private announce(declaration: Declaration): Effect.Effect<void, never, Scope.Scope> {
    return this.at((kit) => Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => kit.bench.timetable.declare(declaration, kit.now())),
      (withdraw) => Effect.sync(withdraw)
    )))
  }

  play(options: Draining, over?: () => boolean): Effect.Effect<DrainResult> {
    // What was claimed is settled, also when the drain is interrupted.
    return this.at(() => Effect.uninterruptibleMask((restore) => Effect.gen({ self: this }, function*() {
      const steps = draining(this.bench, () => this.now(), options, over)
      for (;;) {
        const { done, value } = steps.next()
        if (done === true) return value
        yield* typeof value === "number" ? restore(this.moveTo(value)) : this.run(value, restore)
      }
    })))
  }

  /** The task once it is over. Time goes by meanwhile, and what falls due runs. */
  awaitEnd<E>(id: TaskId, find: Effect.Effect<TaskRecord, E>, wait: Effect.Effect<TaskRecord, E>): Effect.Effect<TaskRecord, E> {
    return Effect.gen({ self: this }, function*() {
      yield* this.play({ with: "scheduled" }, () => this.bench.table.find(id)?.finishedAt !== undefined)
      const left = yield* find
      if (left.state !== "scheduled" && left.state !== "ready") return yield* wait
      const why = this.bench.heldBack(left) ?? "the kit has no handler for it. Provide its layer"
      return yield* Effect.die(new Error(`Task ${id} "${left.name}" cannot end here: ${why}`))
    })
  }

  private moveTo(time: number): Effect.Effect<void> {
    const { clock } = this
    return isTestClock(clock) ? clock.setTime(time) : Effect.sleep(time - this.now())
  }

  /** Its fiber is nobody's child: that of a killed worker is not waited for. */
  private run(attempt: Attempt, restore: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>): Effect.Effect<void> {
    const { name, version } = attempt.definition
    const { bench } = this
    return Effect.gen({ self: this }, function*() {
      const cut = yield* Deferred.make<AttemptEnd>()
      const fiber = yield* Effect.forkDetach(runHandler(bench, this.handlers.find(name, version)!, attempt), { startImmediately: true })
      attempt.onInterrupt((why) => {
        if (why === "killed") Deferred.doneUnsafe(cut, Effect.succeed(killed))
        fiber.interruptUnsafe()
      })
      const atWork = attempt.fault === "loseLease" ? Effect.map(Effect.promise(turn), () => bench.started(attempt)) : Effect.void
      const ended = Effect.map(Fiber.await(fiber), (exit) => endOf(exit, attempt))
      const end = yield* Effect.onInterrupt(restore(Effect.andThen(atWork, Effect.raceFirst(ended, Deferred.await(cut)))), () =>
        Effect.andThen(Fiber.interrupt(fiber), Effect.sync(() => bench.settle(attempt, interrupted))))
      bench.settle(attempt, end)
    })
  }
}

const runHandler = (bench: Workbench, handler: TaskHandler, attempt: Attempt): Effect.Effect<unknown, Failure> => Effect.suspend(() => {
  const abort = new AbortController()
  const { fence, id, metadata = {}, name, payload } = attempt.task
  const context: HandlerContext = {
    id, name, fence, metadata,
    attempt: attempt.task.attempt,
    deadline: attempt.deadline,
    signal: abort.signal,
    progress: (ratio, text = "") => Effect.sync(() => bench.progress(attempt, ratio, text))
  }
  return Effect.onInterrupt(handler.run(payload, context), () => Effect.sync(() => abort.abort()))
}).pipe(Effect.timeoutOrElse({ duration: attempt.timeout, orElse: () => Effect.fail(timedOut) }))

const endOf = (exit: Exit.Exit<unknown, Failure>, attempt: Attempt): AttemptEnd => {
  if (Exit.isSuccess(exit)) return { _tag: "Succeeded", result: exit.value ?? null }
  const failure = exit.cause.reasons.find(Cause.isFailReason)?.error
  if (failure?._tag === "AttemptTimedOut") return { _tag: "TimedOut", timeout: attempt.timeout }
  const error = failure === undefined ? Cause.squash(exit.cause) : failure.cause
  if (attempt.interrupted === undefined) attempt.thrown = { error }
  return failure === undefined ? { _tag: "Failed", failure: failureOf(error), retryable: true } : endOfFailure(failure)
}
