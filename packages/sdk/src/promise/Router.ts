/** A router with promises: one call, several dependencies that can answer it. What it decides, and why, is in `core/router/router.ts`. */
import type { AttemptContext } from "../core/call/attempt.ts"
import { InvalidPolicyOption } from "../core/errors.ts"
import { type RouterOptions as CoreOptions, readRouter } from "../core/options/router.ts"
import type { Registry } from "../core/registry.ts"
import { Route, type RouterEntry } from "../core/router/route.ts"
import { Router as CoreRouter, type RouterEvents, type RouterState, Target } from "../core/router/router.ts"
import type { TimerPort } from "../core/time/timers.ts"
import { Api } from "./Api.ts"
import { discardBody } from "./body.ts"
import type { CallOptions } from "./call.ts"
import type { CheckFunction, CheckOptions, Checks } from "./Checks.ts"
import { inheritedDeadline } from "./inherited.ts"

export interface RouterTargetOptions {
  /** Its policy protects each try. */
  readonly api: Api
  /** How often it is picked, against the others; 1 unless said. Not for "ordered". */
  readonly weight?: number | undefined
  /** Run in the background like every check; while it fails, the target gets no call. With options as `{ run, every, ... }`. */
  readonly check?: CheckFunction | (CheckOptions & { readonly run: CheckFunction }) | undefined
}

export interface RouterOptions<T extends string = string> extends CoreOptions {
  /** By name, in order of preference. */
  readonly targets: { readonly [K in T]: Api | RouterTargetOptions }
}

/** What one try is given: the target beside all that an `Api` gives an attempt. */
export interface RouterContext<T extends string = string> extends AttemptContext {
  readonly target: T
}

/** What a routed call runs; called once for each attempt of each target. */
export type RouterWork<A, T extends string = string> = (context: RouterContext<T>) => PromiseLike<A> | A

/** One routed call: `deadline` and `signal` hold for all its tries together. */
export interface RouterCallOptions extends CallOptions {}

/** Delegates: the attempt makes its signal when it is first read, and a copy would read it. */
class RoutedAttempt<T extends string> implements RouterContext<T> {
  readonly target: T
  private readonly context: AttemptContext

  constructor(target: T, context: AttemptContext) {
    this.target = target
    this.context = context
  }
  get attempt(): number {
    return this.context.attempt
  }
  get deadline(): number {
    return this.context.deadline
  }
  get signal(): AbortSignal {
    return this.context.signal
  }
}

/**
 * Equivalent dependencies behind one name: models, regions, mirrors. Made by `outrigger.router(name, { targets })`.
 *
 * @example
 * import { createOutrigger } from "@outrigger/sdk/promise"
 *
 * const outrigger = createOutrigger({ service: "shop" })
 * const api = outrigger.api("fast", { timeout: "5 seconds", retry: false })
 * const big = outrigger.api("big", { timeout: "20 seconds", retry: false })
 * const models = outrigger.router("models", { strategy: "weighted", targets: { fast: { api, weight: 3 }, big } })
 * const { value, target } = await models.callEntry(({ target, signal }) => fetch(`http://${target}.local`, { signal }))
 */
export class Router<T extends string = string> {
  readonly name: string
  private readonly core: CoreRouter<Api>
  private readonly port: TimerPort
  /** Whether its calls take the deadline of the call around them. */
  private readonly inherits: boolean

  /** For `createOutrigger(...).router(...)`, which registers its entry in the health report. */
  constructor(core: CoreRouter<Api>, port: TimerPort, inherits: boolean) {
    this.name = core.name
    this.core = core
    this.port = port
    this.inherits = inherits
  }

  /**
   * Runs `work` with the target that the strategy picks, under that target's policy; when it fails in a way that may go better
   * elsewhere, with the next. Rejects as the last target that was called did, or with its policy's `Rejected` when none was.
   */
  async call<A>(work: RouterWork<A, T>, options?: RouterCallOptions): Promise<A> {
    return (await this.callEntry(work, options)).value
  }

  /** As `call`, and says which target answered and how each try ended. */
  async callEntry<A>(work: RouterWork<A, T>, options: RouterCallOptions = {}): Promise<RouterEntry<A, T>> {
    const { signal } = options
    signal?.throwIfAborted()
    const limit = this.inherits ? Math.min(options.deadline ?? Infinity, inheritedDeadline()) : options.deadline ?? Infinity
    const route = new Route<Api, T>(this.core, this.port, limit, options)
    const passed = route.deadline === Infinity ? options : { ...options, deadline: route.deadline }
    let target: Target<Api> | null = route.first()
    while (target !== null) {
      const name = target.name as T
      const run = (context: AttemptContext) => {
        route.begin()
        return work(new RoutedAttempt(name, context))
      }
      let [ok, value]: [boolean, unknown] = [true, undefined]
      try {
        value = await target.handle.call(run, passed)
      } catch (error) {
        [ok, value] = [false, error]
        if (signal?.aborted) {
          route.abort(discardBody)
          throw error
        }
      }
      target = route.settled(ok, value, undefined, discardBody)
    }
    const answer = route.answer!
    if (!answer.ok) throw answer.value
    return route.entry(answer.value as A)
  }

  /** Which target is preferred, where each stands, and what became of its tries. */
  state(): RouterState<T> {
    return this.core.state<T>(this.port)
  }

  /** Hears of `preferred` or `fallover`; the returned function unsubscribes. */
  on<K extends keyof RouterEvents>(type: K, listener: (event: RouterEvents<T>[K]) => void): () => void {
    return this.core.listeners.on(type, listener as (event: RouterEvents[K]) => void)
  }
}

/** Where a router is at home. */
interface Home {
  readonly registry: Registry
  readonly checks: Checks
  readonly port: TimerPort
  readonly inherits: boolean
}

const apis = { key: "api", dependencyOf: (value: unknown) => value instanceof Api ? value["dependency"] : undefined }

/** A router of these targets, registered; throws `InvalidPolicyOption`. */
export const makeRouter = <T extends string>(name: string, options: RouterOptions<T>, { checks, inherits, port, registry }: Home): Router<T> => {
  const { settings, targets } = readRouter<Api>(name, options, apis)
  const made = targets.map(({ check, dependency, handle, name: target, weight }) => {
    if (check !== undefined && typeof (check as { run?: unknown }).run !== "function" && typeof check !== "function") {
      throw new InvalidPolicyOption(name, `targets.${target}.check`, check, "a function, or { run, ...options of a check }")
    }
    return new Target(target, handle, weight, dependency, check === undefined ? never : () => registry.checkOf(`${name}:${target}`)?.state)
  })
  const core = new CoreRouter(name, settings, made)
  const undo = [registry.entry(`${name}:router`, (now, epoch) => core.entry(now, epoch))]
  try {
    for (const { check, name: target } of targets) {
      if (check === undefined) continue
      const { run, ...rest } = (typeof check === "function" ? { run: check } : check) as CheckOptions & { readonly run: CheckFunction }
      undo.push(checks.add(`${name}:${target}`, run, rest))
    }
  } catch (error) {
    for (const remove of undo) remove()
    throw error
  }
  return new Router<T>(core, port, inherits)
}

const never = () => undefined
