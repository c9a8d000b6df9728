/**
 * The Effect shell of a call. An attempt runs in a fiber of its own, begun at once by `runForkWith(fiber.context)`: a
 * synchronous effect is over before anything waits, and a timeout can leave the attempt behind without waiting for its
 * finalizers. The caller's fiber waits in one `Effect.callback`, and is resumed to begin each retry, so that the attempt
 * starts in the caller's own async context. Without any deadline, the effect runs in the caller's fiber itself.
 *
 * One `onExitPrimitive` stands around it all, and it is on the stack before anything begins: an interruption that comes
 * while this fiber runs would otherwise replace what `withFiber` returns, and the call would go on unwatched.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Schedule from "effect/Schedule"
import { Scheduler } from "effect/Scheduler"
import type { Attempt as CoreAttempt } from "../core/call/attempt.ts"
import { Call } from "../core/call/call.ts"
import type { Dependency } from "../core/dependency.ts"
import type { Rejected } from "../core/errors.ts"
import { livePort, liveTimers } from "../core/time/live.ts"
import { Timers } from "../core/time/timers.ts"
import type { CallOptions } from "../core/call/try.ts"

/** The caller's deadline in monotonic ms of its clock; a policy inside takes the shorter of this and its own. */
export const Deadline = Context.Reference<number>("@outrigger/sdk/Deadline", { defaultValue: () => Infinity })

/** Which attempt of the policy around it an effect is in, from 1. */
export const Attempt = Context.Reference<number>("@outrigger/sdk/Attempt", { defaultValue: () => 1 })

/** Makes the step of a schedule, anew for each call. */
export type StepOf = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, unknown, unknown, unknown>>>

const liveClock = Context.get(Context.empty(), Clock.Clock)
const timersOfClock = new WeakMap<Clock.Clock, Timers>()

/** The engine's timers on a clock of Effect, so that a `TestClock` moves deadlines and backoffs. */
export const timersOf = (clock: Clock.Clock, services: Context.Context<never>): Timers => {
  if (clock === liveClock) return liveTimers
  let timers = timersOfClock.get(clock)
  if (timers === undefined) {
    const fork = Effect.runForkWith(Context.make(Scheduler, Context.get(services, Scheduler))) // TestClock waits for its scheduler's fibers
    timers = new Timers({
      now: () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
      epoch: () => clock.currentTimeMillisUnsafe(),
      random: livePort.random,
      at: (delay, fire) => {
        const wait = delay > 0 ? clock.sleep(Duration.millis(delay)) : Effect.yieldNow
        const timer = fork(Effect.andThen(wait, Effect.sync(fire)))
        return { cancel: () => timer.interruptUnsafe(), hold() {} }
      }
    })
    timersOfClock.set(clock, timers)
  }
  return timers
}

type Next<A, E> = Effect.Effect<A, E | Rejected, any>

export class EffectCall<A, E> extends Call {
  private readonly effect: Effect.Effect<A, E, any>
  private readonly fiber: Fiber.Fiber<unknown, unknown>
  private readonly schedule: Effect.Effect<StepOf> | undefined
  private stepOf: StepOf | undefined = undefined
  private context: Context.Context<any>
  private exit: Exit.Exit<A, E | Rejected> | null = null
  private ready: CoreAttempt | null = null
  private asked: { readonly value: unknown } | null = null
  private resume: ((next: Next<A, E>) => void) | null = null

  constructor(
    dependency: Dependency, effect: Effect.Effect<A, E, any>, fiber: Fiber.Fiber<unknown, unknown>,
    options: CallOptions | undefined, schedule: Effect.Effect<StepOf> | undefined
  ) {
    super(dependency, dependency.lanesOn(timersOf(fiber.getRef(Clock.Clock), fiber.context)), options)
    this.effect = effect
    this.fiber = fiber
    this.schedule = schedule
    this.context = fiber.context as Context.Context<any>
  }

  /** Nothing may have to be left behind, nor is: no fiber of its own is needed. A hedge may be due though hedging is off by now. */
  private get inPlace(): boolean {
    return this.deadline === Infinity && this.lanes.attempt === null && this.dependency.settings.hedge === undefined && this.race === null
  }

  begin(): Next<A, E> {
    const inherited = this.fiber.getRef(Deadline)
    this.start(inherited)
    if (this.deadline < inherited && this.lanes.attempt === null) this.context = Context.add(this.context, Deadline, this.deadline)
    return this.next()
  }

  private next(): Next<A, E> {
    if (this.asked !== null) return this.consult(this.asked.value)
    while (this.ready !== null) {
      const attempt = this.ready
      this.ready = null
      if (this.inPlace) {
        return Effect.flatMap(Effect.exit(this.numbered(attempt)), (exit) => {
          this.settleExit(attempt, exit)
          return this.next()
        })
      }
      this.fork(attempt)
    }
    if (this.exit !== null) return this.exit
    return Effect.callback((resume) => { // the fiber may have yielded on its way here: look again
      if (this.exit !== null || this.ready !== null || this.asked !== null) resume(Effect.suspend(() => this.next()))
      else this.resume = resume
    })
  }

  /** Steps the caller's schedule in the caller's fiber; a deadline that comes meanwhile has answered already. */
  private consult(value: unknown): Next<A, E> {
    this.asked = null
    const now = this.lanes.timers.port.epoch()
    const stepOf = this.stepOf === undefined
      ? Effect.tap(this.schedule!, (step) => Effect.sync(() => { this.stepOf = step }))
      : Effect.succeed(this.stepOf)
    const decided = Effect.flatMap(stepOf, (step) => step(now, value))
    return Effect.flatMap(Effect.exit(decided), (exit) => {
      this.answer(Exit.isSuccess(exit) ? Duration.toMillis(exit.value[1]) : null)
      return this.next()
    })
  }

  /** An effect that runs in the caller's fiber, and knows which attempt it is. */
  private numbered(attempt: CoreAttempt): Effect.Effect<A, E, any> {
    return attempt.attempt === this.fiber.getRef(Attempt) ? this.effect : Effect.provideService(this.effect, Attempt, attempt.attempt)
  }

  private contextOf(attempt: CoreAttempt): Context.Context<any> {
    if (this.lanes.attempt !== null) {
      return Context.add(Context.add(this.context, Deadline, attempt.deadline), Attempt, attempt.attempt)
    }
    return attempt.attempt === this.fiber.getRef(Attempt) ? this.context : Context.add(this.context, Attempt, attempt.attempt)
  }

  private fork(attempt: CoreAttempt): void {
    const fiber = Effect.runForkWith(this.contextOf(attempt))(this.effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return this.settleExit(attempt, exit)
    attempt.work = fiber
    fiber.addObserver((exit) => this.settleExit(attempt, exit))
  }

  private settleExit(attempt: CoreAttempt, exit: Exit.Exit<A, E>): void {
    if (exit._tag === "Success") return this.settle(attempt, true, exit.value, exit)
    const failure = exit.cause.reasons.find(Cause.isFailReason)
    if (failure !== undefined) return this.settle(attempt, false, failure.error, exit)
    this.settle(attempt, false, undefined, exit, "permanent") // a defect, or the effect interrupted itself
  }

  /** The caller's fiber leaves: when by interruption, it awaits the finalizers of the attempt. */
  readonly left = (): Effect.Effect<void> | undefined => {
    if (this.phase === "done" || this.phase === "idle") return undefined
    const fibers = this.running.flatMap(({ work }) => work === undefined ? [] : [work as Fiber.Fiber<A, E>])
    this.resume = null
    this.abort(undefined)
    return fibers.length === 0 ? undefined : Effect.asVoid(Fiber.awaitAll(fibers))
  }

  protected override run(attempt: CoreAttempt): void {
    this.ready = attempt
    this.wake()
  }

  protected override stop(attempt: CoreAttempt): void {
    const fiber = attempt.work as Fiber.Fiber<A, E> | undefined
    if (fiber !== undefined) return fiber.interruptUnsafe(this.fiber.id)
    if (this.ready === attempt) this.ready = null // it was in this very fiber, or has not begun: it is over
    this.settle(attempt, false, undefined, undefined)
  }

  protected override get asks(): boolean {
    return this.schedule !== undefined
  }

  protected override ask(value: unknown): void {
    this.asked = { value }
    this.wake()
  }

  protected override done(ok: boolean, value: unknown, raw: unknown): void {
    this.exit = raw !== undefined ? raw as Exit.Exit<A, E> : ok ? Exit.succeed(value as A) : Exit.fail(value as Rejected)
    this.wake()
  }

  private wake(): void {
    const { resume } = this
    if (resume === null) return
    this.resume = null
    resume(this.exit ?? Effect.suspend(() => this.next()))
  }
}
