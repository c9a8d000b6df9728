/** When to stop calling, as people write it. */
import type { BreakerSettings } from "../breaker.ts"
import type { DurationInput } from "../duration.ts"
import type { Reader } from "./reader.ts"

export interface BreakerOptions<D = DurationInput> {
  /** In a row, to open; 5 unless said. */
  readonly failures?: number | undefined
  /** 60 seconds unless said. */
  readonly openFor?: D | undefined
  /** How many calls may try while half-open, and how many successes close it; 1 unless said. */
  readonly halfOpenCalls?: number | undefined
  /** How long a probe may hold its place; `openFor` unless said. */
  readonly probeLease?: D | undefined
}

export const readBreaker = (read: Reader, options: BreakerOptions<unknown>): BreakerSettings => {
  read.known("breaker.", options, ["failures", "openFor", "halfOpenCalls", "probeLease"])
  const openFor = read.millis("breaker.openFor", options.openFor ?? 60_000)
  return {
    failures: read.whole("breaker.failures", options.failures ?? 5, 1),
    openFor,
    halfOpenCalls: read.whole("breaker.halfOpenCalls", options.halfOpenCalls ?? 1, 1),
    probeLease: options.probeLease === undefined ? openFor : read.millis("breaker.probeLease", options.probeLease)
  }
}
