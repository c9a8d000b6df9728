/** Options that are each right and together are not: what was written can never happen. Said when the policy is made. */
import { formatMillis } from "../time/duration.ts"
import type { PolicySettings } from "../options.ts"
import { delayOf, type RetrySettings } from "../retry/retry.ts"

/** How many of the retries fit before `end`, when each attempt takes `attempt` ms and each delay is as long as it gets. */
const fitting = (retry: RetrySettings, attempt: number, end: number): number => {
  const steady = { ...retry, jitter: "none" } as const
  const most = Math.min(retry.times, 1000)
  let now = attempt
  for (let n = 1; n <= most; n++) {
    now += delayOf(steady, n, 0, 0)
    if (now >= end) return n - 1
    now += attempt
  }
  return most
}

const ofRetry = (retry: RetrySettings, { attemptTimeout, timeout }: PolicySettings): ReadonlyArray<string> => {
  const found: Array<string> = []
  const counted = Math.min(retry.times, 1000)
  const end = Math.min(timeout, retry.maxElapsed)
  const what = timeout <= retry.maxElapsed ? `timeout ${formatMillis(timeout)}` : `retry.maxElapsed ${formatMillis(retry.maxElapsed)}`
  const quick = fitting(retry, 0, end)
  const slow = attemptTimeout < timeout ? fitting(retry, attemptTimeout, end) : counted
  if (quick < counted) found.push(`${what} holds ${quick} of ${retry.times} retries, even when each attempt fails at once: raise it, or lower retry.times or retry.base`)
  else if (slow < counted) found.push(`${what} holds ${slow} of ${retry.times} retries when attempts run into attemptTimeout ${formatMillis(attemptTimeout)}: raise it, or lower attemptTimeout or retry.times`)
  if (retry.maxElapsed >= timeout && retry.maxElapsed < Infinity) found.push(`retry.maxElapsed ${formatMillis(retry.maxElapsed)} never applies: timeout ${formatMillis(timeout)} ends the call first`)
  return found
}

/** One sentence each, with the reason and what to do; none for a policy that makes sense. */
export const contradictions = (settings: PolicySettings): ReadonlyArray<string> => {
  const { attemptTimeout, breaker, bulkhead, hedge, rateLimit, retry, timeout } = settings
  const shown = `timeout ${formatMillis(timeout)}`
  const found: Array<string> = []
  if (attemptTimeout >= timeout && attemptTimeout < Infinity) {
    found.push(`attemptTimeout ${formatMillis(attemptTimeout)} never applies: ${shown} ends the call first; make it shorter, or leave it out`)
  }
  if (retry !== undefined) found.push(...ofRetry(retry, settings))
  const attempt = Math.min(attemptTimeout, timeout)
  if (hedge !== undefined && hedge.delay >= attempt) found.push(`hedge.delay ${formatMillis(hedge.delay)} never comes: an attempt ends after ${formatMillis(attempt)}`)
  if (bulkhead !== undefined && bulkhead.queueTimeout < Infinity) {
    if (bulkhead.queue === 0) found.push("bulkhead.queueTimeout never applies: bulkhead.queue is 0, nobody waits")
    else if (bulkhead.queueTimeout >= timeout) found.push(`bulkhead.queueTimeout ${formatMillis(bulkhead.queueTimeout)} never applies: ${shown} ends the call first`)
  }
  if (rateLimit !== undefined && rateLimit.queueTimeout < Infinity) {
    if (rateLimit.queue === 0) found.push("rateLimit.queueTimeout never applies: rateLimit.queue is 0, nobody waits")
    else if (rateLimit.queueTimeout >= timeout) found.push(`rateLimit.queueTimeout ${formatMillis(rateLimit.queueTimeout)} never applies: ${shown} ends the call first`)
  }
  if (breaker !== undefined && attempt < Infinity && breaker.probeLease < attempt) {
    found.push(`breaker.probeLease ${formatMillis(breaker.probeLease)} is shorter than an attempt may take (${formatMillis(attempt)}): a slow probe loses its place before it can answer`)
  }
  return found
}
