/** How a check runs, as people write it, made whole. */
import { type DurationInput, toMillis } from "../time/duration.ts"
import { InvalidPolicyOption } from "../errors.ts"
import type { CheckSettings } from "./health.ts"
import type { Criticality } from "../options.ts"

export interface CheckOptions {
  /** 30 seconds unless said. */
  readonly every?: DurationInput | undefined
  /** 5 seconds unless said, or `every` where that is less. */
  readonly timeout?: DurationInput | undefined
  /** Bad results in a row until it shows; 2 unless said. */
  readonly failAfter?: number | undefined
  /** Good results in a row until it shows; 1 unless said. */
  readonly recoverAfter?: number | undefined
  /** What its failure does to the health of the process; "degrades" unless said. */
  readonly criticality?: Criticality | undefined
  /** Whether its failure takes the process out of service; false unless said. */
  readonly readiness?: boolean | undefined
}

const millis = (name: string, option: string, input: DurationInput): number => {
  const value = toMillis(input)
  if (value > 0 && value < Infinity) return value
  throw new InvalidPolicyOption(`check ${name}`, option, input, 'milliseconds or a duration such as "30 seconds", above zero and finite')
}

/** Options made whole; throws `InvalidPolicyOption`. */
export const readCheckOptions = (name: string, options: CheckOptions): CheckSettings => {
  const every = millis(name, "every", options.every ?? 30_000)
  const { criticality = "degrades", failAfter = 2, readiness = false, recoverAfter = 1 } = options
  for (const [option, value] of Object.entries({ failAfter, recoverAfter })) {
    if (!Number.isInteger(value) || value < 1) throw new InvalidPolicyOption(`check ${name}`, option, value, "a whole number from 1")
  }
  if (!["critical", "degrades", "ignored"].includes(criticality)) {
    throw new InvalidPolicyOption(`check ${name}`, "criticality", criticality, "critical, degrades or ignored")
  }
  const timeout = options.timeout === undefined ? Math.min(5000, every) : millis(name, "timeout", options.timeout)
  return { every, timeout, criticality, failAfter, recoverAfter, readiness }
}
