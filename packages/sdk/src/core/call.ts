/**
 * One call through a policy, as a machine that a shell drives: the engine says `run(attempt)`, `stop(attempt)` and
 * `done(...)`; the shell says `start`, `settle` and `abort`. It knows neither promises nor fibers.
 *
 *   idle -> [queued] -> running -> done          queued: waits for a permit of the bulkhead
 *              ^           |                     backoff: holds nothing but its own timer
 *              +- backoff <+                     asking: the shell's schedule decides whether, and when, to try again
 *
 * A call waits for one thing at a time, so it has one timer: the nearer of the attempt's end and its own, the backoff, or
 * its end while queued. Whoever leaves `running` by time or abort leaves its attempt behind, *late*: that one can only give
 * its permit back.
 */
import type { Ticket, Verdict } from "./breaker.ts"
import type { Bulkhead, Waiter } from "./bulkhead.ts"
import { type Outcome, provesNothingApplied } from "./classify.ts"
import type { Dependency, Lanes } from "./dependency.ts"
import { BreakerOpenError, BulkheadFullError, CallTimeoutError, type Rejected } from "./errors.ts"
import { delayOf, retryAfterOf } from "./retry.ts"
import type { Lane, Timed, TimerHandle } from "./timers.ts"

/** What a caller's function is given; the signal is made when it is first read. */
export interface AttemptContext {
  /** Counts from 1. */
  readonly attempt: number
  /** On the monotonic clock (`performance.now()`), ms; Infinity when there is none. */
  readonly deadline: number
  readonly signal: AbortSignal
}

export class Attempt implements Ticket, AttemptContext {
  readonly call: Call
  readonly attempt: number
  generation = -1
  probe = 0
  /** Nobody waits for it any more. */
  late = false
  bulkhead: Bulkhead | null
  /** The shell's handle on the work. */
  work: unknown = undefined
  private controller: AbortController | undefined = undefined
  private reason: unknown = undefined

  constructor(call: Call, attempt: number, bulkhead: Bulkhead | null) {
    this.call = call
    this.attempt = attempt
    this.bulkhead = bulkhead
  }

  get deadline(): number {
    return this.call.deadline
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.late) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  abort(reason: unknown): void {
    this.reason = reason
    this.controller?.abort(reason)
  }
}

const verdicts: Record<Outcome, Verdict> = { success: "success", transient: "failure", permanent: "ignored" }

export type Phase = "idle" | "queued" | "running" | "asking" | "backoff" | "done"

/** What the last attempt came to; `raw` is the shell's own form of it. */
interface Result {
  readonly ok: boolean
  readonly value: unknown
  readonly raw: unknown
}

export abstract class Call implements Timed, Waiter {
  readonly dependency: Dependency
  readonly lanes: Lanes
  readonly operation: string | undefined
  readonly idempotent: boolean
  phase: Phase = "idle"
  deadline = Infinity
  /** The deadline is not our own: reaching it says nothing of the dependency. */
  inherited = false
  startedAt = Number.NaN // a double from the start: its field would else change its representation, and with it the hidden class
  attempts = 0
  attempt: Attempt | null = null
  /** Whether the timer that runs is the whole call's: asked of the timer, for clocks differ by fractions. */
  private armedForEnd = false
  private handle: TimerHandle | null = null
  private last: Result | null = null
  private delay = Number.NaN
  due = Number.NaN
  lane: Lane | null = null
  earlier: Timed | null = null
  later: Timed | null = null
  ahead: Waiter | null = null
  behind: Waiter | null = null

  constructor(dependency: Dependency, lanes: Lanes, operation: string | undefined, idempotent: boolean) {
    this.dependency = dependency
    this.lanes = lanes
    this.operation = operation
    this.idempotent = idempotent
  }

  /** Begin the work; it must end in one `settle`. */
  protected abstract run(attempt: Attempt): void
  /** Tell the work to stop; nobody waits for it. */
  protected abstract stop(attempt: Attempt, reason: unknown): void
  /** The caller's answer. `raw` is what the shell gave to `settle`, undefined for a rejection of the policy. */
  protected abstract done(ok: boolean, value: unknown, raw: unknown): void
  /** Drop a result that is tried again, such as the unread body of a response. */
  protected discard(_value: unknown): void {}
  /** Whether the shell has a schedule of its own: then it is asked about each retry, and says `answer`, perhaps at once. */
  protected get asks(): boolean {
    return false
  }
  protected ask(_value: unknown): void {}

  start(inherited: number): void {
    const { budget, settings, statistics, timed } = this.dependency
    statistics.calls++
    const now = timed || inherited < Infinity ? this.startedAt = this.lanes.timers.port.now() : 0 // reading it costs 50 ns
    budget?.called(now)
    this.deadline = now + settings.timeout
    if (inherited < this.deadline) {
      this.deadline = inherited
      this.inherited = true
      if (inherited <= now) {
        statistics.timeouts++
        return this.finish(false, this.timeoutError(), undefined)
      }
    }
    this.enter(now)
  }

  /**
   * The work of an attempt has ended. The breaker is told first, then the permit is free, and only then the caller hears
   * of it: what it does next, perhaps within this very turn, finds both as they are.
   */
  settle(attempt: Attempt, ok: boolean, value: unknown, raw: unknown, outcome?: Outcome): void {
    const { breaker, statistics } = this.dependency
    statistics.running--
    if (attempt.late) {
      statistics.abandoned--
      return attempt.bulkhead?.leave()
    }
    this.disarm()
    this.attempt = null
    const verdict = verdicts[outcome ?? this.dependency.outcomeOf(value, ok)]
    if (verdict === "failure") this.failed(value)
    breaker?.settled(attempt, verdict, this.lanes.timers.port.now)
    attempt.bulkhead?.leave()
    if (verdict !== "failure" || !this.retry(ok, value, raw)) this.finish(ok, value, raw)
  }

  /** The caller is gone: no outcome. */
  abort(reason: unknown): void {
    if (this.phase === "done") return
    this.disarm()
    if (this.phase === "queued") this.dependency.bulkhead!.forget(this)
    const running = this.attempt
    this.phase = "done"
    this.dependency.statistics.aborted++
    if (running !== null) {
      this.dependency.breaker?.settled(running, "ignored", this.lanes.timers.port.now)
      this.leave(running, reason)
    }
  }

  /** What the shell's schedule decided: the delay in ms, or null for no more. */
  answer(delay: number | null): void {
    if (this.phase !== "asking") return
    this.disarm()
    const { ok, raw, value } = this.last!
    if (delay === null || !this.affordable(delay)) return this.finish(ok, value, raw)
    this.backOff(delay, Infinity)
  }

  /** A permit is ours. */
  granted(): void {
    this.disarm()
    this.admit(this.lanes.timers.port.now(), this.dependency.bulkhead)
  }

  /** The one timer of this call has fired. */
  expire(now: number): void {
    if (this.phase === "backoff") return this.enter(now)
    const { statistics } = this.dependency
    statistics.timeouts++
    const error = this.timeoutError()
    if (this.phase === "asking") return this.finish(this.last!.ok, this.last!.value, this.last!.raw)
    if (this.phase === "queued") {
      this.dependency.bulkhead!.forget(this)
      return this.finish(false, error, undefined)
    }
    const attempt = this.attempt!
    const over = this.armedForEnd
    const verdict: Verdict = over && this.inherited ? "ignored" : "failure"
    if (this.dependency.heard("timeout")) this.dependency.emit("timeout", { operation: this.operation, attempt: attempt.attempt })
    if (verdict === "failure") this.failed(error)
    this.dependency.breaker?.settled(attempt, verdict, this.lanes.timers.port.now)
    this.attempt = null
    this.leave(attempt, error)
    if ((this.phase as Phase) === "done") return // what was stopped has made the caller leave
    if (over || !this.retry(false, error, undefined)) this.finish(false, error, undefined)
  }

  private enter(now: number): void {
    const { breaker, bulkhead } = this.dependency
    if (breaker !== null && breaker.state.tag !== "closed") {
      now = this.lanes.timers.port.now()
      if (breaker.rejects(now)) return this.refuse(this.openError(now))
    }
    if (bulkhead === null || bulkhead.enter()) return this.admit(now, bulkhead)
    if (!bulkhead.wait(this)) {
      const { concurrency, queue } = bulkhead.settings
      return this.refuse(new BulkheadFullError(this.dependency.name, this.operation, concurrency, queue))
    }
    this.phase = "queued"
    this.armTotal(now)
  }

  private admit(now: number, bulkhead: Bulkhead | null): void {
    const { breaker, settings, statistics } = this.dependency
    const attempt = new Attempt(this, this.attempts + 1, bulkhead)
    if (breaker !== null && !breaker.admit(attempt, now)) {
      this.refuse(this.openError(now))
      return bulkhead?.leave()
    }
    this.attempts++
    this.attempt = attempt
    this.phase = "running"
    statistics.running++
    if (this.lanes.attempt !== null && now + settings.attemptTimeout < this.deadline) {
      this.armedForEnd = false
      this.lanes.attempt.add(this, now)
    } else this.armTotal(now)
    this.run(attempt)
  }

  /** Goes into backoff, if times, predicate, breaker, idempotence, deadline and budget allow. */
  private retry(ok: boolean, value: unknown, raw: unknown): boolean {
    const { settings: { retry } } = this.dependency
    if (retry === undefined || this.attempts > retry.times) return false
    if (retry.while !== undefined && !this.wanted(retry.while, value)) return false
    if (!this.idempotent && !provesNothingApplied(value, ok)) return false
    this.last = { ok, value, raw }
    if (this.asks) {
      this.phase = "asking"
      this.armTotal(this.lanes.timers.port.now())
      this.ask(value)
      return true
    }
    const { port } = this.lanes.timers
    const own = delayOf(retry, this.attempts, this.delay || retry.base, port.random())
    const delay = Math.max(own, retryAfterOf(value, port.epoch()) ?? 0)
    if (!this.affordable(delay)) return false
    this.backOff(delay, retry.times + 1)
    return true
  }

  private wanted(predicate: (error: unknown) => boolean, value: unknown): boolean {
    try {
      return predicate(value)
    } catch {
      return false
    }
  }

  /** A retry that the breaker would reject, that the deadline cannot hold, or that no budget is left for, is not begun. */
  private affordable(delay: number): boolean {
    const { breaker, budget } = this.dependency
    const now = this.lanes.timers.port.now()
    if (breaker !== null && breaker.rejects(now)) return false
    return now + delay < this.deadline && (budget === null || budget.spend(now))
  }

  private backOff(delay: number, of: number): void {
    const { dependency } = this
    this.phase = "backoff"
    this.delay = delay
    dependency.statistics.retries++
    if (this.attempts === 1) dependency.statistics.retried++
    if (dependency.heard("retry")) {
      dependency.emit("retry", { operation: this.operation, attempt: this.attempts + 1, of, delay, error: this.last!.value })
    }
    if (this.last!.ok) this.discard(this.last!.value)
    this.armAlone(delay)
  }

  /** Rejected before any attempt, or the retries end with the last real result. */
  private refuse(error: Rejected): void {
    const { dependency, last } = this
    if (last !== null) return this.finish(last.ok, last.value, last.raw)
    this.phase = "done"
    dependency.statistics.rejected++
    if (dependency.heard("reject")) dependency.emit("reject", { operation: this.operation, error })
    this.done(false, error, undefined)
  }

  private finish(ok: boolean, value: unknown, raw: unknown): void {
    const { statistics } = this.dependency
    this.phase = "done"
    if (ok) {
      statistics.successes++
      if (this.attempts > 1) statistics.recovered++
    } else statistics.failures++
    this.done(ok, value, raw)
  }

  private failed(error: unknown): void {
    this.dependency.lastFailure = { error, at: this.lanes.timers.port.epoch() }
  }

  /** Leaves an attempt to itself: its permit stays taken until it settles, which may be at once. */
  private leave(attempt: Attempt, reason: unknown): void {
    attempt.late = true
    this.dependency.statistics.abandoned++
    this.stop(attempt, reason)
  }

  private armTotal(now: number): void {
    this.armedForEnd = true
    if (this.deadline === Infinity) return
    if (now === this.startedAt && !this.inherited) this.lanes.total!.add(this, now)
    else this.armAlone(this.deadline - now)
  }

  private armAlone(delay: number): void {
    const { port } = this.lanes.timers
    this.handle = port.at(delay, () => {
      this.handle = null
      this.expire(port.now())
    })
  }

  private disarm(): void {
    if (this.lane !== null) this.lane.remove(this)
    else if (this.handle !== null) {
      this.handle.cancel()
      this.handle = null
    }
  }

  private timeoutError(): CallTimeoutError {
    const { attemptTimeout, timeout } = this.dependency.settings
    const millis = this.inherited ? Number.NaN : this.armedForEnd ? timeout : attemptTimeout
    return new CallTimeoutError(this.dependency.name, this.operation, millis)
  }

  private openError(now: number): BreakerOpenError {
    const { breaker, name } = this.dependency
    return new BreakerOpenError(name, this.operation, breaker!.state.tag, breaker!.retryAfter(now))
  }
}
