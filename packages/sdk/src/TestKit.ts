/**
 * Tests for tasks, as effects: tasks in memory, time as the `TestClock` has it, and faults on demand. With promises, in any
 * runner: `@outrigger/sdk/testing`.
 *
 * `layer` is all that a test needs beside the layers of its handlers. It stands on the memory store, which keeps the promises
 * that the PostgreSQL store keeps: nothing about fences, keys and retries is played.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import { settle } from "./core/tasks/attemptEnd.ts"
import type { TaskId } from "./core/tasks/task.ts"
import { type InvalidOption, type InvalidPayload, TaskNotFound } from "./core/tasks/taskErrors.ts"
import { Findings } from "./core/testing/assertions.ts"
import type { Draining, DrainResult } from "./core/testing/draining.ts"
import type { Expectation } from "./core/testing/expectation.ts"
import { asJson, type EnqueuedTask } from "./core/testing/workbench.ts"
import { codecsOf } from "./internal/taskCodec.ts"
import { Kit } from "./internal/testKit.ts"
import { Registry } from "./Registry.ts"
import type { Task } from "./Task.ts"
import { type HandlerContext, type HandlerFailure, make as makeHandlers, TaskHandlers } from "./TaskHandlers.ts"
import { layerStore, Tasks } from "./Tasks.ts"
import { TaskStore } from "./TaskStore.ts"

export { TaskAssertionError } from "./core/testing/assertions.ts"
export type { DrainFailure, DrainResult } from "./core/testing/draining.ts"
export type { Expectation, Part } from "./core/testing/expectation.ts"
export type { EnqueuedTask } from "./core/testing/workbench.ts"

/** What a test asks of an enqueued task. */
export interface Expected<Payload> extends Expectation<Payload> {
  /** From now on the test's clock; give or take a second. */
  readonly scheduledIn?: Duration.Input | undefined
}

export interface DrainOptions extends Omit<Draining, "for"> {
  /** What falls due within this time; the clock then stands that much later. */
  readonly for?: Duration.Input | undefined
}

/** What the handler is told; what is left out is that of a first attempt. */
export type PerformContext = { readonly [K in Exclude<keyof HandlerContext, "name">]?: HandlerContext[K] | undefined }

type AnyTask = Task<string, Schema.Top, Schema.Top, Schema.Top>
type PayloadOf<T extends AnyTask> = T["payload"]["Type"]
type Decoding<T extends AnyTask> = T["payload"]["DecodingServices"]

/**
 * The kit of a test.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import { Task } from "@outrigger/sdk"
 * import * as TestKit from "@outrigger/sdk/TestKit"
 *
 * const Greet = Task.make("greet", { payload: { name: Schema.String }, success: Schema.String })
 * const handlers = Greet.toLayer(({ name }) => Effect.succeed(`hello ${name}`))
 *
 * const test = Effect.gen(function*() {
 *   yield* Greet.enqueue({ name: "Ada" }, { delay: "1 hour" })
 *   yield* TestKit.assertEnqueued(Greet, { payload: { name: "Ada" }, scheduledIn: "1 hour" })
 *   const { succeeded } = yield* TestKit.drain({ with: "scheduled" })
 * }).pipe(Effect.provide(handlers.pipe(Layer.provideMerge(TestKit.layer))))
 */
export class TestKit extends Context.Service<TestKit, Kit>()("@outrigger/sdk/TestKit") {}

/**
 * A memory store, `Tasks` over it, and a set of handlers of its own: what `Task.toLayer` adds above it is what the kit runs, and
 * what `Task.schedule` declares there fires as the clock passes its slots. Tasks whose `needs` are down, by the breakers of the
 * registry at hand, are left alone.
 */
export const layer: Layer.Layer<TestKit | Tasks | TaskStore> = Layer.effectContext(Effect.gen(function*() {
  const kit = new Kit(makeHandlers(), yield* Registry, yield* Clock.Clock)
  const store = TaskStore.of(kit.store)
  const tasks = Context.get(yield* Layer.build(Layer.provide(layerStore, Layer.succeed(TaskStore, store))), Tasks)
  return Context.make(TestKit, kit).pipe(
    Context.add(TaskStore, store),
    Context.add(Tasks, { ...tasks, await: (id) => kit.awaitEnd(id, tasks.find(id), tasks.await(id)) }),
    Context.add(TaskHandlers, kit.handlers)
  )
}))

const using = <A, E, R>(f: (kit: Kit) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R | TestKit> => TestKit.use((kit) => kit.at(f))

const millisOf = (option: string, input: Duration.Input): number => {
  const duration = Duration.fromInput(input)
  if (duration._tag === "Some" && Duration.toMillis(duration.value) >= 0) return Duration.toMillis(duration.value)
  throw new RangeError(`${option} is ${JSON.stringify(input)}, but must be a duration, such as "10 minutes"`)
}

const findings = <T extends AnyTask>(task: T, { scheduledIn, ...expected }: Expected<PayloadOf<T>>): Effect.Effect<Findings<PayloadOf<T>>, never, TestKit | Decoding<T>> =>
  using((kit) => Effect.gen(function*() {
    const { others, own } = kit.bench.split(task.definition)
    const { decodePayload } = codecsOf(task.name, task)
    const decoded = yield* Effect.orDie(Effect.forEach(own, (one) => Effect.map(decodePayload(one.payload), (payload) => ({ ...one, payload }))))
    const asked = scheduledIn === undefined ? expected : { ...expected, scheduledAt: kit.now() + millisOf("scheduledIn", scheduledIn) }
    return new Findings<PayloadOf<T>>(task.name, asked, decoded, others)
  }))

/**
 * That a task was enqueued, whatever became of it since; gives the first that fits, its payload decoded. Dies with an
 * `AssertionError` that shows what there is beside what was asked for.
 */
export const assertEnqueued = <T extends AnyTask>(
  task: T, expected: Expected<PayloadOf<T>> = {}
): Effect.Effect<EnqueuedTask<PayloadOf<T>>, never, TestKit | Decoding<T>> =>
  Effect.map(findings(task, expected), (found) => found.assert())

/** That no task was enqueued that fits. */
export const refuteEnqueued = <T extends AnyTask>(
  task: T, expected: Omit<Expected<PayloadOf<T>>, "count"> = {}
): Effect.Effect<void, never, TestKit | Decoding<T>> =>
  Effect.map(findings(task, expected), (found) => found.refute())

const everything: Effect.Effect<ReadonlyArray<EnqueuedTask>, never, TestKit> = using((kit) => Effect.succeed(kit.bench.all()))

/** Every task that was enqueued, its payload as it is stored; or those of one kind that fit, decoded. In that order, as they are now. */
export const allEnqueued: {
  (): Effect.Effect<ReadonlyArray<EnqueuedTask>, never, TestKit>
  <T extends AnyTask>(
    task: T, expected?: Omit<Expected<PayloadOf<T>>, "count">
  ): Effect.Effect<ReadonlyArray<EnqueuedTask<PayloadOf<T>>>, never, TestKit | Decoding<T>>
} = <T extends AnyTask>(task?: T, expected: Expected<PayloadOf<T>> = {}) =>
  task === undefined ? everything : Effect.map(findings(task, expected), (found) => found.fitting()) as Effect.Effect<any, never, any>

/** The task as it is now. */
export const task = (id: TaskId): Effect.Effect<EnqueuedTask, TaskNotFound, TestKit> =>
  Effect.flatMap(everything, (all) => {
    const found = all.find((one) => one.id === id)
    return found === undefined ? Effect.fail(new TaskNotFound(id)) : Effect.succeed(found)
  })

/** Forgets all tasks, and the faults that were to come; schedules begin anew. Queues that are paused stay so. */
export const clear: Effect.Effect<void, never, TestKit> = using((kit) => Effect.sync(() => kit.bench.clear()))

/** A handler failed with something that its task's `error` schema does not accept. */
export class HandlerFailed extends Error {
  readonly _tag = "HandlerFailed"
  override readonly name = "HandlerFailed"
  /** Whether the task would be tried again. */
  readonly retryable: boolean
  constructor(task: string, { _tag, cause }: Pick<HandlerFailure, "_tag" | "cause">) {
    super(`The handler of "${task}" failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.retryable = _tag !== "Final"
  }
}

/**
 * Runs the handler of a task once, and stores nothing. The payload and the result go through their schemas and through JSON.
 * Fails with the task's typed error, decoded again; a defect of the handler stays one.
 */
export const perform = <Name extends string, P extends Schema.Top, S extends Schema.Top, E extends Schema.Top>(
  task: Task<Name, P, S, E>, payload: P["Type"], context: PerformContext = {}
): Effect.Effect<
  S["Type"],
  E["Type"] | HandlerFailed | InvalidPayload | InvalidOption,
  TestKit | P["EncodingServices"] | S["DecodingServices"] | E["DecodingServices"]
> => using((kit) => Effect.gen(function*() {
  const { definition, name } = task
  const handler = kit.handlers.find(name, definition.version)
  if (handler === undefined) {
    const known = kit.handlers.all().map((one) => `${one.definition.name} v${one.definition.version}`).join(", ")
    return yield* Effect.die(new TypeError(`The kit has no handler for task ${name} v${definition.version}: provide its layer above TestKit.layer; it has ${known || "none"}`))
  }
  const codecs = codecsOf(name, task)
  const { attempt = 1, metadata = {} } = context
  const { payload: encoded } = yield* task.encode(payload, { metadata })
  const told: HandlerContext = {
    id: context.id ?? "1",
    name, attempt, metadata,
    fence: context.fence ?? String(attempt),
    deadline: context.deadline ?? kit.now() + definition.timeout,
    signal: context.signal ?? new AbortController().signal,
    progress: context.progress ?? (() => Effect.void)
  }
  const result = yield* Effect.catch(handler.run(asJson(encoded), told), (failure) => typed("error" in failure ? failure.error : undefined, codecs.decodeError, new HandlerFailed(name, failure)))
  const end = settle({ _tag: "Succeeded", result: result ?? null }, { id: told.id, fence: told.fence, attempt }, definition, 0)
  if (end._tag === "Die") return yield* Effect.fail(new HandlerFailed(name, { _tag: "Final", cause: Object.assign(new TypeError(end.failure.message), { name: end.failure.name }) }))
  return yield* Effect.orDie(codecs.decodeSuccess(asJson(result)))
}))

/** As whoever waits for the outcome in another process would get it. */
const typed = <A, R>(
  error: unknown, decode: (error: unknown) => Effect.Effect<A, unknown, R>, otherwise: HandlerFailed
): Effect.Effect<never, A | HandlerFailed, R> =>
  error === undefined
    ? Effect.fail(otherwise)
    : Effect.flatMap(Effect.mapError(decode(asJson(error)), () => otherwise), (decoded) => Effect.fail(decoded))

/**
 * Runs what waits, one attempt at a time, and what that enqueues in turn: what is due now, or also `with` retries or everything
 * that is scheduled, the clock moving to each. Schedules fire as the clock passes their slots; `for` says how far to go where
 * nothing else does. Says what came of it.
 */
export const drain = (options: DrainOptions = {}): Effect.Effect<DrainResult, never, TestKit> => using((kit) => Effect.suspend(() => {
  const { for: duration, ...rest } = options
  return kit.play({ ...rest, for: duration === undefined ? undefined : millisOf("drain: for", duration) })
}))

/**
 * The next attempt goes to two workers: the first freezes, the second runs it to its end, and then the first wakes and runs it
 * too, with the smaller fence. What the first gives is refused. Dies for a task that is not there, or over.
 */
export const deliverTwice = (id: TaskId): Effect.Effect<void, never, TestKit> => using((kit) => Effect.sync(() => kit.bench.deliverTwice(id)))

/**
 * The attempt at work, or else the next, loses its lease while it runs: its fiber is interrupted, its outcome refused, and the
 * task runs again. Dies for a task that is not there, or over.
 */
export const loseLease = (id: TaskId): Effect.Effect<void, never, TestKit> => using((kit) => Effect.sync(() => kit.bench.loseLease(id)))

/**
 * The worker at work dies there and then: its handler is interrupted, and nobody waits for its finalizers. When none is at work,
 * the next dies after its handler has ended, and before the outcome is stored.
 */
export const killWorker: Effect.Effect<void, never, TestKit> = using((kit) => Effect.sync(() => kit.bench.killWorker()))
