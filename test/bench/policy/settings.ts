/** What every library is told, so that all do the same work. Milliseconds. */

export const retries = 2
/** Long enough that no call of a benchmark meets it. */
export const timeout = 5000
export const attemptTimeout = 1000
/** Failures in a row that open the breaker. */
export const failures = 5
export const openFor = 3_600_000
export const concurrency = 10
export const queue = 10
/** Between the attempts of calls that fail; the shortest that `setTimeout` knows. */
export const shortDelay = 1
export const ttl = 3_600_000
/** So much that no call of a benchmark waits for it. */
export const rateLimit = { limit: 1_000_000_000, window: 1000 }
export const hedge = { delay: attemptTimeout }
