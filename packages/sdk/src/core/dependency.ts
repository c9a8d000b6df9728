/** One dependency: its settings, its breakers, its budget and its limits, on one clock. Shared by all its calls. */
import { Adaptive } from "./limits/adaptive.ts"
import type { Attempt } from "./call/attempt.ts"
import type { Verdict } from "./breaker/breaker.ts"
import { Breakers } from "./breaker/breakers.ts"
import { Budget } from "./retry/budget.ts"
import { Bulkhead, type BulkheadSettings } from "./limits/bulkhead.ts"
import type { Chaos } from "./call/chaos.ts"
import { classify, type Outcome } from "./retry/classify.ts"
import { contradictions } from "./call/contradictions.ts"
import { liveTimers } from "./time/live.ts"
import { type PolicyOptions, type PolicySettings, readOptions } from "./options.ts"
import { Percentile } from "./limits/percentile.ts"
import { makeRateLimit, type RateLimit, type RateLimitSettings } from "./limits/rateLimit.ts"
import { type Rates, ratesOf, type Statistics } from "./events/statistics.ts"
import { Throttle } from "./limits/throttle.ts"
import type { Lane, TimerPort, Timers } from "./time/timers.ts"

/** The deadline lanes of one policy on one clock. */
export interface Lanes {
  readonly timers: Timers
  readonly total: Lane | null
  readonly attempt: Lane | null
  /** Where the delay before a hedge is always the same. */
  readonly hedge: Lane | null
}

/** The engine's own parts of one policy. */
export class Dependency extends Breakers {
  options: PolicyOptions<unknown>
  settings: PolicySettings
  budget: Budget | null = null
  rateLimit: RateLimit | null = null
  bulkhead: Bulkhead | null = null
  throttle: Throttle | null = null
  /** What good attempts took lately, where a hedge waits for that. */
  private durations: Percentile | null = null
  private adaptive: Adaptive | null = null
  /** Faults on demand, while somebody provides them. */
  chaos: Chaos | null = null
  /** What failed last, and when, in epoch ms: for whoever asks why. */
  lastFailure: { readonly error: unknown; readonly at: number } | undefined = undefined
  /** Whether somebody wants to know what an attempt came to, and how long it took. */
  measures = false
  /** Whether a call needs to know when it began. */
  timed = false
  /** Whether an attempt may begin in another call's timer or turn. */
  wanders = false
  private lanes: Lanes
  private readonly millisOf: ((duration: unknown) => number) | undefined

  /** `millisOf` reads the durations of the face that the options are written for. */
  constructor(name: string, options: PolicyOptions<unknown>, timers: Timers = liveTimers, millisOf?: (duration: unknown) => number) {
    super(name)
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

  private apply(settings: PolicySettings, before: PolicySettings | undefined, timers: Timers): Lanes {
    const { attemptTimeout, bulkhead, hedge, rateLimit, retry, throttle, timeout } = settings
    this.applyBreaker(settings.breaker)
    this.applyBulkhead(bulkhead)
    this.applyRateLimit(rateLimit, timers.port)
    this.throttle = throttle === undefined ? null : kept(this.throttle, throttle, timers.port.now()) ?? new Throttle(throttle)
    this.durations = hedge?.measured === undefined ? null : kept(this.durations, hedge.measured, timers.port.now()) ?? new Percentile(hedge.measured)
    const budget = retry?.budget
    if (budget === undefined) this.budget = null
    else if (JSON.stringify(budget) !== JSON.stringify(before?.retry?.budget)) this.budget = new Budget(budget)
    this.measures = this.adaptive !== null || this.throttle !== null || this.durations !== null
    this.wanders = bulkhead !== undefined || rateLimit !== undefined || (retry !== undefined && attemptTimeout < Infinity)
    this.timed = timeout < Infinity || attemptTimeout < Infinity || this.budget !== null || hedge !== undefined || this.measures || this.breaker?.timed === true
      || rateLimit !== undefined || (retry !== undefined && retry.maxElapsed < Infinity)
    return this.makeLanes(timers)
  }

  /** Whoever waits in one that is turned off is let in by it. */
  private applyBulkhead(settings: BulkheadSettings | undefined): void {
    const before = this.bulkhead
    const adaptive = settings?.adaptive
    if (adaptive === undefined) this.adaptive = null
    else if (this.adaptive === null) this.adaptive = new Adaptive(adaptive)
    else this.adaptive.update(adaptive)
    const concurrency = this.adaptive?.concurrency ?? settings?.concurrency ?? Infinity
    const applied = { adaptive, concurrency, queue: settings?.queue ?? 0, queueTimeout: settings?.queueTimeout ?? Infinity }
    if (before !== null) before.settings = applied
    this.bulkhead = settings === undefined ? null : before ?? new Bulkhead(applied)
    before?.grant()
  }

  private applyRateLimit(settings: RateLimitSettings | undefined, port: TimerPort): void {
    const before = this.rateLimit
    const stays = before !== null && settings !== undefined && before.settings.sharing?.store === settings.sharing?.store
    this.rateLimit = settings === undefined ? null
      : stays ? before : makeRateLimit(this.name, settings, port, (state) => this.emit("sharing", state))
    if (stays) before.update(settings, port.now())
    else before?.open()
  }

  /** What an attempt came to, for those parts that measure. A permanent failure tells neither how long work takes nor that it is refused. */
  measure({ inFlight, startedAt, throttled }: Attempt, verdict: Verdict, now: number): void {
    if (verdict === "ignored") return
    if (verdict === "success") this.durations?.record(now - startedAt, now)
    else if (throttled >= 0) this.throttle?.refused(throttled, now)
    if (this.adaptive?.record(now - startedAt, inFlight, verdict === "failure")) {
      const bulkhead = this.bulkhead!
      bulkhead.settings = { ...bulkhead.settings, concurrency: this.adaptive.concurrency }
      bulkhead.grant()
    }
  }

  /** After how long another attempt is sent beside a slow one. */
  hedgeDelay(now: number): number {
    const { hedge } = this.settings
    if (hedge === undefined) return Infinity
    const { delay, measured } = hedge
    const quantile = measured === undefined ? undefined : this.durations?.quantile(measured.percentile, now)
    return quantile === undefined ? delay : Math.max(measured!.min, quantile)
  }

  /** What of its options can never happen, each with the reason. */
  get warnings(): ReadonlyArray<string> {
    return contradictions(this.settings)
  }

  /** The lanes on this clock: a test's, or the live one. */
  lanesOn(timers: Timers): Lanes {
    return this.lanes.timers === timers ? this.lanes : this.lanes = this.makeLanes(timers)
  }

  protected override get port(): TimerPort {
    return this.lanes.timers.port
  }

  get currentLanes(): Lanes {
    return this.lanes
  }

  private makeLanes(timers: Timers): Lanes {
    this.rateLimit?.moveTo(timers.port)
    this.share(this.settings.sharing, timers.port)
    const { attemptTimeout, hedge, timeout } = this.settings
    const lane = (millis: number) => millis === Infinity ? null : timers.lane(millis)
    return { timers, total: lane(timeout), attempt: lane(attemptTimeout), hedge: lane(hedge === undefined || hedge.measured !== undefined ? Infinity : hedge.delay) }
  }

  outcomeOf(value: unknown, ok: boolean): Outcome {
    const own = this.settings.classify
    try {
      return own?.(value, ok) ?? classify(value, ok)
    } catch { // a classifier that throws, or a value that does when it is looked at, must not make a call be repeated
      return ok ? "success" : "permanent"
    }
  }

  failed(error: unknown, at: number): void {
    this.lastFailure = { error, at }
  }
}

/** The part that there is, with other settings from now on. */
const kept = <S, P extends { update(settings: S, now: number): void }>(part: P | null, settings: S, now: number): P | undefined => {
  part?.update(settings, now)
  return part ?? undefined
}

/** What everybody may see of a dependency. */
export interface DependencyState extends Readonly<Statistics>, Rates {
  readonly breaker: "closed" | "open" | "half-open" | "isolated"
  /** The breakers of keys that are not closed. */
  readonly openKeys: ReadonlyArray<string>
  /** Calls that went through only because the breaker observes. */
  readonly wouldHaveRejected: number
  readonly queued: number
}

/** A copy of its state at this moment. */
export const stateOf = (dependency: Dependency): DependencyState => ({
  breaker: dependency.breaker?.state.tag ?? "closed",
  openKeys: dependency.openKeys,
  wouldHaveRejected: dependency.breaker?.wouldHaveRejected ?? 0,
  queued: (dependency.bulkhead?.queued ?? 0) + (dependency.rateLimit?.queued ?? 0),
  ...dependency.statistics,
  ...ratesOf(dependency.statistics)
})
