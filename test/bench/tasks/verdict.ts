/** What the counts and clocks of a measurement say. */
import type { Ran } from "./orders.ts"

/** Who has done nothing for so long has lost something, ms. (graphile-worker waits for e seconds before it tries again.) */
const longestPause = 3000

export interface Counts {
  readonly enqueued: number
  /** What the handlers did. */
  readonly succeeded: number
  /** What the tables say. */
  readonly waiting: number
  readonly stored: number
}

/**
 * Every task is done exactly once, or still waits. A runner that was stopped before it was through may have handled some whose
 * end was not stored: they wait, and do not count.
 */
export const countFault = ({ enqueued, stored, succeeded, waiting }: Counts): string | undefined => {
  if (stored + waiting !== enqueued) return `of ${enqueued} tasks ${stored} are done and ${waiting} wait`
  if (stored > succeeded || (stored < succeeded && succeeded >= enqueued)) return `${succeeded} handlers succeeded, but ${stored} tasks are stored as done`
  return undefined
}

export const stallFault = (ran: ReadonlyArray<Pick<Ran, "capped" | "stalled" | "succeeded">>): string | undefined => {
  const done = ran.reduce((sum, { succeeded }) => sum + succeeded, 0)
  return ran.every(({ capped, stalled }) => capped && stalled > longestPause) ? `nothing moved any more after ${done} tasks` : undefined
}

/** Tasks a second, from when the first clock began until all that was done was stored. */
export const rateOf = (ran: ReadonlyArray<Pick<Ran, "before" | "from" | "to">>, stored: number): number => {
  const worked = ran.filter(({ from }) => from > 0)
  const before = worked.reduce((sum, one) => sum + one.before, 0)
  return (stored - before) / (Math.max(...worked.map(({ to }) => to)) - Math.min(...worked.map(({ from }) => from))) * 1000
}
