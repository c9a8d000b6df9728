/** What a test asks of an enqueued task, held against one that there is. */
import type { TaskState } from "../tasks/task.ts"
import type { EnqueuedTask } from "./workbench.ts"

type Leaf = string | number | boolean | bigint | symbol | null | undefined | Date | ((...arguments_: never) => unknown)

/** Some of the fields of a value, however deep; the items of an array all. */
export type Part<T> = T extends Leaf ? T
  : T extends ReadonlyArray<infer Item> ? ReadonlyArray<Part<Item>>
  : { readonly [K in keyof T]?: Part<T[K]> }

/** What is asked beside the times, which each face writes in its own way. */
export interface Expectation<Payload> {
  /** The fields that it must have, or whether it fits. Fields can be matchers of the test runner, such as `expect.any(String)`. */
  readonly payload?: Part<Payload> | ((payload: Payload) => boolean) | undefined
  readonly queue?: string | undefined
  readonly priority?: number | undefined
  /** Any unless said: a task counts also when it has run since. */
  readonly state?: TaskState | undefined
  /** The entries that it must have. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly idempotencyKey?: string | undefined
  readonly uniqueKey?: string | undefined
  readonly concurrencyKey?: string | undefined
  /** Epoch ms, or a date; give or take a second. */
  readonly scheduledAt?: Date | number | undefined
  /** How many there must be, exactly; at least one unless said. Nothing that `refuteEnqueued` asks for. */
  readonly count?: number | undefined
}

/** One thing that was asked, and what there was. */
export interface Comparison {
  readonly field: string
  readonly asked: string
  readonly found: string
  readonly fits: boolean
}

/** What a schedule may be off by, ms. */
const tolerance = 1000

interface Matcher {
  asymmetricMatch(value: unknown): boolean
  toString(): string
}

const isMatcher = (value: unknown): value is Matcher =>
  typeof value === "object" && value !== null && typeof (value as Partial<Matcher>).asymmetricMatch === "function"

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** A value on one line, for people. */
export const show = (value: unknown, most = 80): string => {
  const text = isMatcher(value) ? value.toString()
    : typeof value === "function" ? String(value).replaceAll(/\s+/g, " ")
    : typeof value === "bigint" ? `${value}n`
    : value === undefined ? "nothing" : JSON.stringify(value) ?? String(value)
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

const compared = (field: string, asked: unknown, found: unknown, fits = Object.is(asked, found)): Comparison =>
  ({ field, asked: show(asked), found: show(found), fits })

/** Leaf by leaf, so that a message can name the one that is wrong. */
function* compareParts(field: string, asked: unknown, found: unknown): Iterable<Comparison> {
  if (isMatcher(asked)) return yield compared(field, asked, found, asked.asymmetricMatch(found))
  if (asked instanceof Date) {
    return yield compared(field, asked, found, found instanceof Date ? found.getTime() === asked.getTime() : found === asked.toJSON())
  }
  if (Array.isArray(asked) && Array.isArray(found) && asked.length === found.length) {
    if (asked.length === 0) return yield compared(field, asked, found, true)
    for (const [index, item] of asked.entries()) yield* compareParts(`${field}[${index}]`, item, found[index])
    return
  }
  if (isObject(asked) && isObject(found)) {
    const keys = Object.keys(asked)
    if (keys.length === 0) return yield compared(field, asked, found, true)
    for (const key of keys) yield* compareParts(`${field}.${key}`, asked[key], found[key])
    return
  }
  yield compared(field, asked, found)
}

const plain = ["queue", "priority", "state", "idempotencyKey", "uniqueKey", "concurrencyKey"] as const

/** Everything that was asked, held against this task. */
export function* compare<Payload>(expected: Expectation<Payload>, task: EnqueuedTask<Payload>): Iterable<Comparison> {
  const { metadata, payload, scheduledAt } = expected
  if (typeof payload === "function") yield compared("payload", payload, task.payload, (payload as (value: Payload) => boolean)(task.payload))
  else if (payload !== undefined) yield* compareParts("payload", payload, task.payload)
  for (const field of plain) if (expected[field] !== undefined) yield compared(field, expected[field], task[field])
  if (metadata !== undefined) yield* compareParts("metadata", metadata, task.metadata ?? {})
  if (scheduledAt !== undefined) {
    const at = Number(scheduledAt)
    yield compared("scheduledAt", new Date(at), new Date(task.runAt), Math.abs(task.runAt - at) <= tolerance)
  }
}

/** What was asked, for when there is nothing to hold it against. */
export const askedOf = (expected: Omit<Expectation<unknown>, "payload">): ReadonlyArray<readonly [field: string, asked: string]> =>
  Object.entries(expected).filter(([, value]) => value !== undefined)
    .map(([field, value]) => [field, field === "scheduledAt" ? show(new Date(value as number)) : show(value)])

const known: ReadonlyArray<string> = ["payload", ...plain, "metadata", "scheduledAt", "scheduledIn", "count"]

/** Bad questions are refused: a field that is misspelt would fit everything. */
export const refuseExpectation = (expected: Omit<Expectation<unknown>, "payload">): void => {
  const odd = Object.keys(expected).find((key) => !known.includes(key))
  if (odd !== undefined) throw new TypeError(`A task has no "${odd}" to ask for: ask for ${known.join(", ")}`)
  const { count, scheduledAt } = expected
  if (count !== undefined && !(Number.isInteger(count) && count >= 1)) {
    throw new RangeError(`count is ${count}, but must be a whole number from 1: to ask for none, refuteEnqueued`)
  }
  if (scheduledAt !== undefined && Number.isNaN(Number(scheduledAt))) {
    throw new RangeError(`scheduledAt is ${String(scheduledAt)}, but must be a date: or say scheduledIn, such as "10 minutes"`)
  }
}
