/** What a dependency's calls came to, in numbers. */

/** Counters since the process began, and what is at work now. */
export interface Statistics {
  calls: number
  successes: number
  failures: number
  /** Begun: first ones, retries and hedges. */
  attempts: number
  /** Tries beyond the first. */
  retries: number
  /** Calls that were retried at least once; those of them that then succeeded, and those that failed in the end. */
  retried: number
  recovered: number
  exhausted: number
  /** Attempts sent beside a slow one, and how many of them answered first. */
  hedges: number
  hedgesWon: number
  timeouts: number
  /** Calls that the policy let not begin. */
  rejected: number
  aborted: number
  /** Calls whose caller was given something else instead. */
  fallbacks: number
  /** How often the breaker opened. */
  openings: number
  /** Attempts at work now, those abandoned among them. */
  running: number
  abandoned: number
}

export const noStatistics = (): Statistics => ({
  calls: 0, successes: 0, failures: 0, attempts: 0, retries: 0, retried: 0, recovered: 0, exhausted: 0, hedges: 0, hedgesWon: 0,
  timeouts: 0, rejected: 0, aborted: 0, fallbacks: 0, openings: 0, running: 0, abandoned: 0
})

/** Which of them only grow. */
export const counters = [
  "calls", "successes", "failures", "attempts", "retries", "retried", "recovered", "exhausted", "hedges", "hedgesWon", "timeouts",
  "rejected", "aborted", "fallbacks", "openings"
] as const satisfies ReadonlyArray<keyof Statistics>

/** Shares of 1, from the counters; undefined while there is nothing to take a share of. */
export interface Rates {
  /** Of the calls that had an answer. */
  readonly successRate: number | undefined
  /** Of the calls that were retried and have ended. */
  readonly retrySuccessRate: number | undefined
}

const share = (part: number, whole: number): number | undefined => whole === 0 ? undefined : part / whole

export const ratesOf = ({ exhausted, failures, recovered, successes }: Readonly<Statistics>): Rates => ({
  successRate: share(successes, successes + failures),
  retrySuccessRate: share(recovered, recovered + exhausted)
})
