/** p-retry around opossum: the two together do what a policy of ours does. */
import CircuitBreaker from "opossum"
import pRetry from "p-retry"
import type { Subject } from "../harness/suite.ts"
import { calls, work } from "./loops.ts"
import { breaker } from "./opossum.ts"
import * as the from "./settings.ts"

const retried = (circuit: CircuitBreaker<[], number>) => () =>
  pRetry(() => circuit.fire(), { retries: the.retries, shouldRetry: ({ error }) => (error as { readonly code?: string }).code !== "EOPENBREAKER" })

export default {
  "retry-breaker-timeout": () => calls(retried(new CircuitBreaker(work, { ...breaker, timeout: the.timeout }))),
  "full-stack": () => calls(retried(new CircuitBreaker(work, { ...breaker, timeout: the.timeout, capacity: the.concurrency })))
} satisfies Subject
