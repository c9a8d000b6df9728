/** Makes a task's definition whole, and refuses what makes no sense: the same rules for both faces. */
import { type NewTask, type TaskDefinition, taskDefaults, type TaskRetry } from "./task.ts"
import { InvalidOption, InvalidPayload } from "./taskErrors.ts"
import { payloadFault } from "./payload.ts"

/** What a task says of itself; durations in milliseconds. */
export interface TaskOptions {
  readonly version?: number | undefined
  readonly queue?: string | undefined
  readonly priority?: number | undefined
  readonly timeout?: number | undefined
  readonly retry?: { readonly [K in keyof TaskRetry]?: TaskRetry[K] | undefined } | undefined
  readonly needs?: ReadonlyArray<string> | undefined
  readonly payloadSchema?: unknown
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/
const nameRule = "1 to 100 letters, digits, '.', '_', ':' or '-', beginning with a letter or digit"
const jitters: ReadonlyArray<string> = ["none", "full", "equal", "decorrelated"]
/** A timer of a runtime holds no more; an attempt that runs for 24 days is another design. */
const longestTimeout = 2 ** 31 - 1
/** From now to the end of the year 9999 is more; a delay of a century is a mistake in units. */
const longestDelay = 100 * 365 * 86_400_000

const whole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most

const within = (value: unknown, least: number, most: number): boolean =>
  typeof value === "number" && value >= least && value <= most

/** The definition with every default filled in; throws `InvalidOption`. */
export const defineTask = (name: string, options: TaskOptions): TaskDefinition => {
  const must = (ok: boolean, option: string, value: unknown, allowed: string) => {
    if (!ok) throw new InvalidOption(name, option, value, allowed)
  }
  const { needs = [], payloadSchema, priority = taskDefaults.priority, queue = taskDefaults.queue } = options
  const { timeout = taskDefaults.timeout, version = taskDefaults.version } = options
  const said = options.retry ?? {}
  const base = said.base ?? taskDefaults.retry.base
  const max = said.max ?? Math.max(base, taskDefaults.retry.max)
  const { factor = taskDefaults.retry.factor, jitter = taskDefaults.retry.jitter, times = taskDefaults.retry.times } = said

  must(typeof name === "string" && namePattern.test(name), "name", name, nameRule)
  must(typeof queue === "string" && namePattern.test(queue), "queue", queue, nameRule)
  must(whole(version, 1, 32_767), "version", version, "a whole number from 1 to 32767")
  must(whole(priority, 0, 9), "priority", priority, "a whole number from 0 (first) to 9 (last)")
  must(within(timeout, 1, longestTimeout), "timeout", timeout, `from 1 to ${longestTimeout} ms`)
  must(whole(times, 0, 10_000), "retry.times", times, "a whole number from 0 to 10000")
  must(within(base, 0, longestTimeout), "retry.base", base, `from 0 to ${longestTimeout} ms`)
  must(within(factor, 1, 1000), "retry.factor", factor, "from 1 to 1000")
  must(within(max, base, longestTimeout), "retry.max", max, `from retry.base (${base}) to ${longestTimeout} ms`)
  must(jitters.includes(jitter), "retry.jitter", jitter, jitters.join(", "))
  must(needs.every((need) => typeof need === "string" && need !== ""), "needs", needs.join(", "), "names of dependencies")
  return { name, version, queue, priority, timeout, retry: { times, base, factor, max, jitter }, needs, payloadSchema }
}

const keyFault = (key: string): string | undefined =>
  key.length === 0 || key.length > 500 ? "1 to 500 characters" : payloadFault(key) === undefined ? undefined : "well-formed Unicode without NUL"

/** What is wrong with a task that is about to be enqueued; asked by every store before it writes anything. */
export const newTaskFault = (task: NewTask): InvalidPayload | InvalidOption | undefined => {
  const option = (name: string, value: unknown, allowed: string) => new InvalidOption(task.name, name, value, allowed)
  if (!namePattern.test(task.name)) return option("name", task.name, nameRule)
  if (!namePattern.test(task.queue)) return option("queue", task.queue, nameRule)
  if (!whole(task.version, 1, 32_767)) return option("version", task.version, "a whole number from 1 to 32767")
  if (!whole(task.priority, 0, 9)) return option("priority", task.priority, "a whole number from 0 (first) to 9 (last)")
  if (!within(task.delay, 0, longestDelay)) return option("delay", task.delay, "from 0 to 100 years, in milliseconds")
  for (const name of ["idempotencyKey", "uniqueKey"] as const) {
    const key = task[name]
    const allowed = key === undefined ? undefined : keyFault(key)
    if (allowed !== undefined) return option(name, key, allowed)
  }
  for (const [key, value] of Object.entries(task.metadata ?? {})) {
    if (typeof value !== "string") return option(`metadata.${key}`, value, "a string")
  }
  const issue = payloadFault(task.payload) ?? (task.metadata && payloadFault(task.metadata, 16 * 1024))
  return issue === undefined ? undefined : new InvalidPayload(task.name, [issue])
}
