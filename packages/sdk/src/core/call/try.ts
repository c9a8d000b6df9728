/**
 * One try of a call: past the breaker, the rate limit and the bulkhead, then one attempt, or a race of several when it is
 * hedged. It ends in one `tried` or one `refused`, never both.
 *
 *   enter -> [queued] -> [queued] -> admit -> running -> tried       queued: for its share of the rate limit, then for a permit
 *     |         |           |          |
 *     +---------+-----------+----------+----> refused
 *
 * Whoever leaves `running` by time, abort, or a race that another won leaves its attempts behind, *late*: those can only give
 * their permits back.
 */
import { Attempt } from "./attempt.ts"
import type { Breaker, Verdict } from "../breaker/breaker.ts"
import { Bulkhead } from "../limits/bulkhead.ts"
import type { Fault } from "./chaos.ts"
import type { Outcome } from "../retry/classify.ts"
import type { Dependency, Lanes } from "../dependency.ts"
import { BreakerOpenError, BulkheadFullError, CallTimeoutError, RateLimitedError, type Rejected } from "../errors.ts"
import type { Waiter } from "../limits/line.ts"
import { Race } from "./race.ts"
import type { RateLimit } from "../limits/rateLimit.ts"
import { Wait } from "./wait.ts"

/** What one call may say of itself. */
export interface CallOptions {
  /** Shown in errors, events and statistics. */
  readonly operation?: string | undefined
  /** False: retried only with proof that nothing was applied, and never hedged. True unless said. */
  readonly idempotent?: boolean | undefined
  /** Which breaker it is under, where each tenant or host has its own; that of the dependency unless said. */
  readonly breakerKey?: string | undefined
  /** How much of the rate limit each attempt takes, a whole number; 1 unless said. */
  readonly weight?: number | undefined
}

export type Phase = "idle" | "queued" | "running" | "asking" | "backoff" | "done"

const verdicts: Record<Outcome, Verdict> = { success: "success", transient: "failure", permanent: "ignored" }

/** What the attempts hear that lost a race. */
const outrun = new DOMException("Another attempt answered first", "AbortError")

export abstract class Try extends Wait implements Waiter {
  readonly dependency: Dependency
  protected readonly options: CallOptions | undefined
  phase: Phase = "idle"
  /** Begun so far, in all tries. */
  attempts = 0
  private attempt: Attempt | null = null
  protected race: Race | null = null
  private fault: Fault | null = null
  /** Where we wait: an update may have put another in its place. */
  private queue: Bulkhead | RateLimit | null = null
  ahead: Waiter | null = null
  behind: Waiter | null = null

  constructor(dependency: Dependency, lanes: Lanes, options: CallOptions | undefined) {
    super(lanes)
    this.dependency = dependency
    this.options = options
  }

  /** Begin the work; it must end in one `settle`. */
  protected abstract run(attempt: Attempt): void
  /** Tell the work to stop; nobody waits for it. */
  protected abstract stop(attempt: Attempt, reason: unknown): void
  /** Drop a result that nobody will see, such as the unread body of a response. */
  protected discard(_value: unknown): void {}
  /** What the try came to. `over`: the call's own end came, and no other try can follow. */
  protected abstract tried(verdict: Verdict, ok: boolean, value: unknown, raw: unknown, over: boolean): void
  /** The policy let it not begin. */
  protected abstract refused(error: Rejected): void

  get weight(): number {
    return this.options?.weight ?? 1
  }

  /** Whoever it is under now. */
  protected get breaker(): Breaker | null {
    const { options } = this
    return options === undefined || options.breakerKey === undefined ? this.dependency.breaker : this.dependency.breakerOf(options.breakerKey)
  }

  get operation(): string | undefined {
    return this.options?.operation
  }

  /** What runs now. */
  get running(): ReadonlyArray<Attempt> {
    return this.race !== null ? this.race.running : this.attempt !== null ? [this.attempt] : []
  }

  /** The breaker is asked first, for whatever it would reject must not wait for a permit. */
  protected enter(now: number): void {
    const { breaker } = this
    const { chaos, rateLimit } = this.dependency
    if (chaos !== null && this.turnedAway(chaos)) return
    if (breaker !== null && breaker.gated) {
      now = this.lanes.timers.port.now()
      if (breaker.rejects(now)) return this.refused(this.openError(now))
    }
    if (rateLimit === null || rateLimit.enter(this.weight, now)) return this.enterBulkhead(now)
    const doomed = now + rateLimit.retryAfter(this.weight, now) >= this.deadline
    if (doomed || !rateLimit.wait(this, now)) return this.refused(this.limitedError(rateLimit, now))
    this.standIn(rateLimit, now)
  }

  private enterBulkhead(now: number): void {
    const { bulkhead } = this.dependency
    if (bulkhead === null || bulkhead.enter()) return this.admit(now, bulkhead)
    if (!bulkhead.wait(this)) return this.refused(this.fullError())
    this.standIn(bulkhead, now)
  }

  private standIn(queue: Bulkhead | RateLimit, now: number): void {
    this.phase = "queued"
    this.queue = queue
    this.armQueue(now, queue.settings.queueTimeout)
  }

  /** A permit is ours, or our share of the rate limit. */
  granted(): void {
    this.disarm()
    const { queue } = this
    const now = this.lanes.timers.port.now()
    if (queue instanceof Bulkhead) this.admit(now, queue)
    else this.enterBulkhead(now)
  }

  private admit(now: number, bulkhead: Bulkhead | null): void {
    const { breaker, dependency } = this
    const { settings, throttle } = dependency
    const attempt = new Attempt(this, this.attempts + 1, now, breaker, bulkhead)
    if (throttle !== null && (attempt.throttled = throttle.admit(now, this.lanes.timers.port.random)) < 0) {
      bulkhead?.leave()
      return this.refused(new RateLimitedError(dependency.name, this.operation, "throttled, for it refuses too much already"))
    }
    if (breaker !== null && !breaker.admit(attempt, now)) {
      bulkhead?.leave()
      return this.refused(this.openError(now))
    }
    this.attempt = attempt
    this.phase = "running"
    if (settings.hedge !== undefined && this.options?.idempotent !== false) this.armHedge(now)
    else if (this.lanes.attempt !== null && now + this.lanes.attempt.duration < this.deadline) {
      this.armLane("attempt", this.lanes.attempt, now)
    } else this.armTotal(now)
    this.launch(attempt)
  }

  private launch(attempt: Attempt): void {
    const { statistics } = this.dependency
    this.attempts++
    statistics.attempts++
    statistics.running++
    if (this.fault === null) this.run(attempt)
    else this.inject(attempt, this.fault)
  }

  /**
   * The work of an attempt has ended. The breaker is told first, then the permit is free, and only then the caller hears
   * of it: what it does next, perhaps within this very turn, finds both as they are.
   */
  settle(attempt: Attempt, ok: boolean, value: unknown, raw: unknown, outcome?: Outcome): void {
    const { dependency } = this
    dependency.statistics.running--
    if (attempt.late) {
      dependency.statistics.abandoned--
      return attempt.bulkhead?.leave()
    }
    this.disarm()
    const { race } = this
    if (race === null) this.attempt = null
    else race.remove(attempt)
    const verdict = verdicts[outcome ?? dependency.outcomeOf(value, ok)]
    if (verdict === "failure") dependency.failed(value, this.lanes.timers.port.epoch())
    if (dependency.measures) dependency.measure(attempt, verdict, this.lanes.timers.port.now())
    attempt.breaker?.settled(attempt, verdict, this.lanes.timers.port.now)
    attempt.bulkhead?.leave()
    if (this.phase === "done") return // whom the permit let in has made the caller leave
    if (race !== null && !this.decides(race, attempt, verdict)) {
      if (ok) this.discard(value)
      return this.armRace(this.lanes.timers.port.now())
    }
    this.tried(verdict, ok, value, raw, false)
  }

  /** Whether this result ends the race: a failure leaves it to those that still run. */
  private decides(race: Race, attempt: Attempt, verdict: Verdict): boolean {
    if (verdict === "failure" && race.running.length > 0) return false
    if (attempt !== race.first && verdict !== "failure") this.dependency.statistics.hedgesWon++
    this.leaveAll("ignored", outrun)
    return true
  }

  /** The answer is late: another attempt is sent beside, if it can begin at once and the budget allows. */
  private hedge(now: number, race: Race): void {
    const { breaker } = this
    const { budget, bulkhead, rateLimit, statistics } = this.dependency
    race.turn(now, this.dependency)
    this.armRace(now)
    if (breaker !== null && breaker.rejects(now)) return
    if (bulkhead !== null && !bulkhead.enter()) return
    const attempt = new Attempt(this, this.attempts + 1, now, breaker, bulkhead)
    const fits = rateLimit === null || rateLimit.retryAfter(this.weight, now) === 0 // no token is taken for what is not paid
    const paid = fits && (budget === null || budget.spend(now)) && (rateLimit === null || rateLimit.enter(this.weight, now))
    if (!paid || (breaker !== null && !breaker.admit(attempt, now))) return bulkhead?.leave()
    race.running.push(attempt)
    statistics.hedges++
    if (this.dependency.heard("hedge")) this.dependency.emit("hedge", { operation: this.operation, attempt: attempt.attempt })
    this.fault = null
    this.launch(attempt)
  }

  /** There is no race before its first hedge is due: most calls answer before. */
  private newRace(): Race {
    const { attempt, dependency } = this
    return this.race = new Race(attempt!, dependency.settings.hedge?.times ?? 0)
  }

  /** Until the first hedge, or whatever comes before it. */
  private armHedge(now: number): void {
    const { attempt, hedge } = this.lanes
    const delay = hedge === null ? this.dependency.hedgeDelay(now) : hedge.duration
    const end = attempt === null ? this.deadline : Math.min(this.deadline, now + attempt.duration)
    if (now + delay < end) {
      if (hedge === null) this.armAlone("hedge", delay)
      else this.armLane("hedge", hedge, now)
    } else if (end < this.deadline) this.armLane("attempt", attempt!, now)
    else this.armTotal(now)
  }

  private armRace(now: number): void {
    const race = this.race!
    const attemptEnd = race.running[0]!.startedAt + (this.lanes.attempt?.duration ?? Infinity)
    if (race.next < attemptEnd && race.next < this.deadline) this.armAlone("hedge", race.next - now)
    else if (attemptEnd < this.deadline) this.armAlone("attempt", attemptEnd - now)
    else this.armTotal(now)
  }

  /** It has waited long enough. Undefined when it was the call's own end that came. */
  protected leaveQueue(): Rejected | undefined {
    const { queue } = this
    const now = this.lanes.timers.port.now()
    queue!.forget(this, now)
    if (this.awaited !== "queue") return undefined
    return queue instanceof Bulkhead ? this.fullError() : this.limitedError(queue!, now)
  }

  protected expireRunning(now: number): void {
    const { dependency, race } = this
    if (this.awaited === "hedge") return this.hedge(now, race ?? this.newRace())
    const over = this.awaited === "end"
    const error = this.timeoutError()
    const attempt = this.running[0]!
    dependency.statistics.timeouts++
    if (dependency.heard("timeout")) dependency.emit("timeout", { operation: this.operation, attempt: attempt.attempt })
    const verdict: Verdict = over && this.inherited ? "ignored" : "failure"
    if (verdict === "failure") dependency.failed(error, this.lanes.timers.port.epoch())
    if (!over && race !== null && race.running.length > 1) {
      race.remove(attempt)
      this.armRace(now)
      return this.leave(attempt, verdict, error)
    }
    this.leaveAll(verdict, error)
    if (this.phase !== "done") this.tried("failure", false, error, undefined, over) // else what was stopped has made the caller leave
  }

  protected leaveAll(verdict: Verdict, reason: unknown): void {
    const { running } = this
    this.attempt = this.race = null
    for (const attempt of running) this.leave(attempt, verdict, reason)
  }

  /** Leaves an attempt to itself: its permit stays taken until it settles, which may be at once. */
  private leave(attempt: Attempt, verdict: Verdict, reason: unknown): void {
    const { dependency } = this
    if (dependency.measures && verdict === "failure") dependency.measure(attempt, verdict, this.lanes.timers.port.now())
    attempt.breaker?.settled(attempt, verdict, this.lanes.timers.port.now)
    attempt.late = true
    dependency.statistics.abandoned++
    if (attempt.held === null) return this.stop(attempt, reason)
    attempt.held.cancel()
    this.settle(attempt, false, reason, undefined)
  }

  /** True when chaos plays the policy and rejects; what it does to the attempt itself is kept until that begins. */
  private turnedAway(chaos: NonNullable<Dependency["chaos"]>): boolean {
    const { name } = this.dependency
    const target = { dependency: name, operation: this.operation, attempt: this.attempts + 1, random: this.lanes.timers.port.random }
    const fault = this.fault = chaos(target) ?? null
    if (fault?.reject === undefined) return false
    const error = fault.reject === "breaker" ? new BreakerOpenError(name, this.operation, "open")
      : fault.reject === "bulkhead" ? this.fullError()
      : new RateLimitedError(name, this.operation, "the rate limit is reached")
    this.refused(error)
    return true
  }

  private inject(attempt: Attempt, { error, hang, latency = 0 }: Fault): void {
    const go = () => {
      attempt.held = null
      if (error !== undefined) this.settle(attempt, false, error.value, undefined)
      else this.run(attempt)
    }
    if (hang || latency > 0) attempt.held = this.lanes.timers.port.at(hang ? Infinity : latency, go)
    else go()
  }

  protected timeoutError(): CallTimeoutError {
    const { attempt, total } = this.lanes
    const millis = this.awaited === "attempt" ? attempt!.duration : this.inherited ? Number.NaN : total!.duration
    return new CallTimeoutError(this.dependency.name, this.operation, millis)
  }

  private openError(now: number): BreakerOpenError {
    const breaker = this.breaker!
    const { tag } = breaker.state
    const state = tag === "closed" ? "letting the load come back bit by bit" : tag
    return new BreakerOpenError(this.dependency.name, this.operation, state, breaker.retryAfter(now))
  }

  private limitedError(rateLimit: RateLimit, now: number): RateLimitedError {
    return new RateLimitedError(this.dependency.name, this.operation, "the rate limit is reached", rateLimit.retryAfter(this.weight, now))
  }

  private fullError(): BulkheadFullError {
    const { concurrency, queue } = this.dependency.bulkhead?.settings ?? { concurrency: 0, queue: 0 }
    return new BulkheadFullError(this.dependency.name, this.operation, concurrency, queue)
  }
}
