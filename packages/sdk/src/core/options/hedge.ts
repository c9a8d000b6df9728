/** When to send another attempt beside a slow one, as people write it. */
import type { DurationInput } from "../duration.ts"
import type { HedgeSettings } from "../race.ts"
import type { Reader } from "./reader.ts"

/** For calls that may run twice: the first answer counts, the others are interrupted. Each hedge is paid from the retry budget. */
export interface HedgeOptions<D = DurationInput> {
  /** After how long without an answer another attempt is sent. */
  readonly delay: D
  /** How many more may be sent, `delay` apart; 1 unless said. */
  readonly times?: number | undefined
}

export const readHedge = (read: Reader, options: HedgeOptions<unknown>): HedgeSettings => {
  read.known("hedge.", options, ["delay", "times"])
  return {
    delay: read.millis("hedge.delay", options.delay),
    times: read.whole("hedge.times", options.times ?? 1, 1)
  }
}
