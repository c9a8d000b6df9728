/** When to try again, as people write it. */
import type { BudgetSettings } from "../retry/budget.ts"
import type { DurationInput } from "../time/duration.ts"
import type { Jitter, RetrySettings } from "../retry/retry.ts"
import type { Reader } from "./reader.ts"

/** What is left out is as `Retry.api` has it. */
export interface RetryOptions<D = DurationInput> {
  /** Retries after the first attempt. */
  readonly times?: number | undefined
  /** The first delay. */
  readonly base?: D | undefined
  /** Each delay is this many times the one before. */
  readonly factor?: number | undefined
  /** No delay is longer. */
  readonly max?: D | undefined
  readonly jitter?: Jitter | undefined
  /** No retry begins later than this after the call began; no bound but the timeout unless said. */
  readonly maxElapsed?: D | undefined
  /** Which transient failures to try again; all unless said. */
  readonly while?: ((error: unknown) => boolean) | undefined
  /** Which good results to try again too, such as a "not yet"; none unless said. The breaker counts them as successes. */
  readonly whileResult?: ((result: unknown) => boolean) | undefined
  /** Shared by all calls of the dependency, hedges among them. */
  readonly budget?: BudgetOptions<D> | false | undefined
}

/** How many retries all calls may make together: a share of the calls, and some beside. */
export interface BudgetOptions<D = DurationInput> {
  /** Of the calls in the window; 0.2 unless said. */
  readonly ratio?: number | undefined
  /** Beside them, so that a quiet dependency is tried again too; 1 unless said. */
  readonly perSecond?: number | undefined
  /** 10 seconds unless said. */
  readonly window?: D | undefined
}

/** The presets of the design. */
export const retryPresets = {
  database: { times: 2, base: 100, factor: 2, max: 2000, jitter: "equal" },
  api: { times: 2, base: 1000, factor: 2, max: 30_000, jitter: "equal" },
  task: { times: 12, base: 10_000, factor: 2, max: 600_000, jitter: "equal" }
} as const satisfies Record<string, RetryOptions>

const readBudget = (read: Reader, budget: BudgetOptions<unknown>): BudgetSettings => {
  read.known("retry.budget.", budget, ["ratio", "perSecond", "window"])
  return {
    ratio: read.number("retry.budget.ratio", budget.ratio ?? 0.2, 0, 1000),
    perSecond: read.number("retry.budget.perSecond", budget.perSecond ?? 1, 0, 1e9),
    window: read.millis("retry.budget.window", budget.window ?? 10_000)
  }
}

export const readRetry = (read: Reader, options: RetryOptions<unknown>): RetrySettings => {
  read.known("retry.", options, ["times", "base", "factor", "max", "jitter", "maxElapsed", "while", "whileResult", "budget"])
  const preset = retryPresets.api
  const base = options.base === undefined ? preset.base : read.millis("retry.base", options.base, "from zero")
  const max = options.max === undefined ? Math.max(base, preset.max) : read.millis("retry.max", options.max, "from zero")
  if (base > max) read.refuse("retry.base", options.base ?? base, `at most retry.max (${max} ms)`)
  const { budget = {} } = options
  return {
    times: read.whole("retry.times", options.times ?? preset.times, 0),
    base, max,
    jitter: read.oneOf("retry.jitter", options.jitter ?? preset.jitter, ["none", "full", "equal", "decorrelated"]),
    factor: read.number("retry.factor", options.factor ?? preset.factor, 1, 1000),
    maxElapsed: read.limit("retry.maxElapsed", options.maxElapsed),
    while: read.optionalFunction("retry.while", options.while),
    whileResult: read.optionalFunction("retry.whileResult", options.whileResult),
    budget: budget === false ? undefined : readBudget(read, budget)
  }
}
