/**
 * Claims tasks from any `TaskStore` and runs their handlers, for as long as its scope lives.
 *
 * It runs all handlers of `TaskHandlers`. A claimed task is leased: the executor renews the lease of all it runs with one
 * statement, and when it cannot, it interrupts everything before anybody else may have its tasks. Closing its scope drains:
 * claiming stops, what runs has `drainTimeout` to end, and the rest is handed back with its attempt unspent.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { Registry, type Task, TaskHandlers, TaskStore } from "@outrigger/sdk"
import { guarded, type Hooks } from "./Hooks.ts"
import type { Running } from "./internal/attempt.ts"
import { declaring } from "./internal/declaring.ts"
import type { Counts, Settings } from "./internal/ground.ts"
import { impatient } from "./internal/impatient.ts"
import { Worker } from "./internal/worker.ts"
import type { Middleware } from "./Middleware.ts"

export type { Running } from "./internal/attempt.ts"
export type { Counts } from "./internal/ground.ts"

/** How far to claim ahead. */
export interface Prefetch {
  /** Tasks that are likely to begin within this time, at the pace that is measured, may be claimed before there is room for them; 100 ms unless said. */
  readonly ahead?: Duration.Input | undefined
  /** What was claimed ahead and has not begun after so long is handed back, unspent; 1 second unless said. */
  readonly returnAfter?: Duration.Input | undefined
}

export interface Options {
  /** For people: shows in the store and in logs. "worker" unless said. */
  readonly name?: string | undefined
  /** How many attempts run at once; 100 unless said. */
  readonly concurrency?: number | undefined
  /** How many tasks one claim takes at most; 500 unless said. */
  readonly batch?: number | undefined
  /**
   * Claims ahead, in full batches, while tasks are so quick that this keeps nothing from other workers; a worker whose attempts
   * take longer than `ahead` claims only what it has room for. `false` never claims more than there is room for.
   */
  readonly prefetch?: Prefetch | false | undefined
  /** How long tasks stay ours without a sign of life; 30 seconds unless said. */
  readonly lease?: Duration.Input | undefined
  /** How often to look for work when nobody wakes us; 100 ms unless said. */
  readonly poll?: Duration.Input | undefined
  /** How long an attempt may run whose task says nothing else, by its definition or when it was enqueued; 15 minutes unless said. */
  readonly timeout?: Duration.Input | undefined
  /** How long running attempts have to end when the executor closes; 25 seconds unless said. */
  readonly drainTimeout?: Duration.Input | undefined
  /** How long an attempt may outlive its timeout or its interruption until it counts as stuck; 10 seconds unless said. */
  readonly killAfter?: Duration.Input | undefined
  /** Stands around every handler: tracing, logging, the tenant. The first is the outermost. */
  readonly middleware?: ReadonlyArray<Middleware> | undefined
  /** Told what happens, as data. */
  readonly hooks?: Hooks | undefined
  /**
   * Begins an attempt, by calling `begin` at once: what is entered around that call, such as an `AsyncLocalStorage`, follows the
   * attempt through all its fibers, promises and timers. It costs less than middleware.
   */
  readonly enter?: ((task: TaskStore.ClaimedTask, begin: () => void) => void) | undefined
}

export interface Service {
  /** The worker as the store knows it; another one after a lost lease, none before and after. */
  readonly worker: () => TaskStore.WorkerId | undefined
  /** The attempts at work. */
  readonly running: () => ReadonlyArray<Running>
  /** Those that outlived their end by `killAfter`: only replacing the process ends them. */
  readonly stuck: () => ReadonlyArray<Running>
  readonly counts: () => Readonly<Counts>
  /** Claims no more, waits for what runs, hands back the rest. Closing the scope does the same. */
  readonly drain: Effect.Effect<void>
}

/**
 * The executor at work.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import { Executor } from "@outrigger/executor"
 * import { Task, Tasks } from "@outrigger/sdk"
 *
 * const Greet = Task.make("greet", { payload: { name: Schema.String }, success: Schema.String })
 * const main = Executor.layer().pipe(
 *   Layer.provideMerge(Tasks.layerMemory),
 *   Layer.provide(Greet.toLayer(({ name }) => Effect.succeed(`hello ${name}`)))
 * )
 * const program = Greet.execute({ name: "Ada" }).pipe(Effect.provide(main))
 */
export class Executor extends Context.Service<Executor, Service>()("@outrigger/executor/Executor") {}

const whole = (option: string, value: number): number => {
  if (Number.isInteger(value) && value >= 1) return value
  throw new RangeError(`Executor: ${option} is ${value}, but must be a whole number from 1`)
}

const millis = (option: string, input: Duration.Input, least = 0): number => {
  const duration = Duration.fromInput(input)
  const value = duration._tag === "Some" ? Duration.toMillis(duration.value) : Number.NaN
  if (value >= least) return value
  throw new RangeError(`Executor: ${option} is ${JSON.stringify(input)}, but must be a duration${least > 0 ? ` of at least ${least} ms` : ""}, such as "30 seconds"`)
}

const prefetchOf = (prefetch: Prefetch | false): Settings["prefetch"] => {
  const { ahead = 100, returnAfter = "1 second" } = prefetch === false ? { ahead: 0 } : prefetch
  return { ahead: millis("prefetch.ahead", ahead), returnAfter: millis("prefetch.returnAfter", returnAfter, 1) }
}

const settingsOf = (options: Options, failed: (hook: string, error: unknown) => void): Settings => ({
  name: options.name ?? "worker",
  concurrency: whole("concurrency", options.concurrency ?? 100),
  batch: whole("batch", options.batch ?? 500),
  prefetch: prefetchOf(options.prefetch ?? {}),
  lease: millis("lease", options.lease ?? "30 seconds", 1),
  poll: millis("poll", options.poll ?? 100),
  timeout: options.timeout === undefined ? undefined : millis("timeout", options.timeout, 1),
  drainTimeout: millis("drainTimeout", options.drainTimeout ?? "25 seconds"),
  killAfter: millis("killAfter", options.killAfter ?? "10 seconds"),
  enter: options.enter,
  middleware: options.middleware ?? [],
  hooks: guarded(options.hooks ?? {}, failed)
})

/** Registers a worker and begins to claim; fails when the store cannot be reached. */
export const make = (
  options: Options = {}
): Effect.Effect<Service, Task.StoreUnavailable, TaskStore.TaskStore | Scope.Scope> =>
  Effect.gen(function*() {
    const random = yield* Random.Random
    const services = yield* Effect.context<never>()
    const ground = {
      store: impatient(yield* TaskStore.TaskStore),
      handlers: yield* TaskHandlers.TaskHandlers,
      registry: yield* Registry.Registry,
      services,
      clock: yield* Clock.Clock,
      random: () => random.nextDoubleUnsafe()
    }
    const hookFailed = (hook: string, error: unknown) => {
      Effect.runForkWith(services)(Effect.logError(`The hook ${hook} failed`, error))
    }
    const worker = new Worker(ground, settingsOf(options, hookFailed))
    yield* worker.leasing.register
    yield* Effect.forkScoped(yield* declaring(ground.store, ground.handlers))
    yield* ground.store.onWake(() => worker.wake())
    for (const loop of worker.loops) yield* Effect.forkScoped(loop)
    const drained = yield* Effect.cached(worker.drain)
    yield* Effect.addFinalizer(() => drained)
    for (const loop of worker.claims) yield* Effect.forkScoped(loop)
    return {
      worker: () => worker.leasing.worker,
      running: () => worker.attempts.running(),
      stuck: () => worker.attempts.stuck(),
      counts: () => worker.counts,
      drain: drained
    }
  })

/** The executor for as long as the layer lives. */
export const layer = (options: Options = {}): Layer.Layer<Executor, Task.StoreUnavailable, TaskStore.TaskStore> =>
  Layer.effect(Executor, make(options))
