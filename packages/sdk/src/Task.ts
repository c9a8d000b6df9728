/**
 * A typed unit of background work: what it is called, what it takes, what it gives, how it may fail, and how it is tried.
 *
 * A task is a value that both sides import: the host enqueues it, a runner handles it. It runs at least once: a handler that
 * writes elsewhere hands on `context.fence`, or uses an idempotency key of its own.
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { AnySpan } from "effect/Tracer"
import type * as Data from "./core/tasks/task.ts"
import type { Queue, TaskDefinition, TaskId, TaskRecord } from "./core/tasks/task.ts"
import * as NewTask from "./core/tasks/newTask.ts"
import { migratePayload, olderVersions, type PayloadMigrations } from "./core/tasks/payloadVersions.ts"
import { defineTask } from "./core/tasks/taskDefinition.ts"
import {
  type EnqueueError, InvalidOption, type InvalidPayload, NonRetryable, Snooze, TaskCancelled, TaskDead
} from "./core/tasks/taskErrors.ts"
import type { ScheduleOptions as ScheduleSettings } from "./core/schedules/options.ts"
import { type Declaration, readRule } from "./core/schedules/schedule.ts"
import { formatTraceparent, traceparentKey } from "./core/tasks/traceparent.ts"
import { codecsOf, jsonSchemaOf } from "./internal/taskCodec.ts"
import { millisOf } from "./internal/millisOf.ts"
import { failureOf, type HandlerContext, type HandlerFailure, provide, type TaskHandler, TaskHandlers } from "./TaskHandlers.ts"
import { Tasks, type TasksError } from "./Tasks.ts"

export {
  type EnqueueError, IdempotencyConflict, QueueNotFound, InvalidOption, InvalidPayload, NonRetryable, ScheduleNotFound, SidecarUnavailable, Snooze,
  StoreUnavailable, TaskCancelled as Cancelled, TaskDead as Dead, TaskNotFound as NotFound, UnknownTask
} from "./core/tasks/taskErrors.ts"
export type { AttemptError, NewTask, TaskDefinition, TaskFailure, TaskId, TaskRecord, TaskState } from "./core/tasks/task.ts"
export type { HandlerContext } from "./TaskHandlers.ts"

type Fields = Schema.Struct.Fields
type SchemaOf<P> = P extends Schema.Top ? P : P extends Fields ? Schema.Struct<P> : never

/** When a failed attempt is tried again; what is left out is as `Retry.task` has it. */
export interface RetryOptions {
  /** Retries after the first attempt. */
  readonly times?: number | undefined
  /** The first delay. */
  readonly base?: Duration.Input | undefined
  readonly factor?: number | undefined
  /** No delay is longer. */
  readonly max?: Duration.Input | undefined
  readonly jitter?: "none" | "full" | "equal" | "decorrelated" | undefined
}

export interface Options<P extends Schema.Top | Fields, S extends Schema.Top, E extends Schema.Top>
  extends NewTask.KeyOptions<SchemaOf<P>["Type"], Duration.Input>
{
  readonly payload: P
  /** What the handler gives; nothing unless said. */
  readonly success?: S
  /** The failures that are outcomes: the task is dead at once, unless they are `retryable`. All others are retried. */
  readonly error?: E
  /** Of the payload's shape; raise it when old payloads no longer fit. 1 unless said. */
  readonly version?: number
  /** How an encoded payload of each older version becomes one of the next: what is still waiting in the old shape runs too. */
  readonly migrations?: PayloadMigrations
  /** A name, or a `Queue` with limits; "default" unless said. */
  readonly queue?: string | Queue
  /** 0 (first) to 9 (last), 5 unless said. */
  readonly priority?: number
  /** Of one attempt; 15 minutes unless said. */
  readonly timeout?: Duration.Input
  readonly retry?: RetryOptions
  /** Names of the dependencies without which an attempt makes no sense: while one's breaker is open, the task waits. */
  readonly needs?: ReadonlyArray<string>
  /** A task that has not begun so long after it became due is dead: for work that is worth nothing when it is late. Never unless said. */
  readonly expiresAfter?: Duration.Input
  /** Which typed failures may be tried again; none unless said. */
  readonly retryable?: (error: E["Type"]) => boolean
}

/** How this one task differs from what its definition says. */
export type EnqueueOptions = NewTask.EnqueueOptions<Duration.Input>

/** When a schedule fires: by a cron expression, or at a fixed interval. */
export type ScheduleOptions = ScheduleSettings<Duration.Input>

/** A task of this name, payload, success and error. */
export interface Task<Name extends string, P extends Schema.Top, S extends Schema.Top, E extends Schema.Top> {
  readonly name: Name
  readonly definition: TaskDefinition
  readonly payload: P
  readonly success: S
  readonly error: E

  /** Hands the task to whatever runs it; succeeds once it is stored for good. */
  enqueue(
    payload: P["Type"],
    options?: EnqueueOptions
  ): Effect.Effect<TaskId, EnqueueError, Tasks | P["EncodingServices"]>
  /** Many at once, all or none, in one round trip. */
  enqueueMany(
    payloads: ReadonlyArray<P["Type"]>,
    options?: Omit<EnqueueOptions, "idempotencyKey">
  ): Effect.Effect<ReadonlyArray<TaskId>, EnqueueError, Tasks | P["EncodingServices"]>
  /** Enqueues and waits for the outcome. Interrupting it leaves the task as it is. */
  execute(payload: P["Type"], options?: EnqueueOptions): Effect.Effect<
    S["Type"],
    E["Type"] | TaskDead | TaskCancelled | EnqueueError | TasksError,
    Tasks | P["EncodingServices"] | S["DecodingServices"] | E["DecodingServices"]
  >
  /** What a store needs in order to enqueue this payload: for adapters and test kits. */
  encode(
    payload: P["Type"],
    options?: EnqueueOptions
  ): Effect.Effect<Data.NewTask, InvalidPayload | InvalidOption, P["EncodingServices"]>
  /**
   * Handles this task for as long as the layer lives. Failures that the `error` schema does not accept, and defects, are
   * retried: a deploy may mend them.
   */
  toLayer<E2, R>(
    handler: (payload: P["Type"], context: HandlerContext) => Effect.Effect<S["Type"], E2, R>
  ): Layer.Layer<
    never,
    never,
    Exclude<R, Scope.Scope> | P["DecodingServices"] | S["EncodingServices"] | E["EncodingServices"]
  >
  /**
   * Enqueues this task again and again, exactly once for each slot of the schedule, whichever workers are there. It is declared
   * for as long as the layer lives, beside the one of `toLayer`. Throws an `InvalidOption` for an expression that is wrong or
   * never fires. The task's metadata has `schedule` and `slot`, an ISO time.
   */
  schedule(
    name: string, options: ScheduleOptions, payload: P["Type"]
  ): Layer.Layer<never, InvalidPayload | InvalidOption, P["EncodingServices"]>
  /** The schedule of this name is to be no more. */
  schedule(name: string, options: { readonly remove: true }): Layer.Layer<never>
}

/**
 * Makes a task. Options that make no sense throw an `InvalidOption` here, not later.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { Task } from "@outrigger/sdk"
 *
 * const Resize = Task.make("resize", {
 *   payload: { url: Schema.String, width: Schema.Int },
 *   success: Schema.String,
 *   timeout: "2 minutes"
 * })
 *
 * const program = Resize.execute({ url: "https://example.com/a.png", width: 200 })
 * const handlers = Resize.toLayer(({ url, width }) => Effect.succeed(`${url}?w=${width}`))
 */
export const make = <
  const Name extends string,
  P extends Schema.Top | Fields,
  S extends Schema.Top = typeof Schema.Void,
  E extends Schema.Top = typeof Schema.Never
>(name: Name, options: Options<P, S, E>): Task<Name, SchemaOf<P>, S, E> => {
  const payload = (Schema.isSchema(options.payload) ? options.payload : Schema.Struct(options.payload as Fields)) as SchemaOf<P>
  // A default for a type parameter has no value of its own: this is where it gets one.
  const success = (options.success ?? Schema.Void) as S
  const error = (options.error ?? Schema.Never) as E
  const { expiresAfter, needs, priority, queue, retry, timeout, version } = options
  const definition = defineTask(name, {
    needs, priority, queue, version,
    payloadSchema: jsonSchemaOf(payload),
    timeout: timeout === undefined ? undefined : millis(name, "timeout", timeout),
    expiresAfter: expiresAfter === undefined ? undefined : millis(name, "expiresAfter", expiresAfter),
    retry: retry && {
      ...retry,
      base: retry.base === undefined ? undefined : millis(name, "retry.base", retry.base),
      max: retry.max === undefined ? undefined : millis(name, "retry.max", retry.max)
    }
  })
  return new TaskImpl(name, definition, payload, success, error, options)
}

/**
 * Gives the task back for later, from within its handler; the attempt is not spent. At least a second passes.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { Task } from "@outrigger/sdk"
 *
 * declare const isRendered: (id: string) => Effect.Effect<boolean>
 * const Publish = Task.make("publish", { payload: { video: Schema.String } })
 * const handlers = Publish.toLayer(({ video }) =>
 *   Effect.flatMap(isRendered(video), (ready) => ready ? Effect.void : Task.snooze("10 minutes", "still rendering")))
 */
export const snooze = (delay: Duration.Input, reason?: string): Effect.Effect<never, Snooze> =>
  Effect.suspend(() => Effect.fail(new Snooze(millisOf(delay), reason)))

class TaskImpl<Name extends string, P extends Schema.Top, S extends Schema.Top, E extends Schema.Top>
  implements Task<Name, P, S, E>
{
  readonly name: Name
  readonly definition: TaskDefinition
  readonly payload: P
  readonly success: S
  readonly error: E
  private readonly codecs
  private readonly migrations: PayloadMigrations
  private readonly older: ReadonlyArray<number>
  private readonly keys: NewTask.KeyOptions<P["Type"], Duration.Input>
  private readonly retryable: (error: E["Type"]) => boolean

  constructor(name: Name, definition: TaskDefinition, payload: P, success: S, error: E, options: NewTask.KeyOptions<P["Type"], Duration.Input> & {
    readonly retryable?: (error: E["Type"]) => boolean
    readonly migrations?: PayloadMigrations
  }) {
    this.name = name
    this.definition = definition
    this.payload = payload
    this.success = success
    this.error = error
    this.codecs = codecsOf(name, this)
    this.migrations = options.migrations ?? {}
    this.older = olderVersions(name, definition.version, options.migrations)
    this.keys = options
    this.retryable = options.retryable ?? (() => false)
  }

  encode(payload: P["Type"], options: EnqueueOptions = {}) {
    return Effect.flatMap(this.codecs.encodePayload(payload), (encoded) => Effect.withFiber((fiber) => {
      const task = this.newTask(payload, encoded, NewTask.readEnqueueOptions(inTrace(options, fiber.cache.span), readMillis))
      return task instanceof Error ? Effect.fail(task) : Effect.succeed(task)
    }))
  }

  /** Only the schema runs as an effect for each of many: the rest is too small for one. */
  private encodeMany(payloads: ReadonlyArray<P["Type"]>, options: EnqueueOptions = {}) {
    return Effect.flatMap(Effect.forEach(payloads, (payload) => this.codecs.encodePayload(payload)), (encoded) => Effect.withFiber((fiber) => {
      const settings = NewTask.readEnqueueOptions(inTrace(options, fiber.cache.span), readMillis)
      const tasks: Array<Data.NewTask> = []
      for (const [index, payload] of payloads.entries()) {
        const task = this.newTask(payload, encoded[index], settings)
        if (task instanceof Error) return Effect.fail(task)
        tasks.push(task)
      }
      return Effect.succeed(tasks)
    }))
  }

  private newTask(payload: P["Type"], encoded: unknown, settings: NewTask.EnqueueSettings) {
    return NewTask.newTaskOf(this.definition, encoded, NewTask.keysOf(payload, this.keys, readMillis), settings)
  }

  enqueue(payload: P["Type"], options?: EnqueueOptions) {
    return Effect.flatMap(this.encode(payload, options), (task) =>
      Tasks.use((service) => Effect.map(service.enqueue([task]), ([enqueued]) => enqueued!.id)))
  }

  enqueueMany(payloads: ReadonlyArray<P["Type"]>, options?: Omit<EnqueueOptions, "idempotencyKey">) {
    return Effect.flatMap(this.encodeMany(payloads, options), (tasks) =>
      Tasks.use((service) => Effect.map(service.enqueue(tasks), (enqueued) => enqueued.map(({ id }) => id))))
  }

  execute(payload: P["Type"], options?: EnqueueOptions) {
    return Effect.flatMap(this.enqueue(payload, options), (id) =>
      Effect.flatMap(Tasks.use((service) => service.await(id)), (record) => this.outcome(record)))
  }

  /** The typed outcome of a task that is over. What a newer or older deployment stored may not decode: that is a defect. */
  private outcome(record: TaskRecord): Effect.Effect<
    S["Type"], E["Type"] | TaskDead | TaskCancelled, S["DecodingServices"] | E["DecodingServices"]
  > {
    if (record.state === "succeeded") return Effect.orDie(this.codecs.decodeSuccess(record.result))
    if (record.state === "cancelled") return Effect.fail(new TaskCancelled(record.id))
    const failure = record.failure ?? { name: "Unknown", message: "no failure was recorded" }
    const dead = new TaskDead(record.id, record.attempt, failure)
    return failure.error === undefined
      ? Effect.fail(dead)
      : Effect.matchEffect(this.codecs.decodeError(failure.error), {
        onFailure: () => Effect.fail(dead),
        onSuccess: (error) => Effect.fail(error)
      })
  }

  toLayer<E2, R>(handler: (payload: P["Type"], context: HandlerContext) => Effect.Effect<S["Type"], E2, R>) {
    type Needs = R | P["DecodingServices"] | S["EncodingServices"] | E["EncodingServices"]
    const add = Effect.gen({ self: this }, function*() {
      const handlers = yield* TaskHandlers
      const context = yield* Effect.context<Exclude<Needs, Scope.Scope>>()
      const services = context as Context.Context<never>
      const run: TaskHandler["run"] = (payload, attempt) => provide(Effect.scoped(this.run(payload, (value) => handler(value, attempt))), context)
      yield* handlers.add({ definition: this.definition, services, run })
      for (const version of this.older) yield* handlers.add({ ...this.olderHandler(version, run), services })
    })
    return Layer.effectDiscard(add)
  }

  private olderHandler(version: number, run: TaskHandler["run"]): TaskHandler {
    const { definition, migrations, name } = this
    return {
      definition: { ...definition, version },
      older: true,
      run: (payload, attempt) => Effect.flatMap(
        Effect.try({
          try: () => migratePayload(name, payload, version, definition.version, migrations),
          catch: (cause): HandlerFailure => ({ _tag: "Final", cause })
        }),
        (migrated) => run(migrated, attempt)
      )
    }
  }

  schedule(name: string, options: ScheduleOptions, payload: P["Type"]): Layer.Layer<never, InvalidPayload | InvalidOption, P["EncodingServices"]>
  schedule(name: string, options: { readonly remove: true }): Layer.Layer<never>
  schedule(name: string, options: ScheduleOptions | { readonly remove: true }, payload?: P["Type"]) {
    const declare = (declaration: Declaration) => Effect.flatMap(TaskHandlers, (handlers) => handlers.addSchedule(declaration))
    if (options.remove === true) return Layer.effectDiscard(declare({ name, remove: true, task: { name: this.name } }))
    const { every } = options
    const rule = readRule(name, this.name, { ...options, every: millisOf(every) || every })
    return Layer.effectDiscard(Effect.flatMap(this.encode(payload), (task) => declare({ name, rule, task })))
  }

  private run<E2, R>(encoded: unknown, handle: (payload: P["Type"]) => Effect.Effect<S["Type"], E2, R>) {
    const payload = Effect.mapError(this.codecs.decodePayload(encoded), (cause): HandlerFailure => ({ _tag: "Final", cause }))
    return Effect.flatMap(payload, (value) =>
      Effect.catch(handle(value), (error) => Effect.flatMap(this.failureOf(error), (failure) => Effect.fail(failure)))
    ).pipe(Effect.flatMap((result) => Effect.orDie(this.codecs.encodeSuccess(result))))
  }

  private failureOf(cause: unknown): Effect.Effect<HandlerFailure, never, E["EncodingServices"]> {
    if (cause instanceof NonRetryable || cause instanceof Snooze) return Effect.succeed(failureOf(cause))
    const typed: boolean = this.codecs.isError(cause)
    if (typed) {
      const _tag = this.retryable(cause) ? "Retryable" as const : "Final" as const
      return Effect.map(Effect.orDie(this.codecs.encodeError(cause)), (error) => ({ _tag, cause, error }))
    }
    return Effect.succeed(failureOf(cause))
  }
}

/** The task continues the trace in which it is enqueued, unless its metadata says another. */
const inTrace = (options: EnqueueOptions, span: AnySpan | undefined): EnqueueOptions => {
  const traceparent = span && formatTraceparent(span)
  return traceparent === undefined ? options : { ...options, metadata: { [traceparentKey]: traceparent, ...options.metadata } }
}

/** What is no duration is NaN here, and refused with everything else. */
const readMillis = (_: string, input: Duration.Input | undefined) => input === undefined ? undefined : millisOf(input)

const millis = (task: string, option: string, input: Duration.Input): number => {
  const value = millisOf(input)
  if (Number.isNaN(value)) throw new InvalidOption(task, option, JSON.stringify(input), 'a duration, such as "30 seconds"')
  return value
}
