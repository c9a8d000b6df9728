/**
 * cockatiel as its documentation has it: `wrap` from the outside in, timeouts that answer at the deadline whatever the
 * function does, and a signal that is aborted when the function has returned.
 */
import {
  BrokenCircuitError, bulkhead, circuitBreaker, ConsecutiveBreaker, ConstantBackoff, handleAll, handleWhen, type IPolicy, retry, timeout, TimeoutStrategy, wrap
} from "cockatiel"
import type { Subject } from "../harness/suite.ts"
import { broken, calls, crowdedFailures, failures, work } from "./loops.ts"
import * as the from "./settings.ts"

/** What an open breaker rejects is not tried again. */
const worthwhile = handleWhen((error) => !(error instanceof BrokenCircuitError))

export const subject = (options: { readonly abortOnReturn: boolean }): Subject => {
  const retrying = () => retry(worthwhile, { maxAttempts: the.retries, backoff: new ConstantBackoff(1000) })
  const breaking = (inARow: number) => circuitBreaker(handleAll, { halfOpenAfter: the.openFor, breaker: new ConsecutiveBreaker(inARow) })
  const limited = (millis: number) => timeout(millis, { strategy: TimeoutStrategy.Aggressive, ...options })
  const isolated = () => bulkhead(the.concurrency, the.queue)
  const protectedBy = (policy: () => IPolicy) => () => {
    const made = policy()
    return calls(() => made.execute(work))
  }
  return {
    retry: protectedBy(retrying),
    timeout: protectedBy(() => limited(the.timeout)),
    breaker: protectedBy(() => breaking(the.failures)),
    bulkhead: protectedBy(isolated),
    "retry-breaker-timeout": protectedBy(() => wrap(limited(the.timeout), retrying(), breaking(the.failures))),
    "full-stack": protectedBy(() => wrap(limited(the.timeout), retrying(), isolated(), breaking(the.failures), limited(the.attemptTimeout))),
    "rejected-open": async () => {
      const policy = breaking(1)
      await policy.execute(broken).catch(() => {})
      return failures(() => policy.execute(work))
    },
    "failing-two-retries": () => {
      const policy = retry(worthwhile, { maxAttempts: the.retries, backoff: new ConstantBackoff(the.shortDelay) })
      return crowdedFailures(() => policy.execute(broken))
    }
  }
}

export default subject({ abortOnReturn: true })
