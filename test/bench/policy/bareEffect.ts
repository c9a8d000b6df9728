/** The floor in a fiber: the effect alone. */
import type { Subject } from "../harness/suite.ts"
import { effects, forEachWork } from "./fiberLoops.ts"

export default forEachWork((work) => ({ bare: () => effects(work) })) satisfies Subject
