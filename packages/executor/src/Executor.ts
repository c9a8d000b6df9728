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
import { declaring } from "./internal/declaring.ts"
import { impatient } from "./internal/impatient.ts"
import { type Counts, type Running, Worker } from "./internal/worker.ts"

export type { Counts, Running } from "./internal/worker.ts"

export interface Options {
  /** For people: shows in the store and in logs. "worker" unless said. */
  readonly name?: string | undefined
  /** How many attempts run at once; 100 unless said. */
  readonly concurrency?: number | undefined
  /** How many tasks one claim takes at most; 500 unless said. */
  readonly batch?: number | undefined
  /** How long tasks stay ours without a sign of life; 30 seconds unless said. */
  readonly lease?: Duration.Input | undefined
  /** How often to look for work when nobody wakes us; 100 ms unless said. */
  readonly poll?: Duration.Input | undefined
  /** How long running attempts have to end when the executor closes; 25 seconds unless said. */
  readonly drainTimeout?: Duration.Input | undefined
  /** How long an attempt may outlive its timeout or its interruption until it counts as stuck; 10 seconds unless said. */
  readonly killAfter?: Duration.Input | undefined
  /** Stands around every attempt: tracing, logging, attribution. */
  readonly around?: ((task: TaskStore.ClaimedTask, run: Effect.Effect<unknown, unknown>) => Effect.Effect<unknown, unknown>) | undefined
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

/** Registers a worker and begins to claim; fails when the store cannot be reached. */
export const make = (
  options: Options = {}
): Effect.Effect<Service, Task.StoreUnavailable, TaskStore.TaskStore | Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    const ground = {
      store: impatient(yield* TaskStore.TaskStore),
      handlers: yield* TaskHandlers.TaskHandlers,
      registry: yield* Registry.Registry,
      services: yield* Effect.context<never>(),
      clock,
      random: () => random.nextDoubleUnsafe()
    }
    const millis = (input: Duration.Input | undefined, otherwise: number) =>
      input === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(input))
    const worker = new Worker(ground, {
      name: options.name ?? "worker",
      concurrency: whole("concurrency", options.concurrency ?? 100),
      batch: whole("batch", options.batch ?? 500),
      lease: millis(options.lease, 30_000),
      poll: millis(options.poll, 100),
      drainTimeout: millis(options.drainTimeout, 25_000),
      killAfter: millis(options.killAfter, 10_000),
      around: options.around ?? ((_, run) => run)
    })
    yield* worker.register
    yield* Effect.forkScoped(yield* declaring(ground.store, ground.handlers))
    yield* ground.store.onWake(() => worker.wake())
    for (const loop of [worker.settling, worker.beating, worker.watching, worker.showing, worker.keepingUp]) yield* Effect.forkScoped(loop)
    const drained = yield* Effect.cached(worker.drain)
    yield* Effect.addFinalizer(() => drained)
    yield* Effect.forkScoped(worker.claiming)
    return {
      worker: () => worker.workerId,
      running: () => [...worker.attempts.values()],
      stuck: () => worker.stuck(clock.currentTimeMillisUnsafe()),
      counts: () => worker.counts,
      drain: drained
    }
  })

/** The executor for as long as the layer lives. */
export const layer = (options: Options = {}): Layer.Layer<Executor, Task.StoreUnavailable, TaskStore.TaskStore> =>
  Layer.effect(Executor, make(options))
