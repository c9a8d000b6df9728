/** The floor: the function alone, called once; where a case fails, one that fails. */
import type { Subject } from "../harness/suite.ts"
import { broken, calls, crowdedFailures, failures, work } from "./loops.ts"

export default {
  bare: () => calls(work),
  "rejected-open": () => failures(broken),
  "failing-two-retries": () => crowdedFailures(broken)
} satisfies Subject
