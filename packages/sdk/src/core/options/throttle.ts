/** When to spare a dependency that refuses much, as people write it. */
import type { DurationInput } from "../time/duration.ts"
import type { ThrottleSettings } from "../limits/throttle.ts"
import type { Reader } from "./reader.ts"

export interface ThrottleOptions<D = DurationInput> {
  /** How many requests are sent for each that is accepted, from 1; 2 unless said. Lower spares the dependency more, and notices later that it is well. */
  readonly k?: number | undefined
  /** Over how long it is counted; 2 minutes unless said. Calls should take much less. */
  readonly window?: D | undefined
  /** With fewer calls in the window none is rejected; 10 unless said. */
  readonly minimumCalls?: number | undefined
}

export const readThrottle = (read: Reader, options: ThrottleOptions<unknown>): ThrottleSettings => {
  read.known("throttle.", options, ["k", "window", "minimumCalls"])
  return {
    k: read.number("throttle.k", options.k ?? 2, 1, 1000),
    window: read.millis("throttle.window", options.window ?? 120_000),
    minimumCalls: read.whole("throttle.minimumCalls", options.minimumCalls ?? 10, 0)
  }
}
