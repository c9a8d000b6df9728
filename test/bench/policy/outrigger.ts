/** Ours with promises; statistics, events and the retry budget on, as they always are. */
import { createOutrigger, type PolicyOptions } from "@outrigger/sdk/promise"
import type { Subject } from "../harness/suite.ts"
import { broken, calls, crowdedFailures, down, failures, work } from "./loops.ts"
import * as the from "./settings.ts"

/** Only what a case names; the log line of each retry goes nowhere. */
const api = (options: PolicyOptions) =>
  createOutrigger({ service: "bench", log: () => {} }).api("bench", { timeout: false, retry: false, breaker: false, ...options })

const retry = { times: the.retries }
const breaker = { failures: the.failures, openFor: the.openFor }
const bulkhead = { concurrency: the.concurrency, queue: the.queue }
const { attemptTimeout, timeout } = the

const protectedBy = (options: PolicyOptions) => () => {
  const dependency = api(options)
  return calls(() => dependency.call(work))
}

export default {
  retry: protectedBy({ retry }),
  timeout: protectedBy({ timeout }),
  breaker: protectedBy({ breaker }),
  bulkhead: protectedBy({ bulkhead }),
  "rate-limit": protectedBy({ rateLimit: the.rateLimit }),
  hedge: protectedBy({ hedge: the.hedge }),
  "retry-breaker-timeout": protectedBy({ retry, breaker, timeout }),
  "full-stack": protectedBy({ retry, breaker, timeout, attemptTimeout, bulkhead }),
  "cache-hit": () => {
    const dependency = api({ retry, breaker, timeout })
    return calls(() => dependency.cached({ key: "one", ttl: the.ttl }, work))
  },
  "rejected-open": async () => {
    const dependency = api({ breaker: { ...breaker, failures: 1 } })
    await dependency.call(broken).catch(() => {})
    return failures(() => dependency.call(work))
  },
  "failing-two-retries": () => {
    const dependency = api({ retry: { ...retry, base: the.shortDelay, factor: 1, jitter: "none", budget: { ratio: the.retries } } })
    return crowdedFailures(() => dependency.call(broken))
  },
  aborted: () => {
    const dependency = api({ retry, breaker, timeout, attemptTimeout, bulkhead })
    return failures(() => {
      const caller = new AbortController()
      const answer = dependency.call(() => new Promise(() => {}), { signal: caller.signal })
      caller.abort(down)
      return answer
    })
  }
} satisfies Subject
