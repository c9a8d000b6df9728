/**
 * opossum, its statistics counting as ours do: without latency percentiles, and without a snapshot of them each second. It
 * has no retry: `retry-breaker-timeout` is breaker and timeout alone. Its capacity is a bulkhead without a queue.
 */
import CircuitBreaker from "opossum"
import type { Subject } from "../harness/suite.ts"
import { broken, calls, failures, work } from "./loops.ts"
import * as the from "./settings.ts"

type Options = CircuitBreaker.Options<[]>

export const breaker: Options = {
  timeout: false, resetTimeout: the.openFor, volumeThreshold: the.failures, rollingPercentilesEnabled: false, enableSnapshots: false
}

const protectedBy = (options: Options) => () => {
  const circuit = new CircuitBreaker(work, { ...breaker, ...options })
  return calls(() => circuit.fire())
}

export default {
  breaker: protectedBy({}),
  "retry-breaker-timeout": protectedBy({ timeout: the.timeout }),
  "cache-hit": protectedBy({ timeout: the.timeout, cache: true, cacheTTL: the.ttl, cacheGetKey: () => "one" }),
  "rejected-open": () => {
    const circuit = new CircuitBreaker(broken, breaker)
    circuit.open()
    return failures(() => circuit.fire())
  }
} satisfies Subject
