/** One dependency: its settings, its breaker, budget and bulkhead, its statistics and who listens. Shared by all its calls. */
import { Breaker, type BreakerState } from "./breaker.ts"
import { Budget } from "./budget.ts"
import { Bulkhead } from "./bulkhead.ts"
import { classify, type Outcome } from "./classify.ts"
import type { Rejected } from "./errors.ts"
import { liveTimers } from "./live.ts"
import { type PolicyOptions, type PolicySettings, readOptions } from "./options.ts"
import type { Lane, Timers } from "./timers.ts"

/** Counters since the process began, and what is at work now. */
export interface Statistics {
  calls: number
  successes: number
  failures: number
  /** Attempts beyond the first. */
  retries: number
  /** Calls that were retried at least once, and those of them that then succeeded. */
  retried: number
  recovered: number
  timeouts: number
  rejected: number
  aborted: number
  /** How often the breaker opened. */
  openings: number
  /** Attempts at work now, those abandoned among them. */
  running: number
  abandoned: number
}

export interface Events {
  breaker: { readonly from: BreakerState["tag"]; readonly to: BreakerState["tag"] }
  retry: {
    readonly operation: string | undefined
    /** The attempt that comes, from 2, of how many. */
    readonly attempt: number
    readonly of: number
    readonly delay: number
    readonly error: unknown
  }
  timeout: { readonly operation: string | undefined; readonly attempt: number }
  reject: { readonly operation: string | undefined; readonly error: Rejected }
}

/** The deadline lanes of one policy on one clock. */
export interface Lanes {
  readonly timers: Timers
  readonly total: Lane | null
  readonly attempt: Lane | null
}

type Listeners = { readonly [K in keyof Events]: Array<(event: Events[K]) => void> }

export class Dependency {
  readonly name: string
  options: PolicyOptions<unknown>
  settings: PolicySettings
  breaker: Breaker | null = null
  budget: Budget | null = null
  bulkhead: Bulkhead | null = null
  readonly statistics: Statistics = {
    calls: 0, successes: 0, failures: 0, retries: 0, retried: 0, recovered: 0, timeouts: 0, rejected: 0, aborted: 0,
    openings: 0, running: 0, abandoned: 0
  }
  /** What failed last, and when, in epoch ms: for whoever asks why. */
  lastFailure: { readonly error: unknown; readonly at: number } | undefined = undefined
  /** When the breaker last changed its state, epoch ms. */
  breakerSince: number | undefined = undefined
  /** Whether a call needs to know when it began. */
  timed = false
  private lanes: Lanes
  private readonly millisOf: ((duration: unknown) => number) | undefined
  private readonly listeners: Listeners = { breaker: [], retry: [], timeout: [], reject: [] }

  /** `millisOf` reads the durations of the face that the options are written for. */
  constructor(name: string, options: PolicyOptions<unknown>, timers: Timers = liveTimers, millisOf?: (duration: unknown) => number) {
    this.name = name
    this.options = options
    this.millisOf = millisOf
    this.settings = readOptions(name, options, millisOf)
    this.lanes = this.apply(this.settings, undefined, timers)
  }

  /** Changes the options that are given, from now on. Breaker state, permits and calls in flight are kept. */
  update(options: PolicyOptions<unknown>): void {
    const merged = { ...this.options, ...options }
    const before = this.settings
    this.settings = readOptions(this.name, merged, this.millisOf)
    this.options = merged
    this.lanes = this.apply(this.settings, before, this.lanes.timers)
    this.bulkhead?.grant()
  }

  private apply(
    { attemptTimeout, breaker, bulkhead, retry, timeout }: PolicySettings, before: PolicySettings | undefined, timers: Timers
  ): Lanes {
    if (breaker === undefined) this.breaker = null
    else if (this.breaker === null) this.breaker = new Breaker(breaker, (from, to) => this.breakerMoved(from, to))
    else this.breaker.settings = breaker
    if (bulkhead === undefined) this.bulkhead = null
    else if (this.bulkhead === null) this.bulkhead = new Bulkhead(bulkhead)
    else this.bulkhead.settings = bulkhead
    const budget = retry?.budget
    if (budget === undefined) this.budget = null
    else if (JSON.stringify(budget) !== JSON.stringify(before?.retry?.budget)) this.budget = new Budget(budget)
    this.timed = timeout < Infinity || attemptTimeout < Infinity || this.budget !== null
    return this.makeLanes(timers)
  }

  private breakerMoved(from: BreakerState, to: BreakerState): void {
    this.breakerSince = this.lanes.timers.port.epoch()
    if (to.tag === "open") this.statistics.openings++
    this.emit("breaker", { from: from.tag, to: to.tag })
  }

  /** The lanes on this clock: a test's, or the live one. */
  lanesOn(timers: Timers): Lanes {
    return this.lanes.timers === timers ? this.lanes : this.lanes = this.makeLanes(timers)
  }

  get currentLanes(): Lanes {
    return this.lanes
  }

  private makeLanes(timers: Timers): Lanes {
    const lane = (millis: number) => millis === Infinity ? null : timers.lane(millis)
    return { timers, total: lane(this.settings.timeout), attempt: lane(this.settings.attemptTimeout) }
  }

  outcomeOf(value: unknown, ok: boolean): Outcome {
    const own = this.settings.classify
    if (own === undefined) return classify(value, ok)
    try {
      return own(value, ok) ?? classify(value, ok)
    } catch {
      return ok ? "success" : "permanent" // a classifier that throws must not make a call be repeated
    }
  }

  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void {
    const listeners = this.listeners[type]
    listeners.push(listener)
    return () => {
      const at = listeners.indexOf(listener)
      if (at >= 0) listeners.splice(at, 1)
    }
  }

  heard(type: keyof Events): boolean {
    return this.listeners[type].length > 0
  }

  /** A listener that throws must not break a call: its error surfaces by itself. */
  emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of this.listeners[type].slice()) {
      try {
        listener(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  /** Lets nothing through until `restore`, also where there is no breaker otherwise. */
  isolate(): void {
    this.breaker ??= new Breaker({ failures: Infinity, openFor: 0, halfOpenCalls: 1, probeLease: 0 }, (from, to) => this.breakerMoved(from, to))
    this.breaker.isolate()
  }

  restore(): void {
    this.breaker?.restore()
  }
}

/** What everybody may see of a dependency. */
export interface DependencyState extends Readonly<Statistics> {
  readonly breaker: "closed" | "open" | "half-open" | "isolated"
  readonly queued: number
}

/** A copy of its state at this moment. */
export const stateOf = (dependency: Dependency): DependencyState => ({
  breaker: dependency.breaker?.state.tag ?? "closed",
  queued: dependency.bulkhead?.queued ?? 0,
  ...dependency.statistics
})

/** The log lines that operators look for, word for word. */
export const logLines = (
  dependency: Dependency,
  log: (level: "info" | "warn", line: string, details: Readonly<Record<string, unknown>>) => void
): () => void => {
  const { name } = dependency
  const stop = [
    dependency.on("retry", ({ attempt, delay, of, operation }) =>
      log("warn", of === Infinity ? `Retry attempt ${attempt}` : `Retry attempt ${attempt} of ${of}`, { dependency: name, operation, delay: Math.round(delay) })),
    dependency.on("breaker", ({ from, to }) =>
      log(to === "closed" ? "info" : "warn", `Circuit breaker state=${to}`, { dependency: name, from }))
  ]
  return () => stop.forEach((unsubscribe) => unsubscribe())
}
