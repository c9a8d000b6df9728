/**
 * One call, several dependencies that can answer it: models, regions, mirrors. A router picks the target by health, runs the
 * call under that target's own policy, and falls over to the next. What it decides, and why, is in `core/router/router.ts`.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Api from "./Api.ts"
import type { Rejected } from "./core/errors.ts"
import { livePort } from "./core/time/live.ts"
import { type RouterOptions, readRouter } from "./core/options/router.ts"
import type { Registry as CoreRegistry } from "./core/registry.ts"
import { Route, type RouterEntry } from "./core/router/route.ts"
import { Router as CoreRouter, type RouterEvents, type RouterState, Target } from "./core/router/router.ts"
import type { TimerPort } from "./core/time/timers.ts"
import * as Health from "./Health.ts"
import { Deadline, timersOf } from "./internal/effectCall.ts"
import { millisOf } from "./internal/millisOf.ts"
import { dependencyOf } from "./internal/policyDependency.ts"
import type { Policy, RunOptions } from "./Policy.ts"
import { Registry } from "./Registry.ts"

export type { RouterEntry as Entry, TargetTry } from "./core/router/route.ts"
export type { RouterEvents as Events, RouterState as State, Standing, Strategy, TargetStatistics } from "./core/router/router.ts"

/** Beside its targets. */
export interface Options extends RouterOptions<Duration.Input> {}

/** A policy, with how often it is picked against the others; 1 unless said. Not for "ordered". */
export interface Weighted<P = Policy> {
  readonly policy: P
  readonly weight?: number | undefined
}

/** By name, in order of preference. */
export interface MakeOptions<T extends string> extends Options {
  readonly targets: { readonly [K in T]: Policy | Weighted }
}

/** A policy, or the class of an `Api`. */
export type Source = Policy | Context.Key<any, Api.Shape>

/** A target of a router that runs checks: while its check fails, it gets no call. */
export interface Checked extends Weighted<Source> {
  readonly check?: Effect.Effect<Health.CheckResult | void, any, any> | undefined
  /** How the check runs. */
  readonly checkOptions?: Health.CheckOptions | undefined
}

/** The targets of `scoped` and `Service`. */
export type Targets = Readonly<Record<string, Source | Checked>>

type OfSource<S> = S extends Policy ? never : S extends Context.Key<infer I, Api.Shape> ? I : never
type OfCheck<C> = C extends { readonly check: Effect.Effect<any, any, infer R> } ? R : never
/** What these targets need: the services of their `Api`s and of their checks. */
export type Services<T extends Targets> = {
  [K in keyof T]: T[K] extends { readonly policy: infer S } ? OfSource<S> | OfCheck<T[K]> : OfSource<T[K]>
}[keyof T]

/** Picks among equivalent dependencies. */
export interface Router<T extends string = string> {
  readonly name: string
  /**
   * Runs the effect of the target that the strategy picks, under that target's policy; when it fails in a way that may go
   * better elsewhere, that of the next. Fails as the last target that was called did, or with its policy's `Rejected` when
   * none was. Defects are not repeated elsewhere.
   */
  run<A, E, R>(work: (target: T) => Effect.Effect<A, E, R>, options?: RunOptions): Effect.Effect<A, E | Rejected, R>
  /** As `run`, and says which target answered and how each try ended. */
  runEntry<A, E, R>(work: (target: T) => Effect.Effect<A, E, R>, options?: RunOptions): Effect.Effect<RouterEntry<A, T>, E | Rejected, R>
  /** Which target is preferred, where each stands, and what became of its tries. */
  state(): RouterState<T>
  /** Hears of `preferred` or `fallover`; the returned function unsubscribes. */
  on<K extends keyof RouterEvents>(type: K, listener: (event: RouterEvents<T>[K]) => void): () => void
}

class RouterImpl<T extends string> implements Router<T> {
  readonly name: string
  private readonly core: CoreRouter<Policy>
  /** The clock of the last call: a test's, or the live one. */
  private port: TimerPort = livePort

  constructor(core: CoreRouter<Policy>) {
    this.name = core.name
    this.core = core
  }

  run<A, E, R>(work: (target: T) => Effect.Effect<A, E, R>, options?: RunOptions): Effect.Effect<A, E | Rejected, R> {
    return Effect.map(this.runEntry(work, options), ({ value }) => value)
  }

  runEntry<A, E, R>(work: (target: T) => Effect.Effect<A, E, R>, options?: RunOptions): Effect.Effect<RouterEntry<A, T>, E | Rejected, R> {
    return Effect.withFiber((fiber) => {
      const { port } = timersOf(fiber.getRef(Clock.Clock), fiber.context)
      this.port = port
      const inherited = fiber.getRef(Deadline)
      const route = new Route<Policy, T>(this.core, port, inherited, options)
      const tries = Effect.onExitPrimitive(this.attempt(route, route.first(), work, options), () => {
        route.abort()
        return undefined
      })
      return route.deadline < inherited ? Effect.provideService(tries, Deadline, route.deadline) : tries
    })
  }

  private attempt<A, E, R>(
    route: Route<Policy, T>, target: Target<Policy>, work: (target: T) => Effect.Effect<A, E, R>, options: RunOptions | undefined
  ): Effect.Effect<RouterEntry<A, T>, E | Rejected, R> {
    const begun = Effect.suspend(() => {
      route.begin()
      return work(target.name as T)
    })
    return Effect.flatMap(Effect.exit(target.handle.run(begun, options)), (exit) => {
      const next = settle(route, exit)
      if (next !== null) return this.attempt(route, next, work, options)
      return Exit.map(route.answer!.raw as Exit.Exit<A, E | Rejected>, (value) => route.entry(value))
    })
  }

  state(): RouterState<T> {
    return this.core.state<T>(this.port)
  }

  on<K extends keyof RouterEvents>(type: K, listener: (event: RouterEvents<T>[K]) => void): () => void {
    return this.core.listeners.on(type, listener as (event: RouterEvents[K]) => void)
  }
}

const settle = <A, E>(route: Route<Policy, string>, exit: Exit.Exit<A, E>): Target<Policy> | null => {
  if (Exit.isSuccess(exit)) return route.settled(true, exit.value, exit)
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  return failure === undefined
    ? route.settled(false, Cause.squash(exit.cause), exit, undefined, "permanent") // a defect, or the effect interrupted itself
    : route.settled(false, failure.error, exit)
}

const isPolicy = (value: unknown): value is Policy => dependencyOf(value) !== undefined

const fromRegistry = <T extends string>(
  registry: CoreRegistry, name: string, options: MakeOptions<T>
): { readonly router: Router<T>; readonly remove: () => void } => {
  const { settings, targets } = readRouter<Policy>(name, options, { key: "policy", dependencyOf }, millisOf)
  const core = new CoreRouter(name, settings, targets.map(({ dependency, handle, name: target, weight }) =>
    new Target(target, handle, weight, dependency, () => registry.checkOf(`${name}:${target}`)?.state)))
  const remove = registry.entry(`${name}:router`, (now, epoch) => core.entry(now, epoch))
  return { remove, router: new RouterImpl<T>(core) }
}

/**
 * A router over policies, in the registry of the process. Options that make no sense throw an `InvalidPolicyOption` here.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Policy, Router } from "@outrigger/sdk"
 *
 * const fast = Policy.make("fast", { timeout: "5 seconds", breaker: { failures: 3 } })
 * const big = Policy.make("big", { timeout: "20 seconds", breaker: { failures: 3 } })
 * const models = Router.make("models", { targets: { fast, big }, timeout: "30 seconds" })
 * const answer = models.run((model) => Effect.succeed(`asked ${model}`))
 */
export const make = <const T extends string>(name: string, options: MakeOptions<T>): Router<T> =>
  fromRegistry(Context.get(Context.empty(), Registry), name, options).router

const isSource = (value: unknown): value is Source => isPolicy(value) || Context.isKey(value)

const resolve = (source: Source): Effect.Effect<Policy, never, any> =>
  Context.isKey(source) ? Effect.map(source as Context.Key<any, Api.Shape> & Effect.Effect<Api.Shape, never, any>, ({ policy }) => policy) : Effect.succeed(source)

/**
 * A router in the registry at hand, until the scope closes. Its targets are policies or the classes of `Api`s, and may have
 * checks, which show in the report as `router:target`. Options that make no sense are a defect, an `InvalidPolicyOption`.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Policy, Router } from "@outrigger/sdk"
 *
 * const policy = Policy.make("europe", { timeout: "5 seconds" })
 * const america = Policy.make("america", { timeout: "5 seconds" })
 * const regions = Router.scoped("regions", { targets: { europe: { policy, check: Effect.void }, america } })
 */
export const scoped = <const T extends Targets>(
  name: string, options: Options & { readonly targets: T }
): Effect.Effect<Router<keyof T & string>, never, Services<T> | Scope.Scope> =>
  Effect.gen(function*() {
    const registry = yield* Registry
    const { targets, ...rest } = options
    const resolved: Record<string, unknown> = {}
    for (const [target, written] of Object.entries(targets ?? {})) {
      if (isSource(written)) resolved[target] = yield* resolve(written)
      else if (isSource(written?.policy)) {
        const { check: _, checkOptions: __, ...others } = written
        resolved[target] = { ...others, policy: yield* resolve(written.policy) }
      } else resolved[target] = written
    }
    const { router } = yield* Effect.acquireRelease(
      Effect.sync(() => fromRegistry(registry, name, { ...rest, targets: resolved as Record<keyof T & string, Policy | Weighted> })),
      ({ remove }) => Effect.sync(remove)
    )
    for (const [target, written] of Object.entries(targets)) {
      const { check, checkOptions } = written as Checked
      if (!isSource(written) && check !== undefined) yield* Health.check(`${name}:${target}`, check, checkOptions)
    }
    return router
  }) as Effect.Effect<Router<keyof T & string>, never, Services<T> | Scope.Scope>

/** The class that `Router.Service` makes: a service key, its layer, and the operations. */
export interface RouterClass<Self, Name extends string, T extends string, R> extends Context.ServiceClass<Self, Name, Router<T>> {
  /** Registers the router, runs its checks and provides it. */
  readonly layer: Layer.Layer<Self, never, R>
  /** `Router.run` of the service. */
  run<A, E, R2>(work: (target: T) => Effect.Effect<A, E, R2>, options?: RunOptions): Effect.Effect<A, E | Rejected, R2 | Self>
  /** `Router.runEntry` of the service. */
  runEntry<A, E, R2>(work: (target: T) => Effect.Effect<A, E, R2>, options?: RunOptions): Effect.Effect<RouterEntry<A, T>, E | Rejected, R2 | Self>
  /** Which target is preferred, where each stands, and what became of its tries. */
  readonly state: Effect.Effect<RouterState<T>, never, Self>
}

const layers = new WeakMap<object, Layer.Layer<any, never, any>>()

/** One layer for each class, so that providing it twice builds it once. */
const layerOf = (key: Context.Key<any, any>, router: Effect.Effect<any, never, any>): Layer.Layer<any, never, any> => {
  const layer = layers.get(key) ?? Layer.effect(key, router)
  layers.set(key, layer)
  return layer
}

/**
 * Makes the class of a router. Options that make no sense are a defect when the layer is built.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { Api, Router } from "@outrigger/sdk"
 *
 * class Fast extends Api.Service<Fast>()("fast", { timeout: "5 seconds", retry: false }) {}
 * class Big extends Api.Service<Big>()("big", { timeout: "20 seconds", retry: false }) {}
 * class Models extends Router.Service<Models>()("models", { targets: { fast: Fast, big: Big } }) {}
 *
 * const answer = Models.run((model) => Effect.succeed(`asked ${model}`)).pipe(
 *   Effect.provide(Layer.provide(Models.layer, [Fast.layer, Big.layer]))
 * )
 */
export const Service = <Self>() =>
<const Name extends string, const T extends Targets>(
  name: Name, options: Options & { readonly targets: T }
): RouterClass<Self, Name, keyof T & string, Services<T>> => {
  const base = Context.Service<Self, Router>()(`@outrigger/sdk/Router/${name}`)
  const router = scoped(name, options)
  // The statics read `this`: the subclass is the key that R names.
  const statics = {
    layer: { get(this: Context.Service<Self, Router>) { return layerOf(this, router) } },
    state: { get(this: Context.Service<Self, Router>) { return this.use((one) => Effect.sync(() => one.state())) } },
    run: {
      value<A, E, R>(this: Context.Service<Self, Router>, work: (target: string) => Effect.Effect<A, E, R>, run?: RunOptions) {
        return this.use((one) => one.run(work, run))
      }
    },
    runEntry: {
      value<A, E, R>(this: Context.Service<Self, Router>, work: (target: string) => Effect.Effect<A, E, R>, run?: RunOptions) {
        return this.use((one) => one.runEntry(work, run))
      }
    }
  }
  return Object.defineProperties(base, statics) as unknown as RouterClass<Self, Name, keyof T & string, Services<T>>
}
