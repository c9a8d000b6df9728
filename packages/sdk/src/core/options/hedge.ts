/** When to send another attempt beside a slow one, as people write it. */
import type { DurationInput } from "../time/duration.ts"
import type { HedgeSettings } from "../call/race.ts"
import type { Reader } from "./reader.ts"

/** For calls that may run twice: the first answer counts, the others are interrupted. Each hedge is paid from the retry budget. */
export interface HedgeOptions<D = DurationInput> {
  /** After how long without an answer another attempt is sent: a duration, or what most calls are measured to take. */
  readonly delay: D | MeasuredDelay<D>
  /** How many more may be sent, `delay` apart; 1 unless said. */
  readonly times?: number | undefined
}

/** The delay is a percentile of what good calls took lately. */
export interface MeasuredDelay<D = DurationInput> {
  /** The share of calls that are quicker, such as 0.95: about one call in twenty is hedged. */
  readonly percentile: number
  /** The delay while too little is measured. */
  readonly initial: D
  /** Never shorter; 1 ms unless said. */
  readonly min?: D | undefined
  /** How far back it is measured; 60 seconds unless said. */
  readonly window?: D | undefined
  /** With fewer good calls in the window, the delay is `initial`; 100 unless said. */
  readonly minimumCalls?: number | undefined
}

const isMeasured = (delay: unknown): delay is MeasuredDelay<unknown> =>
  typeof delay === "object" && delay !== null && "percentile" in delay

export const readHedge = (read: Reader, { delay, ...options }: HedgeOptions<unknown>): HedgeSettings => {
  read.known("hedge.", options, ["delay", "times"])
  const times = read.whole("hedge.times", options.times ?? 1, 1)
  if (!isMeasured(delay)) return { times, delay: read.millis("hedge.delay", delay), measured: undefined }
  read.known("hedge.delay.", delay, ["percentile", "initial", "min", "window", "minimumCalls"])
  return {
    times,
    delay: read.millis("hedge.delay.initial", delay.initial),
    measured: {
      percentile: read.number("hedge.delay.percentile", delay.percentile, 0.01, 0.9999),
      min: read.millis("hedge.delay.min", delay.min ?? 1),
      window: read.millis("hedge.delay.window", delay.window ?? 60_000),
      minimumSamples: read.whole("hedge.delay.minimumCalls", delay.minimumCalls ?? 100, 1)
    }
  }
}
