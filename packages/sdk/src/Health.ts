/**
 * The health of this process: checks that run in the background, and the report that they and all dependencies make.
 *
 * A check runs in its own time, side by side with the others, under a hard timeout; asking for the report reads memory. A
 * result older than its interval allows is stale, and never green.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { readCheckOptions } from "./core/health/checkOptions.ts"
import { type CheckResult, explain, initial, normalResult, type Report, step } from "./core/health/health.ts"
import type { Criticality } from "./core/options.ts"
import type { RegisteredCheck } from "./core/registry.ts"
import { Registry } from "./Registry.ts"

export type { CheckEntry, CheckResult, Report, Status } from "./core/health/health.ts"

export interface CheckOptions {
  /** 30 seconds unless said. */
  readonly every?: Duration.Input | undefined
  /** 5 seconds unless said, or `every` where that is less. */
  readonly timeout?: Duration.Input | undefined
  /** Bad results in a row until it shows; 2 unless said. */
  readonly failAfter?: number | undefined
  /** Good results in a row until it shows; 1 unless said. */
  readonly recoverAfter?: number | undefined
  /** What its failure does to the health of the process; "degrades" unless said. */
  readonly criticality?: Criticality | undefined
  /** Whether its failure takes the process out of service; false unless said. */
  readonly readiness?: boolean | undefined
}

const millis = (input: Duration.Input | undefined): number | undefined => {
  if (input === undefined) return undefined
  const duration = Duration.fromInput(input)
  return duration._tag === "Some" ? Duration.toMillis(duration.value) : Number.NaN
}

const monotonic = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

const resultOf = (exit: Exit.Exit<unknown, unknown>): CheckResult =>
  Exit.isSuccess(exit) ? normalResult(exit.value) : { status: "fail", output: explain(Cause.squash(exit.cause)) }

/**
 * One result, at the timeout at the latest, whatever finalizers do. A check that hangs is not started again on top of itself:
 * what it holds, such as a connection, would pile up.
 */
const makeOnce = <E, R>(effect: Effect.Effect<CheckResult | void, E, R>, timeout: number): Effect.Effect<CheckResult, never, R> => {
  let running: Fiber.Fiber<CheckResult | void, E> | undefined
  const late: CheckResult = { status: "fail", output: `no answer within ${timeout} ms` }
  return Effect.gen(function*() {
    if (running !== undefined && running.pollUnsafe() === undefined) {
      return { status: "fail", output: "the check before has not ended yet" } as const
    }
    const fiber = running = yield* Effect.forkChild(effect)
    return yield* Fiber.await(fiber).pipe(
      Effect.map(resultOf),
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () => Effect.sync(() => {
          fiber.interruptUnsafe()
          return late
        })
      })
    )
  })
}

/**
 * Runs `effect` now and then every so often, until the scope closes; `name:measure` names its entry. It gives a result, or
 * nothing when all is well; a failure counts as `fail`.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Health } from "@outrigger/sdk"
 *
 * const disk = Health.check("disk", Effect.succeed({ status: "pass", observedValue: 7, observedUnit: "GB" } as const), {
 *   every: "30 seconds",
 *   criticality: "degrades"
 * })
 */
export const check = <E, R>(
  name: string, effect: Effect.Effect<CheckResult | void, E, R>, options: CheckOptions = {}
): Effect.Effect<void, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const registry = yield* Registry
    const clock = yield* Clock.Clock
    const settings = readCheckOptions(name, { ...options, every: millis(options.every), timeout: millis(options.timeout) })
    const registered: RegisteredCheck = { settings, state: initial(clock.currentTimeMillisUnsafe()) }
    const key = name.includes(":") ? name : `${name}:check`
    yield* Effect.acquireRelease(Effect.sync(() => registry.check(key, registered)), (remove) => Effect.sync(remove))
    const round = Effect.map(makeOnce(effect, settings.timeout), (result) => {
      registered.state = step(registered.state, result, monotonic(clock), clock.currentTimeMillisUnsafe(), settings)
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(round, Effect.sleep(settings.every))))
  })

/** The same for as long as a layer lives. */
export const layer = <E, R>(
  name: string, effect: Effect.Effect<CheckResult | void, E, R>, options?: CheckOptions
): Layer.Layer<never, never, Exclude<R, Scope.Scope>> => Layer.effectDiscard(check(name, effect, options))

/** All checks and dependencies of the registry at hand, at this moment. Never waits on a dependency. */
export const report: Effect.Effect<Report> = Effect.gen(function*() {
  const registry = yield* Registry
  const clock = yield* Clock.Clock
  return registry.report(monotonic(clock), clock.currentTimeMillisUnsafe())
})

/** False while a check that concerns readiness fails. */
export const ready: Effect.Effect<boolean> = Effect.gen(function*() {
  return (yield* Registry).ready()
})
