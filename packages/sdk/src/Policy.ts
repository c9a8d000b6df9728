/**
 * How one kind of call is protected: timeout, retry, breaker, bulkhead. All effects that run under one policy share its
 * breaker, its retry budget, its permits and its statistics.
 *
 * The order, from the outside in: total timeout, retry, breaker check, bulkhead, breaker admission, attempt timeout, effect.
 * An attempt is a fiber of its own, so that the caller has its answer at the deadline whatever finalizers do; so acquire
 * inside the call, not the call inside acquire. Without any deadline it runs in the caller's fiber.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Attempt as CoreAttempt } from "./core/call/attempt.ts"
import type { SavedBreaker } from "./core/breaker/breakers.ts"
import { type Dependency, type DependencyState, stateOf } from "./core/dependency.ts"
import type { Rejected } from "./core/errors.ts"
import type { Events } from "./core/events/events.ts"
import { logLines } from "./core/events/logLines.ts"
import type { PolicyOptions } from "./core/options.ts"
import type { RetryOptions } from "./core/options/retry.ts"
import type { Registry as CoreRegistry } from "./core/registry.ts"
import type { CallOptions } from "./core/call/try.ts"
import { EffectCall, type StepOf, timersOf } from "./internal/effectCall.ts"
import { millisOf } from "./internal/millisOf.ts"
import { breakerOf, type BreakerOptions, rateLimitOf, type RateLimitOptions } from "./internal/sharedStore.ts"
import { standsOn } from "./internal/policyDependency.ts"
import { Registry } from "./Registry.ts"
import type * as Retry from "./Retry.ts"

export {
  BreakerOpenError, BulkheadFullError, CallTimeoutError, InvalidPolicyOption, RateLimitedError, type Rejected
} from "./core/errors.ts"
export { Attempt, Deadline } from "./internal/effectCall.ts"
export type { Classify, Outcome } from "./core/retry/classify.ts"
export type { SavedBreaker } from "./core/breaker/breakers.ts"
export type { DependencyState as State } from "./core/dependency.ts"
export type { Events } from "./core/events/events.ts"

/** `false` turns a part off. */
export interface Options extends Omit<PolicyOptions<Duration.Input>, "retry" | "breaker" | "rateLimit"> {
  readonly breaker?: BreakerOptions | false | undefined
  readonly rateLimit?: RateLimitOptions | false | undefined
  /** Options, a preset, or a `Schedule`, which is stepped with the error between attempts. */
  readonly retry?: Retry.Options | Schedule.Schedule<unknown, any> | false | undefined
}

export interface RunOptions extends CallOptions {}

/** What the caller is given instead of a failure: `error` is the effect's own, or a rejection of the policy. */
export interface Fallback<E, B, E2, R2> {
  readonly fallback: (error: E | Rejected) => Effect.Effect<B, E2, R2>
}

/** How one kind of call is protected. */
export interface Policy {
  readonly name: string
  /** As they are now. */
  readonly options: Options
  /** Runs an effect under this policy. Its own error passes through unchanged; defects are neither retried nor counted. */
  run<A, E, R, B, E2, R2>(effect: Effect.Effect<A, E, R>, options: RunOptions & Fallback<E, B, E2, R2>): Effect.Effect<A | B, E2, R | R2>
  run<A, E, R>(effect: Effect.Effect<A, E, R>, options?: RunOptions): Effect.Effect<A, E | Rejected, R>
  /** Breaker and statistics at this moment. */
  state(): DependencyState
  /** Hears of `breaker`, `retry`, `timeout` or `reject`; the returned function unsubscribes. */
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void
  /** Lets nothing through until `restore`. */
  isolate(): void
  /** Closes the breaker: lets it work again. */
  restore(): void
  /** The breaker's state as plain JSON, to keep for the next start of the process; undefined where there is no breaker. */
  snapshot(): SavedBreaker | undefined
  /** Goes on from what `snapshot` gave, aged by the time since. What is none throws `InvalidPolicyOption`. */
  hydrate(saved: SavedBreaker): void
  /** Changes the options that are given, from the next call on; state and calls in flight are kept. */
  update(options: Options): void
}

/** A schedule decides alone how often: the engine asks it until it says no. */
const scheduled = { times: Number.MAX_SAFE_INTEGER, base: 0, max: 0 }

/** A schedule as retries that the engine counts, and a preset without the schedule that it carries beside. */
const retryOf = (retry: Options["retry"]): RetryOptions<unknown> | false | undefined => {
  if (retry === undefined || retry === false) return retry
  if (Schedule.isSchedule(retry)) return scheduled
  const { schedule: _, ...options } = retry as Retry.Options & { readonly schedule?: unknown }
  return options
}

/** Options of this face as options of the engine. */
const toCoreOptions = (name: string, options: Options, services: Context.Context<never>): PolicyOptions<unknown> => ({
  ...options as PolicyOptions<unknown>,
  ...(options.retry !== undefined && { retry: retryOf(options.retry) }),
  ...(options.breaker !== undefined && { breaker: breakerOf(name, options.breaker, services) }),
  ...(options.rateLimit !== undefined && { rateLimit: rateLimitOf(options.rateLimit) })
})

class PolicyImpl implements Policy {
  readonly name: string
  options: Options
  private readonly dependency: Dependency
  private readonly services: Context.Context<never>
  private schedule: Effect.Effect<StepOf> | undefined
  /** Keeps the hidden classes of a call and an attempt alive across a major GC with no call in flight. */
  readonly exemplar: CoreAttempt

  constructor(dependency: Dependency, options: Options, services: Context.Context<never>) {
    this.name = dependency.name
    this.options = options
    this.dependency = dependency
    this.schedule = scheduleOf(options)
    standsOn(this, dependency)
    const { timers } = dependency.currentLanes
    this.exemplar = new CoreAttempt(new EffectCall(dependency, Effect.void, ended, undefined, undefined), 0, Number.NaN, null, null)
    dependency.lanesOn(timers) // where it was: an exemplar has a fiber of no clock
    this.services = services
    const fork = Effect.runForkWith(services)
    logLines(dependency, (level, line, details) =>
      fork((level === "warn" ? Effect.logWarning : Effect.logInfo)(line).pipe(Effect.annotateLogs(details))))
  }

  run<A, E, R, B, E2, R2>(
    effect: Effect.Effect<A, E, R>, options?: RunOptions & Partial<Fallback<E, B, E2, R2>>
  ): Effect.Effect<A | B, any, R | R2> {
    const guarded = this.guarded(effect, options)
    return options?.fallback === undefined ? guarded : Effect.catch(guarded, (error) => this.fallBack(error, options as Fallback<E, B, E2, R2>))
  }

  private fallBack<E, B, E2, R2>(error: E | Rejected, { fallback, operation }: RunOptions & Fallback<E, B, E2, R2>): Effect.Effect<B, E2, R2> {
    const { dependency } = this
    dependency.statistics.fallbacks++
    if (dependency.heard("fallback")) dependency.emit("fallback", { operation, error })
    return fallback(error)
  }

  private guarded<A, E, R>(effect: Effect.Effect<A, E, R>, options: RunOptions | undefined): Effect.Effect<A, E | Rejected, R> {
    return Effect.withFiber((fiber) => {
      const call = new EffectCall<A, E>(this.dependency, effect, fiber, options, this.schedule)
      return Effect.onExitPrimitive(Effect.suspend(() => call.begin()), call.left)
    })
  }

  state(): DependencyState {
    return stateOf(this.dependency)
  }
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void {
    return this.dependency.on(type, listener)
  }
  isolate(): void {
    this.dependency.isolate()
  }
  restore(): void {
    this.dependency.restore()
  }
  snapshot(): SavedBreaker | undefined {
    return this.dependency.snapshot()
  }
  hydrate(saved: SavedBreaker): void {
    this.dependency.hydrate(saved)
  }
  update(options: Options): void {
    this.dependency.update(toCoreOptions(this.name, options, this.services))
    this.options = { ...this.options, ...options }
    if (options.retry !== undefined) this.schedule = scheduleOf(options)
  }
}

const ended = Effect.runFork(Effect.void)

const scheduleOf = ({ retry }: Options): Effect.Effect<StepOf> | undefined =>
  Schedule.isSchedule(retry) ? Schedule.toStep(retry) as Effect.Effect<StepOf> : undefined

/** A policy over a dependency of a registry, on the clock of these services; its log lines go where they say. */
export const fromRegistry = (
  registry: CoreRegistry, kind: "api" | "database" | "policy", name: string, options: Options, logs: Context.Context<never>
): Policy => {
  const timers = timersOf(Context.get(logs, Clock.Clock), logs)
  return new PolicyImpl(registry.dependency(kind, name, toCoreOptions(name, options, logs), timers, millisOf), options, logs)
}

/**
 * A policy with just the options that it is given, in the registry of the process. Options that make no sense throw an
 * `InvalidPolicyOption` here.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Policy, Retry } from "@outrigger/sdk"
 *
 * const payments = Policy.make("payments", { timeout: "5 seconds", retry: Retry.api, breaker: { failures: 3 } })
 * const charge = Effect.succeed("receipt").pipe(Policy.run(payments))
 */
export const make = (name: string, options: Options): Policy =>
  fromRegistry(Context.get(Context.empty(), Registry), "policy", name, options, Context.empty())

/** Runs an effect under a policy. */
export const run: {
  <E, B, E2, R2>(policy: Policy, options: RunOptions & Fallback<E, B, E2, R2>): <A, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A | B, E2, R | R2>
  (policy: Policy, options?: RunOptions): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Rejected, R>
} = (policy: Policy, options?: RunOptions) =>
  (effect: Effect.Effect<any, any, any>): Effect.Effect<any, any, any> => policy.run(effect, options)
