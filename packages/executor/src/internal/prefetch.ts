/**
 * How many tasks a worker asks for, ahead of what it can begin at once: pure decisions.
 *
 *   held  =  running + waiting in line + asked for by claims on their way
 *   held  <=  concurrency, or what is likely to begin within `ahead` at the measured pace, if that is more
 *
 * So a worker whose attempts take longer than `ahead` claims only what it has room for, and hoards nothing that others could
 * run; one that runs through its places many times within `ahead` claims in full batches, several on their way at once.
 */

/** How fast attempts end: attempts a millisecond, smoothed. */
export interface Pace {
  readonly perMilli: number
  /** How many had ended in all, and when, monotonic ms, it was measured last. */
  readonly ended: number
  readonly at: number
}

/** Shorter spans say nothing, ms. */
const shortestSpan = 10
/** How long it remembers, ms. */
const memory = 50

export const unmeasured = (now: number): Pace => ({ perMilli: 0, ended: 0, at: now })

/** The pace once `ended` attempts in all have ended by `now`. */
export const measured = (pace: Pace, ended: number, now: number): Pace => {
  const span = now - pace.at
  if (span < shortestSpan) return pace
  const recent = (ended - pace.ended) / span
  const weight = 1 - Math.exp(-span / memory)
  return { perMilli: pace.perMilli + (recent - pace.perMilli) * weight, ended, at: now }
}

export interface Load {
  /** How many attempts may run at once. */
  readonly concurrency: number
  /** How many tasks one claim takes at most. */
  readonly batch: number
  /** How far to claim ahead, ms; 0 for not at all. */
  readonly ahead: number
  readonly perMilli: number
  readonly running: number
  readonly waiting: number
  readonly asked: number
  /** Attempts that have ended, but whose outcome is not stored yet. */
  readonly unsettled: number
}

/** With so many batches of outcomes not stored, the store cannot keep up, or is away: nothing more is begun. */
const mostUnsettledBatches = 4

/** How many tasks the next claim asks for; 0 for none yet. */
export const claimSize = ({ ahead, asked, batch, concurrency, perMilli, running, unsettled, waiting }: Load): number => {
  if (unsettled >= mostUnsettledBatches * Math.max(batch, concurrency)) return 0
  const limit = Math.max(concurrency, Math.floor(perMilli * ahead))
  const size = Math.min(batch, limit - running - waiting - asked)
  return size >= worthwhile(limit - concurrency, waiting, asked, batch) ? size : 0
}

/** Free places are filled at once; what only waits comes in batches that are worth their round trip, and beside another claim only in full ones. */
const worthwhile = (surplus: number, waiting: number, asked: number, batch: number): number => {
  if (asked > 0) return batch
  return waiting === 0 ? 1 : Math.max(1, Math.min(batch, Math.ceil(surplus / 2)))
}
