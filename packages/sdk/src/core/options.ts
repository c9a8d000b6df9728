/** A policy's options as people write them, made whole; whatever makes no sense is refused here, not in the middle of a call. */
import type { BreakerSettings } from "./breaker.ts"
import type { BulkheadSettings } from "./bulkhead.ts"
import type { Classify } from "./classify.ts"
import { type DurationInput, toMillis } from "./duration.ts"
import { InvalidPolicyOption } from "./errors.ts"
import type { Jitter, RetrySettings } from "./retry.ts"

/** What a dependency's outage does to the health of the process. */
export type Criticality = "critical" | "degrades" | "ignored"

/** When to try again; what is left out is as `Retry.api` has it. */
export interface RetryOptions {
  /** Retries after the first attempt. */
  readonly times?: number | undefined
  /** The first delay. */
  readonly base?: DurationInput | undefined
  /** Each delay is this many times the one before. */
  readonly factor?: number | undefined
  /** No delay is longer. */
  readonly max?: DurationInput | undefined
  readonly jitter?: Jitter | undefined
  /** Which transient failures to try again; all unless said. */
  readonly while?: ((error: unknown) => boolean) | undefined
  /** Shared by all calls of the dependency. A fifth of the calls and one a second over ten seconds, unless said. */
  readonly budget?: { readonly ratio?: number; readonly perSecond?: number; readonly window?: DurationInput } | false | undefined
}

export interface BreakerOptions {
  /** In a row, to open; 5 unless said. */
  readonly failures?: number | undefined
  /** 60 seconds unless said. */
  readonly openFor?: DurationInput | undefined
  /** How many calls may try while half-open, and how many successes close it; 1 unless said. */
  readonly halfOpenCalls?: number | undefined
  /** How long a probe may hold its place; `openFor` unless said. */
  readonly probeLease?: DurationInput | undefined
}

export interface BulkheadOptions {
  /** How many calls may run at once. */
  readonly concurrency: number
  /** How many may wait for a permit; none unless said. */
  readonly queue?: number | undefined
}

/** How one dependency's calls are protected. `false` turns a part off. */
export interface PolicyOptions {
  /** The whole call: all attempts and all waits. */
  readonly timeout?: DurationInput | false | undefined
  /** Each attempt. */
  readonly attemptTimeout?: DurationInput | false | undefined
  readonly retry?: RetryOptions | false | undefined
  readonly breaker?: BreakerOptions | false | undefined
  readonly bulkhead?: BulkheadOptions | false | undefined
  /** What an outcome means, for retry and breaker; undefined leaves it to the default. */
  readonly classify?: Classify | undefined
  /** What its outage does to the health of the process; "degrades" unless said. */
  readonly criticality?: Criticality | undefined
}

/** Options made whole: milliseconds, and Infinity for no limit. */
export interface PolicySettings {
  readonly timeout: number
  readonly attemptTimeout: number
  readonly retry: RetrySettings | undefined
  readonly breaker: BreakerSettings | undefined
  readonly bulkhead: BulkheadSettings | undefined
  readonly classify: Classify | undefined
  readonly criticality: Criticality
}

/** The presets of the design. */
export const retryPresets = {
  database: { times: 2, base: 100, factor: 2, max: 2000, jitter: "equal" },
  api: { times: 2, base: 1000, factor: 2, max: 30_000, jitter: "equal" },
  task: { times: 12, base: 10_000, factor: 2, max: 600_000, jitter: "equal" }
} as const satisfies Record<string, RetryOptions>

/** What an `Api` that leaves an option out gets. */
export const apiDefaults: PolicyOptions = {
  timeout: 30_000,
  retry: retryPresets.api,
  breaker: { failures: 5, openFor: 60_000, halfOpenCalls: 1 }
}

const budgetDefaults = { ratio: 0.2, perSecond: 1, window: 10_000 }

class Reader {
  private readonly policy: string
  constructor(policy: string) {
    this.policy = policy
  }

  refuse(option: string, value: unknown, allowed: string): never {
    throw new InvalidPolicyOption(this.policy, option, value, allowed)
  }

  known(prefix: string, options: object, names: ReadonlyArray<string>): void {
    if (typeof options !== "object" || options === null) this.refuse(prefix.slice(0, -1), options, "an object of options, or false")
    for (const name of Object.keys(options)) {
      if (!names.includes(name)) this.refuse(prefix + name, (options as Record<string, unknown>)[name], `left out: the options are ${names.join(", ")}`)
    }
  }

  /** Milliseconds, more than zero (or from zero where that means something), finite. */
  millis(option: string, value: unknown, least: "above zero" | "from zero" = "above zero"): number {
    const millis = toMillis(value)
    const ok = millis < Infinity && (least === "above zero" ? millis > 0 : millis >= 0)
    return ok ? millis : this.refuse(option, value, `milliseconds or a duration such as "30 seconds", ${least} and finite`)
  }

  /** As `millis`, and Infinity for an option that is off. */
  limit(option: string, value: DurationInput | false | undefined): number {
    return value === undefined || value === false || value === Infinity ? Infinity : this.millis(option, value)
  }

  whole(option: string, value: number, least: number): number {
    const ok = Number.isInteger(value) && value >= least
    return ok ? value : this.refuse(option, value, `a whole number from ${least}`)
  }

  number(option: string, value: number, least: number, most: number): number {
    const ok = value >= least && value <= most
    return ok ? value : this.refuse(option, value, `a number from ${least} to ${most}`)
  }

  optionalFunction<F>(option: string, value: F | undefined): F | undefined {
    return value === undefined || typeof value === "function" ? value : this.refuse(option, value, "a function")
  }
}

const jitters = ["none", "full", "equal", "decorrelated"] as const
const criticalities = ["critical", "degrades", "ignored"] as const

const readRetry = (read: Reader, options: RetryOptions): RetrySettings => {
  read.known("retry.", options, ["times", "base", "factor", "max", "jitter", "while", "budget"])
  const preset = retryPresets.api
  const base = options.base === undefined ? preset.base : read.millis("retry.base", options.base, "from zero")
  const max = options.max === undefined ? Math.max(base, preset.max) : read.millis("retry.max", options.max, "from zero")
  if (base > max) read.refuse("retry.base", options.base ?? base, `at most retry.max (${max} ms)`)
  const jitter = options.jitter ?? preset.jitter
  if (!jitters.includes(jitter)) read.refuse("retry.jitter", jitter, jitters.join(", "))
  const { budget = {} } = options
  if (budget !== false) read.known("retry.budget.", budget, ["ratio", "perSecond", "window"])
  return {
    times: read.whole("retry.times", options.times ?? preset.times, 0),
    base, max, jitter,
    factor: read.number("retry.factor", options.factor ?? preset.factor, 1, 1000),
    while: read.optionalFunction("retry.while", options.while),
    budget: budget === false ? undefined : {
      ratio: read.number("retry.budget.ratio", budget.ratio ?? budgetDefaults.ratio, 0, 1000),
      perSecond: read.number("retry.budget.perSecond", budget.perSecond ?? budgetDefaults.perSecond, 0, 1e9),
      window: read.millis("retry.budget.window", budget.window ?? budgetDefaults.window)
    }
  }
}

const readBreaker = (read: Reader, options: BreakerOptions): BreakerSettings => {
  read.known("breaker.", options, ["failures", "openFor", "halfOpenCalls", "probeLease"])
  const openFor = read.millis("breaker.openFor", options.openFor ?? 60_000)
  return {
    failures: read.whole("breaker.failures", options.failures ?? 5, 1),
    openFor,
    halfOpenCalls: read.whole("breaker.halfOpenCalls", options.halfOpenCalls ?? 1, 1),
    probeLease: options.probeLease === undefined ? openFor : read.millis("breaker.probeLease", options.probeLease)
  }
}

const readBulkhead = (read: Reader, options: BulkheadOptions): BulkheadSettings => {
  read.known("bulkhead.", options, ["concurrency", "queue"])
  return {
    concurrency: read.whole("bulkhead.concurrency", options.concurrency, 1),
    queue: read.whole("bulkhead.queue", options.queue ?? 0, 0)
  }
}

/** Options made whole; throws `InvalidPolicyOption`, which names policy, option, value and what is allowed. */
export const readOptions = (name: string, options: PolicyOptions): PolicySettings => {
  if (typeof name !== "string" || name.trim() === "") throw new InvalidPolicyOption("policy", "name", name, "a name that is not empty")
  const read = new Reader(name)
  read.known("", options, ["timeout", "attemptTimeout", "retry", "breaker", "bulkhead", "classify", "criticality"])
  const { breaker = false, bulkhead = false, criticality = "degrades", retry = false } = options
  if (!criticalities.includes(criticality)) read.refuse("criticality", criticality, criticalities.join(", "))
  return {
    timeout: read.limit("timeout", options.timeout),
    attemptTimeout: read.limit("attemptTimeout", options.attemptTimeout),
    retry: retry === false ? undefined : readRetry(read, retry),
    breaker: breaker === false ? undefined : readBreaker(read, breaker),
    bulkhead: bulkhead === false ? undefined : readBulkhead(read, bulkhead),
    classify: read.optionalFunction("classify", options.classify),
    criticality
  }
}
