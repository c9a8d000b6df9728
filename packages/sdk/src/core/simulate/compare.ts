/** The same callers, the same faults, and a policy with and without its parts: what each of them is worth. */
import { InvalidPolicyOption } from "../errors.ts"
import type { PolicyOptions } from "../options.ts"
import type { LivePolicy, SimulationOptions } from "./options.ts"
import type { SimulationResult } from "./result.ts"
import { optionsOf, simulate } from "./simulate.ts"

/** A policy without one of its parts; "naive" is without all of them: it retries, and that is all. */
export type Without = "budget" | "jitter" | "breaker" | "rateLimit" | "bulkhead" | "throttle" | "hedge" | "retry" | "naive"

type Options = PolicyOptions<unknown>

/** How a result without a part is called, where that is not the part's name. */
const nameOf: Partial<Record<Without, string>> = { naive: "naive retries", rateLimit: "without rate limit" }

const retryWithout = ({ retry }: Options, changed: object): Pick<Options, "retry"> =>
  ({ retry: retry === undefined || retry === false ? retry : { ...retry, ...changed } })

const withouts: Record<Without, (options: Options) => Options> = {
  budget: (options) => ({ ...options, ...retryWithout(options, { budget: false }) }),
  jitter: (options) => ({ ...options, ...retryWithout(options, { jitter: "none" }) }),
  breaker: (options) => ({ ...options, breaker: false }),
  rateLimit: (options) => ({ ...options, rateLimit: false }),
  bulkhead: (options) => ({ ...options, bulkhead: false }),
  throttle: (options) => ({ ...options, throttle: false }),
  hedge: (options) => ({ ...options, hedge: false }),
  retry: (options) => ({ ...options, retry: false }),
  naive: ({ attemptTimeout, classify, retry, timeout }) =>
    ({ timeout, attemptTimeout, classify, ...retryWithout({ retry }, { budget: false, jitter: "none" }) })
}

/** The options without this part. */
export const without = (options: Options, part: Without): Options => {
  if (!Object.hasOwn(withouts, part)) throw new InvalidPolicyOption("simulation", "without", part, Object.keys(withouts).join(", "))
  return withouts[part](options)
}

/** The policy as it is, and then without each of these parts. The names say which. */
export const compare = (
  policy: Options | LivePolicy<unknown>, options: SimulationOptions<unknown>, parts: ReadonlyArray<Without>,
  millisOf?: (duration: unknown) => number
): ReadonlyArray<SimulationResult> => [
  simulate(policy, options, millisOf),
  ...parts.map((part) =>
    simulate(without(optionsOf(policy), part), { ...options, name: nameOf[part] ?? `without ${part}` }, millisOf))
]
