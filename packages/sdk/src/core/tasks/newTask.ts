/** From what an enqueuer says to what a store is given: the same for both faces, for HTTP and for SQL. */
import { isEnd, type NewTask, type TaskDefinition, type TaskState } from "./task.ts"
import { InvalidOption, InvalidPayload } from "./taskErrors.ts"
import { payloadFault } from "./payload.ts"
import { lastMoment, longestDelay, longestTimeout, namePattern, nameRule, whole, within } from "./taskRules.ts"
import type { DurationInput } from "../time/duration.ts"

/** How this one task differs from what its definition says. */
export interface EnqueueOptions<D = DurationInput> {
  /** Not before this has passed; at once unless said. */
  readonly delay?: D | undefined
  /** Not before this moment, a date or epoch milliseconds; in place of a delay. One that is over means at once. */
  readonly runAt?: Date | number | undefined
  /** So long after it became due it is dead, unless an attempt has begun: for work that is worth nothing when it is late. */
  readonly expiresAfter?: D | undefined
  /** 0 (first) to 9 (last). */
  readonly priority?: number | undefined
  /** Of each attempt. */
  readonly timeout?: D | undefined
  /** Enqueuing again with this key and payload gives the same task, until 24 hours after it ended. */
  readonly idempotencyKey?: string | undefined
  /** Kept with the task and given to its handler: trace context, tenant. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** What a task says of its keys. */
export interface KeyOptions<P, D = DurationInput> {
  /** While a task of this name and key is not over, enqueuing another gives that task's id. */
  readonly uniqueKey?: ((payload: P) => string) | undefined
  /** How long a `uniqueKey` holds, from the enqueue on; for ever unless said. */
  readonly uniqueFor?: D | undefined
  /** In which states a task holds its `uniqueKey`: `scheduled`, `ready` and `running` unless said. */
  readonly uniqueStates?: ReadonlyArray<TaskState> | undefined
  /** Of all tasks with this key, whatever their name, one runs at a time, in the order in which they became ready. */
  readonly concurrencyKey?: ((payload: P) => string) | undefined
  /** How many with one `concurrencyKey` run at a time; 1 unless said. */
  readonly keyConcurrency?: number | undefined
}

/** Options in milliseconds. */
export type EnqueueSettings = Omit<EnqueueOptions<number>, "runAt"> & { readonly runAt?: number | undefined }

/** Keys of one payload, in milliseconds. */
export type KeySettings = Pick<NewTask, "uniqueKey" | "uniqueFor" | "uniqueStates" | "concurrencyKey" | "keyConcurrency">

/** What stands in place of a duration that is none. */
export type ReadMillis<D> = (option: string, input: D | undefined) => number | undefined

/** Options as people write them, in milliseconds; `millis` refuses what is no duration. */
export const readEnqueueOptions = <D>(options: EnqueueOptions<D>, millis: ReadMillis<D>): EnqueueSettings => ({
  ...options,
  delay: millis("delay", options.delay),
  expiresAfter: millis("expiresAfter", options.expiresAfter),
  timeout: millis("timeout", options.timeout),
  runAt: options.runAt === undefined ? undefined : Number(options.runAt)
})

/** The keys of this payload. */
export const keysOf = <P, D>(payload: P, options: KeyOptions<P, D>, millis: ReadMillis<D>): KeySettings => ({
  ...(options.uniqueKey !== undefined && {
    uniqueKey: options.uniqueKey(payload),
    uniqueFor: millis("uniqueFor", options.uniqueFor),
    uniqueStates: options.uniqueStates
  }),
  ...(options.concurrencyKey !== undefined && { concurrencyKey: options.concurrencyKey(payload), keyConcurrency: options.keyConcurrency })
})

/** What a store is given, or what is wrong with it; the payload is encoded. */
export const newTaskOf = (
  definition: TaskDefinition, payload: unknown, keys: KeySettings, options: EnqueueSettings
): NewTask | InvalidOption | InvalidPayload => {
  const { name, priority, queue, version } = definition
  const { delay, runAt } = options
  if (delay !== undefined && runAt !== undefined) return new InvalidOption(name, "delay", delay, "left out where runAt is given")
  const task: NewTask = {
    name, version, queue, payload,
    priority: options.priority ?? priority,
    delay: delay ?? 0,
    runAt,
    expiresAfter: options.expiresAfter ?? definition.expiresAfter,
    timeout: options.timeout,
    idempotencyKey: options.idempotencyKey,
    ...keys,
    metadata: options.metadata
  }
  return newTaskFault(task) ?? task
}

/** The options of `outrigger.enqueue` in SQL: all but the name and the payload. JSON leaves out what is undefined. */
export const sqlOptionsOf = ({ name: _, payload: __, ...options }: NewTask) => options

/** The options of an enqueue over HTTP, whose key goes in a header, and whose queue is the definition's. */
export const wireOptionsOf = ({ idempotencyKey: _, name: __, payload: ___, queue: ____, ...options }: NewTask) => options

const keyFault = (key: unknown): string | undefined =>
  typeof key !== "string" || key.length === 0 || key.length > 500
    ? "1 to 500 characters"
    : payloadFault(key) === undefined ? undefined : "well-formed Unicode without NUL"

const states: ReadonlyArray<TaskState> = ["scheduled", "ready", "running", "succeeded", "dead", "cancelled"]
const isStates = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every((state) => states.includes(state))

interface Rule {
  readonly option: keyof NewTask
  readonly ok: (value: any) => boolean
  readonly allowed: string
}

const always: ReadonlyArray<Rule> = [
  { option: "name", ok: (value) => namePattern.test(value), allowed: nameRule },
  { option: "queue", ok: (value) => namePattern.test(value), allowed: nameRule },
  { option: "version", ok: (value) => whole(value, 1, 32_767), allowed: "a whole number from 1 to 32767" },
  { option: "priority", ok: (value) => whole(value, 0, 9), allowed: "a whole number from 0 (first) to 9 (last)" },
  { option: "delay", ok: (value) => within(value, 0, longestDelay), allowed: "from 0 to 100 years, in milliseconds" }
]

const whenGiven: ReadonlyArray<Rule> = [
  { option: "runAt", ok: (value) => within(value, 0, lastMoment), allowed: "a moment from 1970 to the end of the year 9999" },
  { option: "expiresAfter", ok: (value) => within(value, 1, longestDelay), allowed: "from 1 ms to 100 years, in milliseconds" },
  { option: "timeout", ok: (value) => within(value, 1, longestTimeout), allowed: `from 1 to ${longestTimeout} ms` },
  { option: "uniqueFor", ok: (value) => within(value, 1, longestDelay), allowed: "from 1 ms to 100 years, in milliseconds" },
  { option: "uniqueStates", ok: isStates, allowed: `some of ${states.join(", ")}` },
  { option: "keyConcurrency", ok: (value) => whole(value, 1, 1000), allowed: "a whole number from 1 to 1000" }
]

const keys = ["idempotencyKey", "uniqueKey", "concurrencyKey"] as const

/** What is wrong with a task that is about to be enqueued; asked by every store before it writes anything. */
export const newTaskFault = (task: NewTask): InvalidPayload | InvalidOption | undefined => {
  const option = (name: string, value: unknown, allowed: string) => new InvalidOption(task.name, name, value, allowed)
  for (const { allowed, ok, option: name } of always) if (!ok(task[name])) return option(name, task[name], allowed)
  for (const { allowed, ok, option: name } of whenGiven) {
    if (task[name] !== undefined && !ok(task[name])) return option(name, task[name], allowed)
  }
  for (const name of keys) {
    const key = task[name]
    const allowed = key === undefined ? undefined : keyFault(key)
    if (allowed !== undefined) return option(name, key, allowed)
  }
  if (task.metadata !== undefined) for (const [key, value] of Object.entries(task.metadata)) {
    if (typeof value !== "string") return option(`metadata.${key}`, value, "a string")
  }
  const issue = payloadFault(task.payload) ?? (task.metadata && payloadFault(task.metadata, 16 * 1024))
  return issue === undefined ? undefined : new InvalidPayload(task.name, [issue])
}

/** Whether a task in this state, enqueued at `since`, holds its unique key against one that asks at `now`; epoch ms. */
export const holdsUnique = (
  { uniqueFor = Infinity, uniqueStates }: Pick<NewTask, "uniqueFor" | "uniqueStates">, state: TaskState, since: number, now: number
): boolean => now - since < uniqueFor && (uniqueStates === undefined ? !isEnd(state) : uniqueStates.includes(state))
