/** The Effect shell of a cache: a flight is a fiber of its own, which is interrupted when its last waiter leaves. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { CacheEntry, CacheTimes, Flight, Kept } from "../core/cache/cache.ts"
import type { CacheSettings } from "../core/cache/cacheStore.ts"
import type { Dependency } from "../core/dependency.ts"
import { BadAnswer, type CacheState, DependencyCache } from "../core/cache/dependencyCache.ts"
import { CallTimeoutError, type Rejected } from "../core/errors.ts"
import { cacheDefaults, type CacheTimesOptions, TimesReader } from "../core/options/cache.ts"
import type { TimerPort } from "../core/time/timers.ts"
import type { RunOptions } from "../Policy.ts"
import { Deadline, timersOf } from "./effectCall.ts"
import { millisOf } from "./millisOf.ts"

export interface CacheOptions extends CacheTimesOptions<Duration.Input> {}

type Answer = CacheEntry<unknown> | BadAnswer

/** A flight at work; it has no fiber yet while its call begins, which may ask for this very key. */
interface Shared {
  fiber: Fiber.Fiber<Answer, unknown> | undefined
}

/** How a call is made under the policy. */
type MakeCall = <A, E, R>(effect: Effect.Effect<A, E, R>, options: RunOptions) => Effect.Effect<A, E | Rejected, R>

/** A fresh answer as it is handed out, made once. */
interface Served {
  readonly entry: Exit.Exit<CacheEntry<unknown>>
  readonly value: Exit.Exit<unknown>
}

/** One ask: who asks, and for what. */
interface Ask<A, E> {
  readonly key: string
  readonly times: CacheTimes
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly port: TimerPort
  readonly run: RunOptions
  readonly effect: Effect.Effect<A, E, any>
}

type Entry<A, E> = Effect.Effect<CacheEntry<A>, E | Rejected>

const portOf = (fiber: Fiber.Fiber<unknown, unknown>): TimerPort => timersOf(fiber.getRef(Clock.Clock), fiber.context).port

export class EffectCache {
  private readonly cache: DependencyCache<Shared, Served>
  private readonly reader: TimesReader
  private readonly call: MakeCall

  constructor(dependency: Dependency, call: MakeCall, settings: CacheSettings = cacheDefaults) {
    this.cache = new DependencyCache(dependency, settings)
    this.reader = new TimesReader(dependency.name, millisOf)
    this.call = call
  }

  state(): CacheState {
    return this.cache.state
  }

  /** Options that make no sense are a defect. */
  value<A, E, R>(options: CacheOptions, run: RunOptions, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Rejected, R> {
    return Effect.withFiber((fiber) => {
      const times = this.reader.read(options)
      const port = portOf(fiber)
      const kept = this.cache.fresh(options.key, port.now(), times)
      if (kept !== undefined) return (kept.served ?? serve(kept)).value as Exit.Exit<A>
      return Effect.map(this.unmet<A, E>({ key: options.key, times, fiber, port, run, effect }), ({ value }) => value)
    })
  }

  entry<A, E, R>(options: CacheOptions, run: RunOptions, effect: Effect.Effect<A, E, R>): Effect.Effect<CacheEntry<A>, E | Rejected, R> {
    return Effect.withFiber((fiber) => {
      const times = this.reader.read(options)
      const port = portOf(fiber)
      const kept = this.cache.fresh(options.key, port.now(), times)
      if (kept !== undefined) return (kept.served ?? serve(kept)).entry as Exit.Exit<CacheEntry<A>>
      return this.unmet<A, E>({ key: options.key, times, fiber, port, run, effect })
    })
  }

  invalidate(key: string): Effect.Effect<void> {
    return Effect.withFiber((fiber) => this.stop(this.cache.invalidate(key, portOf(fiber))))
  }

  readonly clear: Effect.Effect<void> = Effect.withFiber((fiber) => this.stop(this.cache.clear(portOf(fiber))))

  /** No fresh answer in memory: perhaps in the store. */
  private unmet<A, E>(ask: Ask<A, E>): Entry<A, E> {
    const load = this.cache.load(ask.key, ask.port)
    if (load === undefined) return this.decide(ask)
    return Effect.flatMap(Effect.promise(() => load), () => {
      const kept = this.cache.fresh(ask.key, ask.port.now(), ask.times)
      return kept === undefined ? this.decide(ask) : Effect.succeed(kept.fresh as CacheEntry<A>)
    })
  }

  /**
   * The decision is taken inside of what `onExitPrimitive` watches: an interruption that came between would leave a flight
   * that waits for somebody who is gone.
   */
  private decide<A, E>(ask: Ask<A, E>): Entry<A, E> {
    let joined: Flight<Shared> | undefined
    const decided = Effect.suspend((): Entry<A, E> => {
      const now = ask.port.now()
      const deadline = ask.fiber.getRef(Deadline)
      if (deadline <= now) return this.instead(ask, Effect.fail(this.lateError(ask)))
      const decision = this.cache.decide(ask.key, now, ask.times)
      if (decision.tag === "stale") {
        if (decision.renewal !== undefined) this.begin(ask, decision.renewal)
        return Effect.succeed(decision.entry as CacheEntry<A>)
      }
      joined = decision.flight
      const shared = joined.handle ?? this.begin(ask, joined)
      const late = () => {
        const flight = joined!
        joined = undefined
        if (this.cache.leave(flight)) shared.fiber!.interruptUnsafe(ask.fiber.id) // its finalizers are not waited for
      }
      return this.answered(ask, this.wait(ask, shared, deadline - now, late))
    })
    return Effect.onExitPrimitive(decided, () => {
      const fiber = joined?.handle!.fiber
      if (joined === undefined || fiber?.pollUnsafe() !== undefined) return undefined
      return this.cache.leave(joined) && fiber !== undefined ? Effect.asVoid(Fiber.interrupt(fiber)) : undefined
    })
  }

  /** What a waiter makes of the answer of its flight; defects and interruption pass through. */
  private answered<A, E>(ask: Ask<A, E>, answer: Effect.Effect<Answer, E | Rejected>): Entry<A, E> {
    return Effect.matchEffect(answer, {
      onFailure: (error) => this.instead(ask, Effect.fail(error)),
      onSuccess: (answer) => answer instanceof BadAnswer
        ? this.instead(ask, Effect.sync(() => answer.entry(ask.port) as CacheEntry<A>))
        : Effect.succeed(answer as CacheEntry<A>)
    })
  }

  /** The last good answer in place of this, if it is not too old. */
  private instead<A, E>({ key, port, times }: Ask<A, E>, otherwise: Entry<A, E>): Entry<A, E> {
    return Effect.suspend(() => {
      const entry = this.cache.fallback(key, port, times)
      return entry === undefined ? otherwise : Effect.succeed(entry as CacheEntry<A>)
    })
  }

  /** The call of a flight belongs to no caller, so it has nobody's deadline. */
  private begin<A, E>({ effect, fiber, port, run, times }: Ask<A, E>, flight: Flight<Shared>): Shared {
    const shared: Shared = flight.handle = { fiber: undefined }
    const context = Context.add(fiber.context as Context.Context<any>, Deadline, Infinity)
    const landed = Effect.map(this.call(effect, run), (value) => this.cache.landed(flight, value, times, port))
    shared.fiber = Effect.runForkWith(context)(landed)
    shared.fiber.addObserver(() => this.cache.failed(flight))
    return shared
  }

  /** Waits as long as this caller's deadline allows. */
  private wait<A, E>(ask: Ask<A, E>, shared: Shared, left: number, late: () => void): Effect.Effect<Answer, E | Rejected> {
    const { fiber } = shared
    if (fiber === undefined) return Effect.flatMap(Effect.yieldNow, () => this.wait(ask, shared, left, late))
    if (left === Infinity || fiber.pollUnsafe() !== undefined) return Fiber.join(fiber) as Effect.Effect<Answer, E>
    return Effect.callback((resume) => {
      const timer = ask.port.at(left, () => {
        unobserve()
        late()
        resume(Effect.fail(this.lateError(ask)))
      })
      const unobserve = fiber.addObserver((exit) => {
        timer.cancel()
        resume(exit as Exit.Exit<Answer, E>)
      })
      return Effect.sync(() => {
        timer.cancel()
        unobserve()
      })
    })
  }

  private lateError({ run }: Ask<unknown, unknown>): CallTimeoutError {
    return new CallTimeoutError(this.cache.dependency.name, run.operation, Number.NaN)
  }

  private stop(flights: ReadonlyArray<Flight<Shared>>): Effect.Effect<void> {
    return Fiber.interruptAll(flights.flatMap(({ handle }) => handle!.fiber ?? []))
  }
}

const serve = (kept: Kept<Served>): Served => {
  const { fresh } = kept
  return kept.served = { entry: Exit.succeed(fresh), value: Exit.succeed(fresh.value) }
}
