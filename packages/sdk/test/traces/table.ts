/** Traces by hand, with what is seen of them in both faces. Read one as a story: the policy, what comes, and what follows, to the millisecond. */
import type { Observed } from "./observed.ts"
import type { Script } from "./trace.ts"
import { breaking } from "./table/breaking.ts"
import { hedging } from "./table/hedging.ts"
import { limiting } from "./table/limiting.ts"
import { living } from "./table/living.ts"
import { retrying } from "./table/retrying.ts"
import { timing } from "./table/timing.ts"

export interface Story extends Script, Observed {
  readonly title: string
}

export const table: Readonly<Record<string, ReadonlyArray<Story>>> = { retrying, timing, breaking, limiting, hedging, living }
