/** p-retry, which is retries alone. */
import pRetry from "p-retry"
import type { Subject } from "../harness/suite.ts"
import { broken, calls, crowdedFailures, work } from "./loops.ts"
import * as the from "./settings.ts"

export default {
  retry: () => calls(() => pRetry(work, { retries: the.retries })),
  "failing-two-retries": () => crowdedFailures(() => pRetry(broken, { retries: the.retries, minTimeout: the.shortDelay, factor: 1 }))
} satisfies Subject
