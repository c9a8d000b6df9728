/** Makes a task's definition whole, and refuses what makes no sense: the same rules for both faces. */
import { type Queue, type TaskDefinition, taskDefaults, type TaskRetry } from "./task.ts"
import { InvalidOption } from "./taskErrors.ts"
import { longestDelay, longestTimeout, namePattern, nameRule, whole, within } from "./taskRules.ts"

/** What a task says of itself; durations in milliseconds. */
export interface TaskOptions {
  readonly version?: number | undefined
  readonly queue?: string | Queue | undefined
  readonly priority?: number | undefined
  readonly timeout?: number | undefined
  readonly retry?: { readonly [K in keyof TaskRetry]?: TaskRetry[K] | undefined } | undefined
  readonly needs?: ReadonlyArray<string> | undefined
  readonly expiresAfter?: number | undefined
  readonly payloadSchema?: unknown
}

const jitters: ReadonlyArray<string> = ["none", "full", "equal", "decorrelated"]
const queueOf = (queue: string | Queue = taskDefaults.queue): Omit<Queue, "limits"> & Partial<Queue> =>
  typeof queue === "object" ? queue : { name: queue }

/** The definition with every default filled in; throws `InvalidOption`. */
export const defineTask = (name: string, options: TaskOptions): TaskDefinition => {
  const must = (ok: boolean, option: string, value: unknown, allowed: string) => {
    if (!ok) throw new InvalidOption(name, option, value, allowed)
  }
  const { expiresAfter, needs = [], payloadSchema, priority = taskDefaults.priority } = options
  const { limits: queueLimits, name: queue } = queueOf(options.queue)
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
  must(expiresAfter === undefined || within(expiresAfter, 1, longestDelay), "expiresAfter", expiresAfter, "from 1 ms to 100 years")
  return {
    name, version, queue, ...(queueLimits !== undefined && { queueLimits }), priority, timeout, retry: { times, base, factor, max, jitter }, needs,
    ...(expiresAfter !== undefined && { expiresAfter }), payloadSchema
  }
}
