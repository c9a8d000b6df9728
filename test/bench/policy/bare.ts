/** The floor: the function alone. */
import type { Subject } from "../harness/suite.ts"
import { calls, work } from "./loops.ts"

export default { bare: () => calls(work) } satisfies Subject
