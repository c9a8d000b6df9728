/**
 * A queue by name, and what it lets through, whichever workers and however many of them run its tasks.
 *
 * Limits are declared where the queue is made, and announced by the workers that know it; an operator may set others, which
 * then hold whatever is deployed, until they are taken back.
 */
import type { DurationInput } from "../time/duration.ts"
import type { Queue, QueueLimits } from "./task.ts"
import { InvalidOption } from "./taskErrors.ts"
import { longestDelay, namePattern, nameRule, whole, within } from "./taskRules.ts"

/** Limits as people write them. */
export interface QueueOptions<D = DurationInput> {
  /** How many of its tasks run at a time, over all workers; no bound unless said. */
  readonly concurrency?: number | undefined
  /** How many attempts begin, over all workers: `limit` at once at most, and as many in each `per` from then on. */
  readonly rateLimit?: { readonly limit: number; readonly per: D } | undefined
}

const refused = (name: string, option: string, value: unknown, allowed: string) => new InvalidOption(name, option, value, allowed, `Queue "${name}"`)

/** Throws `InvalidOption` for a name or a limit that makes no sense. */
export const makeQueue = <D>(name: string, { concurrency, rateLimit }: QueueOptions<D>, millis: (input: D) => number): Queue => {
  if (typeof name !== "string" || !namePattern.test(name)) throw refused(name, "name", name, nameRule)
  const limits: QueueLimits = {
    ...(concurrency !== undefined && { concurrency }),
    ...(rateLimit !== undefined && { rateLimit: { limit: rateLimit.limit, per: millis(rateLimit.per) } })
  }
  const fault = queueLimitsFault(name, limits)
  if (fault !== undefined) throw fault
  return { name, limits }
}

/** What is wrong with limits that are about to be set. */
export const queueLimitsFault = (name: string, { concurrency, rateLimit }: QueueLimits): InvalidOption | undefined => {
  if (concurrency !== undefined && !whole(concurrency, 1, 10_000)) return refused(name, "concurrency", concurrency, "a whole number from 1 to 10000")
  if (rateLimit === undefined) return undefined
  const { limit, per } = rateLimit
  if (!whole(limit, 1, 1_000_000)) return refused(name, "rateLimit.limit", limit, "a whole number from 1 to 1000000")
  return within(per, 1, longestDelay) ? undefined : refused(name, "rateLimit.per", per, "from 1 ms to 100 years")
}

/** A bucket of starts: full at first, and refilled steadily. */
export interface StartBucket {
  readonly tokens: number
  readonly at: number
}

/** What the bucket holds at `now`, ms of the store's clock. */
export const refilled = (bucket: StartBucket | undefined, { limit, per }: { readonly limit: number; readonly per: number }, now: number): StartBucket => ({
  tokens: bucket === undefined ? limit : Math.min(limit, bucket.tokens + Math.max(0, now - bucket.at) * limit / per),
  at: now
})
