/**
 * A unit of background work, with promises: a value that both sides import, the host to enqueue it, a runner to handle it.
 * Any Standard Schema describes its payload: zod, valibot, arktype, Effect's.
 */
import { type DurationInput, toMillis } from "../core/time/duration.ts"
import type { NewTask, Queue, TaskDefinition, TaskRetry } from "../core/tasks/task.ts"
import { type EnqueueOptions, type KeyOptions, keysOf, newTaskOf, readEnqueueOptions } from "../core/tasks/newTask.ts"
import { migratePayload, olderVersions, type PayloadMigrations } from "../core/tasks/payloadVersions.ts"
import type { ScheduleOptions } from "../core/schedules/options.ts"
import { type Declaration, readRule } from "../core/schedules/schedule.ts"
import { defineTask } from "../core/tasks/taskDefinition.ts"
import { InvalidOption, InvalidPayload, type PayloadIssue } from "../core/tasks/taskErrors.ts"
import type { HandlerContext, TaskHandler } from "./handler.ts"
import type { InputOf, OutputOf, StandardIssue, StandardSchema, Validated } from "./StandardSchema.ts"

type AnySchema = StandardSchema<any, any>

export type { EnqueueOptions } from "../core/tasks/newTask.ts"
export type { ScheduleOptions } from "../core/schedules/options.ts"
export type { HandlerContext, TaskHandler } from "./handler.ts"
export type { Middleware } from "./middleware.ts"

export interface TaskOptions<P extends AnySchema, S extends AnySchema | undefined> extends KeyOptions<OutputOf<P>> {
  readonly payload: P
  /** Checks what the handler gives. */
  readonly success?: S
  /** Of the payload's shape; raise it when old payloads no longer fit. 1 unless said. */
  readonly version?: number
  /** How a payload of each older version becomes one of the next: what is still waiting in the old shape runs too. */
  readonly migrations?: PayloadMigrations
  /** A name, or a `Queue` with limits; "default" unless said. */
  readonly queue?: string | Queue
  /** 0 (first) to 9 (last), 5 unless said. */
  readonly priority?: number
  /** Of one attempt; 15 minutes unless said. */
  readonly timeout?: DurationInput
  /** 12 retries, 10 s doubling, at most 10 min, unless said. */
  readonly retry?: { readonly [K in keyof TaskRetry]?: K extends "base" | "max" ? DurationInput : TaskRetry[K] }
  /** Names of the dependencies without which an attempt makes no sense: while one's breaker is open, the task waits. */
  readonly needs?: ReadonlyArray<string>
  /** A task that has not begun so long after it became due is dead: for work that is worth nothing when it is late. Never unless said. */
  readonly expiresAfter?: DurationInput
}

/** A schedule as a handlers file exports it: plain data, known by its brand, whichever copy of the SDK made it. */
export interface TaskSchedule {
  readonly "~outrigger/TaskSchedule": 1
  readonly name: string
  /** What a worker declares. Rejects with `InvalidPayload` when only an asynchronous schema could tell. */
  readonly declaration: () => Promise<Declaration>
}

export interface Task<Name extends string, P extends AnySchema, S extends AnySchema | undefined> {
  readonly name: Name
  readonly definition: TaskDefinition
  readonly payload: P
  readonly success: S
  /** Binds what runs it; export the result from a handlers file. */
  handle(handler: Handler<P, S>): TaskHandler
  /** What a store needs in order to enqueue this payload. Rejects with `InvalidPayload` or `InvalidOption`. */
  encode(payload: InputOf<P>, options?: EnqueueOptions): Promise<NewTask>
  /** As `encode`, for schemas that need no waiting. */
  encodeSync(payload: InputOf<P>, options?: EnqueueOptions): NewTask
  /**
   * Enqueues this task again and again, exactly once for each slot of the schedule, whichever workers are there; export it from a
   * handlers file, beside the handler. Throws an `InvalidOption` for an expression that is wrong or never fires, and an
   * `InvalidPayload`. The task's metadata has `schedule` and `slot`, an ISO time.
   */
  schedule(name: string, options: ScheduleOptions, payload: InputOf<P>): TaskSchedule
  /** The schedule of this name is to be no more. */
  schedule(name: string, options: { readonly remove: true }): TaskSchedule
}

/** A task of any payload and success. */
export type AnyTask = Task<string, AnySchema, AnySchema | undefined>
/** What is enqueued. */
export type PayloadOf<T extends AnyTask> = InputOf<T["payload"]>
/** What `execute` gives. */
export type SuccessOf<T extends AnyTask> = T["success"] extends AnySchema ? OutputOf<T["success"]> : unknown

export type Handler<P extends AnySchema, S extends AnySchema | undefined> = (
  payload: OutputOf<P>,
  context: HandlerContext
) => ResultOf<S> | Promise<ResultOf<S>>

type ResultOf<S> = S extends AnySchema ? InputOf<S> : unknown

const toIssue = ({ message, path = [] }: StandardIssue): PayloadIssue => ({
  message,
  path: path.map((segment) => {
    const key = typeof segment === "object" ? segment.key : segment
    return typeof key === "number" ? key : String(key)
  })
})

const accepted = <A>(task: string, validated: Validated<A>): A => {
  if (validated.issues !== undefined) throw new InvalidPayload(task, validated.issues.map(toIssue))
  return validated.value
}

/** What its JSON Schema is, where the library can say. */
const jsonSchemaOf = (schema: AnySchema): unknown => {
  try {
    return schema["~standard"].jsonSchema?.input({ target: "draft-2020-12" })
  } catch {
    return undefined
  }
}

const millis = (task: string, option: string, input: DurationInput | undefined): number | undefined => {
  if (input === undefined) return undefined
  const value = toMillis(input)
  if (Number.isNaN(value)) throw new InvalidOption(task, option, JSON.stringify(input), 'milliseconds or a duration such as "30 seconds"')
  return value
}

class TaskImpl<Name extends string, P extends AnySchema, S extends AnySchema | undefined> implements Task<Name, P, S> {
  readonly name: Name
  readonly definition: TaskDefinition
  readonly payload: P
  readonly success: S
  private readonly migrations: PayloadMigrations
  private readonly older: ReadonlyArray<number>
  private readonly keys: KeyOptions<OutputOf<P>>

  constructor(name: Name, options: TaskOptions<P, S>) {
    const { expiresAfter, needs, payload, priority, queue, retry, success, timeout, version } = options
    if (typeof payload?.["~standard"]?.validate !== "function") {
      throw new InvalidOption(name, "payload", payload, "a Standard Schema, such as a zod, valibot or Effect schema")
    }
    this.name = name
    this.payload = payload
    this.success = success as S
    this.keys = options
    this.migrations = options.migrations ?? {}
    this.definition = defineTask(name, {
      needs, priority, queue, version,
      payloadSchema: jsonSchemaOf(payload),
      timeout: millis(name, "timeout", timeout),
      expiresAfter: millis(name, "expiresAfter", expiresAfter),
      retry: retry && { ...retry, base: millis(name, "retry.base", retry.base), max: millis(name, "retry.max", retry.max) }
    })
    this.older = olderVersions(name, this.definition.version, options.migrations)
  }

  handle(handler: Handler<P, S>): TaskHandler {
    const { definition, migrations, name, older, payload, success } = this
    return {
      "~outrigger/TaskHandler": 1,
      definition,
      older,
      run: async (encoded, context, version = definition.version) => {
        const current = migratePayload(name, encoded, version, definition.version, migrations)
        const value = accepted(name, await payload["~standard"].validate(current)) as OutputOf<P>
        const result = await handler(value, context)
        if (success === undefined) return result
        const checked = await (success as AnySchema)["~standard"].validate(result)
        if (checked.issues !== undefined) {
          throw new TypeError(`The handler of "${name}" gave a result that its success schema refuses: ${checked.issues.map(({ message }) => message).join("; ")}`)
        }
        return result
      }
    }
  }

  async encode(payload: InputOf<P>, options: EnqueueOptions = {}): Promise<NewTask> {
    return this.newTask(payload, accepted(this.name, await this.payload["~standard"].validate(payload)), options)
  }

  encodeSync(payload: InputOf<P>, options: EnqueueOptions = {}): NewTask {
    const validated = this.payload["~standard"].validate(payload)
    if (validated instanceof Promise) {
      throw new InvalidOption(this.name, "payload", "an asynchronous schema", "checked without waiting here: use enqueue instead")
    }
    return this.newTask(payload, accepted(this.name, validated), options)
  }

  schedule(name: string, options: ScheduleOptions, payload: InputOf<P>): TaskSchedule
  schedule(name: string, options: { readonly remove: true }): TaskSchedule
  schedule(name: string, options: ScheduleOptions | { readonly remove: true }, payload?: InputOf<P>): TaskSchedule {
    const made = (declaration: () => Promise<Declaration>): TaskSchedule => ({ "~outrigger/TaskSchedule": 1, name, declaration })
    if (options.remove === true) return made(async () => ({ name, remove: true, task: { name: this.name } }))
    const rule = readRule(name, this.name, options)
    const given = payload as InputOf<P>
    const validated = this.payload["~standard"].validate(given)
    if (validated instanceof Promise) return made(async () => ({ name, rule, task: await this.encode(given) }))
    const task = this.newTask(given, accepted(this.name, validated), {})
    return made(async () => ({ name, rule, task }))
  }

  private newTask(payload: InputOf<P>, value: OutputOf<P>, options: EnqueueOptions): NewTask {
    const read = (option: string, input: DurationInput | undefined) => millis(this.name, option, input)
    const task = newTaskOf(this.definition, payload, keysOf(value, this.keys, read), readEnqueueOptions(options, read))
    if (task instanceof Error) throw task
    return task
  }
}

/**
 * Makes a task. Options that make no sense throw an `InvalidOption` here, not later.
 *
 * @example
 * import { Task } from "@outrigger/sdk/promise"
 * import { z } from "zod"
 *
 * export const SendMail = Task.make("send-mail", {
 *   payload: z.object({ to: z.email(), subject: z.string() }),
 *   timeout: "30 seconds"
 * })
 * export default SendMail.handle(async ({ to }, { attempt }) => `mailed ${to} at attempt ${attempt}`)
 */
export const make = <const Name extends string, P extends AnySchema, S extends AnySchema | undefined = undefined>(
  name: Name,
  options: TaskOptions<P, S>
): Task<Name, P, S> => new TaskImpl(name, options)

/** Whether a value is a handler, of this copy of the SDK or another. */
export const isTaskHandler = (value: unknown): value is TaskHandler =>
  typeof value === "object" && value !== null && "~outrigger/TaskHandler" in value

/** Whether a value is a schedule, of this copy of the SDK or another. */
export const isTaskSchedule = (value: unknown): value is TaskSchedule =>
  typeof value === "object" && value !== null && "~outrigger/TaskSchedule" in value
