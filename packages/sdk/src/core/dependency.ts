/** One dependency: its settings, its breaker, budget and bulkhead, its statistics and who listens. Shared by all its calls. */
import { Breaker, type BreakerState } from "./breaker.ts"
import { Budget } from "./budget.ts"
import { Bulkhead, type BulkheadSettings } from "./bulkhead.ts"
import type { Chaos } from "./chaos.ts"
import { classify, type Outcome } from "./classify.ts"
import { contradictions } from "./contradictions.ts"
import { Emitter } from "./events.ts"
import { liveTimers } from "./live.ts"
import { type PolicyOptions, type PolicySettings, readOptions } from "./options.ts"
import { noStatistics, type Rates, ratesOf, type Statistics } from "./statistics.ts"
import type { Lane, Timers } from "./timers.ts"

/** The deadline lanes of one policy on one clock. */
export interface Lanes {
  readonly timers: Timers
  readonly total: Lane | null
  readonly attempt: Lane | null
}

/** The engine's own parts of one policy. */
export class Dependency extends Emitter {
  readonly name: string
  options: PolicyOptions<unknown>
  settings: PolicySettings
  breaker: Breaker | null = null
  budget: Budget | null = null
  bulkhead: Bulkhead | null = null
  /** Faults on demand, while somebody provides them. */
  chaos: Chaos | null = null
  readonly statistics = noStatistics()
  /** What failed last, and when, in epoch ms: for whoever asks why. */
  lastFailure: { readonly error: unknown; readonly at: number } | undefined = undefined
  /** When the breaker last changed its state, epoch ms. */
  breakerSince: number | undefined = undefined
  /** Whether a call needs to know when it began. */
  timed = false
  /** Whether an attempt may begin in another call's timer or turn. */
  wanders = false
  private lanes: Lanes
  private readonly millisOf: ((duration: unknown) => number) | undefined

  /** `millisOf` reads the durations of the face that the options are written for. */
  constructor(name: string, options: PolicyOptions<unknown>, timers: Timers = liveTimers, millisOf?: (duration: unknown) => number) {
    super()
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
  }

  private apply(
    { attemptTimeout, breaker, bulkhead, hedge, retry, timeout }: PolicySettings, before: PolicySettings | undefined, timers: Timers
  ): Lanes {
    if (breaker === undefined) this.breaker = null
    else if (this.breaker === null) this.breaker = new Breaker(breaker, (from, to) => this.breakerMoved(from, to))
    else this.breaker.settings = breaker
    this.applyBulkhead(bulkhead)
    const budget = retry?.budget
    if (budget === undefined) this.budget = null
    else if (JSON.stringify(budget) !== JSON.stringify(before?.retry?.budget)) this.budget = new Budget(budget)
    this.wanders = bulkhead !== undefined || (retry !== undefined && attemptTimeout < Infinity)
    this.timed = timeout < Infinity || attemptTimeout < Infinity || this.budget !== null || hedge !== undefined
      || (retry !== undefined && retry.maxElapsed < Infinity)
    return this.makeLanes(timers)
  }

  /** Whoever waits in one that is turned off is let in by it. */
  private applyBulkhead(settings: BulkheadSettings | undefined): void {
    const before = this.bulkhead
    if (before !== null) before.settings = settings ?? { concurrency: Infinity, queue: 0, queueTimeout: Infinity }
    this.bulkhead = settings === undefined ? null : before ?? new Bulkhead(settings)
    before?.grant()
  }

  /** What of its options can never happen, each with the reason. */
  get warnings(): ReadonlyArray<string> {
    return contradictions(this.settings)
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

  failed(error: unknown, at: number): void {
    this.lastFailure = { error, at }
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
export interface DependencyState extends Readonly<Statistics>, Rates {
  readonly breaker: "closed" | "open" | "half-open" | "isolated"
  readonly queued: number
}

/** A copy of its state at this moment. */
export const stateOf = (dependency: Dependency): DependencyState => ({
  breaker: dependency.breaker?.state.tag ?? "closed",
  queued: dependency.bulkhead?.queued ?? 0,
  ...dependency.statistics,
  ...ratesOf(dependency.statistics)
})
