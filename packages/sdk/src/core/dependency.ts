/** One dependency: its settings, its breaker, budget and bulkhead, its statistics and who listens. Shared by all its calls. */
import { Adaptive } from "./adaptive.ts"
import type { Attempt } from "./attempt.ts"
import {
  Breaker, type BreakerChanged, type BreakerReason, type BreakerSettings, type BreakerSnapshot, type BreakerState, readSnapshot, type Verdict
} from "./breaker.ts"
import { Budget } from "./budget.ts"
import { Bulkhead, type BulkheadSettings } from "./bulkhead.ts"
import type { Chaos } from "./chaos.ts"
import { classify, type Outcome } from "./classify.ts"
import { contradictions } from "./contradictions.ts"
import { InvalidPolicyOption } from "./errors.ts"
import { Emitter } from "./events.ts"
import { KeyedBreakers } from "./keyedBreakers.ts"
import { liveTimers } from "./live.ts"
import { type PolicyOptions, type PolicySettings, readOptions } from "./options.ts"
import { Percentile } from "./percentile.ts"
import type { RateLimit, RateLimitSettings } from "./rateLimit.ts"
import { SharedBreaker } from "./sharedBreaker.ts"
import { makeRateLimit } from "./sharedLimit.ts"
import { noStatistics, type Rates, ratesOf, type Statistics } from "./statistics.ts"
import { Throttle } from "./throttle.ts"
import type { Lane, TimerPort, Timers } from "./timers.ts"

/** The deadline lanes of one policy on one clock. */
export interface Lanes {
  readonly timers: Timers
  readonly total: Lane | null
  readonly attempt: Lane | null
  /** Where the delay before a hedge is always the same. */
  readonly hedge: Lane | null
}

/** Of a breaker that only a person opens. */
const never: BreakerSettings = { failures: Infinity, openFor: 1, halfOpenCalls: 1, probeLease: 1, disabled: true }

/** The engine's own parts of one policy. */
export class Dependency extends Emitter {
  readonly name: string
  options: PolicyOptions<unknown>
  settings: PolicySettings
  breaker: Breaker | null = null
  private keyed: KeyedBreakers | null = null
  /** Tells other processes of the breaker, and it of them. */
  shared: SharedBreaker | null = null
  private begun = false
  budget: Budget | null = null
  rateLimit: RateLimit | null = null
  bulkhead: Bulkhead | null = null
  throttle: Throttle | null = null
  /** What good attempts took lately, where a hedge waits for that. */
  private durations: Percentile | null = null
  private adaptive: Adaptive | null = null
  /** Faults on demand, while somebody provides them. */
  chaos: Chaos | null = null
  readonly statistics = noStatistics()
  /** What failed last, and when, in epoch ms: for whoever asks why. */
  lastFailure: { readonly error: unknown; readonly at: number } | undefined = undefined
  /** When the breaker last changed its state, epoch ms. */
  breakerSince: number | undefined = undefined
  /** Whether somebody wants to know what an attempt came to, and how long it took. */
  measures = false
  /** Whether a call needs to know when it began. */
  timed = false
  /** Whether an attempt may begin in another call's timer or turn. */
  wanders = false
  private readonly moved: BreakerChanged = (from, to, reason) => this.breakerMoved(from, to, reason)
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

  /** It is registered, and not only made to be compared: from now on it may speak to others. */
  begin(): void {
    this.begun = true
    this.share(this.settings, this.lanes.timers.port)
  }

  /** Stops speaking to others, and takes back what it said. Calls may still be made. */
  async close(): Promise<void> {
    const { shared } = this
    this.begun = false
    this.shared = null
    await shared?.close()
  }

  private share({ sharing }: PolicySettings, port: TimerPort): void {
    const { breaker, shared } = this
    if (!this.begun) return
    if (sharing !== undefined && breaker !== null && shared?.breaker === breaker) return shared.update(sharing, port)
    void shared?.close()
    this.shared = sharing === undefined || breaker === null ? null : new SharedBreaker({
      breaker, name: this.name, port, sharing, calls: () => this.statistics.calls, warn: (line) => this.emit("warning", { line })
    })
  }

  private apply(settings: PolicySettings, before: PolicySettings | undefined, timers: Timers): Lanes {
    const { attemptTimeout, bulkhead, hedge, rateLimit, retry, throttle, timeout } = settings
    this.applyBreaker(settings)
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

  private applyBreaker({ breaker }: PolicySettings): void {
    if (breaker === undefined) {
      if (this.breaker?.state.tag === "isolated") this.breaker.settings = never // by hand: until it is restored by hand
      else this.breaker = null
      this.keyed = null
    } else {
      if (this.breaker === null) this.breaker = new Breaker(breaker, this.moved)
      else this.breaker.settings = breaker
      if (this.keyed !== null) this.keyed.settings = breaker
    }
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

  /** The breaker of this key, such as a tenant's or a host's; without a key, and while all is isolated, the one of all. */
  breakerOf(key: string | undefined): Breaker | null {
    const { breaker } = this.settings
    if (key === undefined || breaker === undefined || this.breaker?.state.tag === "isolated") return this.breaker
    this.keyed ??= new KeyedBreakers(breaker, (of, from, to, reason) => this.breakerMoved(from, to, reason, of))
    return this.keyed.of(key)
  }

  private breakerMoved(from: BreakerState, to: BreakerState, reason: BreakerReason, key?: string): void {
    if (key === undefined) {
      this.breakerSince = this.lanes.timers.port.epoch()
      this.shared?.moved(from, to)
    }
    if (to.tag === "open") this.statistics.openings++
    this.emit("breaker", { from: from.tag, to: to.tag, reason, key })
  }

  /** The keys whose breaker is not closed. */
  get openKeys(): ReadonlyArray<string> {
    return this.keyed === null ? [] : this.keyed.states().filter(({ state }) => state.tag !== "closed").map(({ key }) => key)
  }

  /** What of its options can never happen, each with the reason. */
  get warnings(): ReadonlyArray<string> {
    return contradictions(this.settings)
  }

  /** The lanes on this clock: a test's, or the live one. */
  lanesOn(timers: Timers): Lanes {
    return this.lanes.timers === timers ? this.lanes : this.lanes = this.makeLanes(timers)
  }

  get currentLanes(): Lanes {
    return this.lanes
  }

  private makeLanes(timers: Timers): Lanes {
    this.rateLimit?.moveTo(timers.port)
    this.share(this.settings, timers.port)
    const { attemptTimeout, hedge, timeout } = this.settings
    const lane = (millis: number) => millis === Infinity ? null : timers.lane(millis)
    return { timers, total: lane(timeout), attempt: lane(attemptTimeout), hedge: lane(hedge === undefined || hedge.measured !== undefined ? Infinity : hedge.delay) }
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
    this.breaker ??= new Breaker(never, this.moved)
    this.breaker.isolate()
  }

  restore(): void {
    this.breaker?.restore()
  }

  /** The breaker's state as plain JSON, for a process that starts again during an outage; undefined where there is none. */
  snapshot(): SavedBreaker | undefined {
    const { port } = this.lanes.timers
    return this.breaker === null ? undefined : { ...this.breaker.snapshot(port.now()), takenAt: port.epoch() }
  }

  /** Goes on from a snapshot, aged by the time since. What is none throws `InvalidPolicyOption`, and nothing was changed. */
  hydrate(saved: unknown): void {
    const { port } = this.lanes.timers
    const snapshot = readSnapshot(saved)
    const { takenAt } = (saved ?? {}) as { readonly takenAt?: unknown }
    if (snapshot === undefined || typeof takenAt !== "number" || !Number.isFinite(takenAt)) {
      throw new InvalidPolicyOption(this.name, "snapshot", saved, "what snapshot() gave, as it was or as JSON.parse gives it back")
    }
    this.breaker?.hydrate(snapshot, port.now(), Math.max(0, port.epoch() - takenAt))
  }
}

/** The part that there is, with other settings from now on. */
const kept = <S, P extends { update(settings: S, now: number): void }>(part: P | null, settings: S, now: number): P | undefined => {
  part?.update(settings, now)
  return part ?? undefined
}

/** A breaker's state as JSON, and when it was taken, epoch ms. */
export type SavedBreaker = BreakerSnapshot & { readonly takenAt: number }

/** What everybody may see of a dependency. */
export interface DependencyState extends Readonly<Statistics>, Rates {
  readonly breaker: "closed" | "open" | "half-open" | "isolated"
  /** The breakers of keys that are not closed. */
  readonly openKeys: ReadonlyArray<string>
  readonly queued: number
}

/** A copy of its state at this moment. */
export const stateOf = (dependency: Dependency): DependencyState => ({
  breaker: dependency.breaker?.state.tag ?? "closed",
  openKeys: dependency.openKeys,
  queued: (dependency.bulkhead?.queued ?? 0) + (dependency.rateLimit?.queued ?? 0),
  ...dependency.statistics,
  ...ratesOf(dependency.statistics)
})
