/**
 * One call through a policy, as a machine that a shell drives: the engine says `run(attempt)`, `stop(attempt)` and
 * `done(...)`; the shell says `start`, `settle` and `abort`. It knows neither promises nor fibers.
 *
 *   idle -> a try -> done           backoff: holds nothing but its own timer
 *          ^       |                asking: the shell's schedule decides whether, and when, to try again
 *          +-------+ backoff
 *
 * A call waits for one thing at a time, so it has one timer (`Wait`); what one try is, says `Try`.
 */
import type { Verdict } from "../breaker/breaker.ts"
import { provesNothingApplied } from "../retry/classify.ts"
import type { Rejected } from "../errors.ts"
import { readWeight } from "../options/rateLimit.ts"
import { delayOf, retryAfterOf } from "../retry/retry.ts"
import { Try } from "./try.ts"

/** What the last try came to; `raw` is the shell's own form of it. */
interface Result {
  readonly ok: boolean
  readonly value: unknown
  readonly raw: unknown
  /** An answer that would do, tried again all the same. */
  readonly good: boolean
}

/** Nobody waits longer for a retry, whatever a dependency asks for: a day. */
const longestDelay = 86_400_000

export abstract class Call extends Try {
  /** From 1: the first, and its retries. */
  private tries = 0
  private last: Result | null = null
  private delay = Number.NaN

  /** The caller's answer. `raw` is what the shell gave to `settle`, undefined for a rejection of the policy. */
  protected abstract done(ok: boolean, value: unknown, raw: unknown): void
  /** Whether the shell has a schedule of its own: then it is asked about each retry, and says `answer`, perhaps at once. */
  protected get asks(): boolean {
    return false
  }
  protected ask(_value: unknown): void {}

  /** A weight that could never pass the rate limit is the caller's mistake: it throws `InvalidPolicyOption`, and nothing is counted. */
  start(inherited: number): void {
    const { budget, name, rateLimit, settings, statistics, timed } = this.dependency
    if (rateLimit !== null) readWeight(name, this.weight, rateLimit.settings)
    statistics.calls++
    const now = timed || inherited < Infinity ? this.startedAt = this.lanes.timers.port.now() : 0 // reading it costs 50 ns
    budget?.called(now)
    this.deadline = now + settings.timeout
    if (inherited < this.deadline) {
      this.deadline = inherited
      this.inherited = true
      if (inherited <= now) {
        statistics.timeouts++
        return this.finish(false, this.timeoutError(), undefined, false)
      }
    }
    this.tries = 1
    this.enter(now)
  }

  /** The caller is gone: no outcome. */
  abort(reason: unknown): void {
    if (this.phase === "done") return
    this.disarm()
    if (this.phase === "queued") this.leaveQueue()
    this.phase = "done"
    this.dependency.statistics.aborted++
    this.leaveAll("ignored", reason)
  }

  /** What the shell's schedule decided: the delay in ms, or null for no more. */
  answer(delay: number | null): void {
    if (this.phase !== "asking") return
    this.disarm()
    if (delay === null || !this.affordable(delay)) return this.finishLast()
    this.backOff(delay, Infinity)
  }

  override expire(now: number): void {
    if (this.phase === "running") return this.expireRunning(now)
    if (this.phase === "backoff") {
      this.tries++
      return this.enter(now)
    }
    const full = this.phase === "queued" ? this.leaveQueue() : undefined
    if (full !== undefined) return this.refused(full)
    this.dependency.statistics.timeouts++
    if (this.last !== null) this.finishLast()
    else this.finish(false, this.timeoutError(), undefined, false)
  }

  protected override tried(verdict: Verdict, ok: boolean, value: unknown, raw: unknown, over: boolean): void {
    if (verdict !== "failure" && this.dependency.settings.retry?.whileResult === undefined) return this.finish(ok, value, raw, ok)
    if (over || !this.again(verdict, ok, value, raw)) this.finish(ok, value, raw, ok && verdict !== "failure")
  }

  /** Another try after this result, where it is one to be tried again. */
  private again(verdict: Verdict, ok: boolean, value: unknown, raw: unknown): boolean {
    const { settings: { retry } } = this.dependency
    if (retry === undefined || this.tries > retry.times || verdict === "ignored") return false
    const wanted = verdict === "failure" ? retry.while : retry.whileResult
    if (wanted !== undefined && !holds(wanted, value)) return false
    if (this.options?.idempotent === false && !provesNothingApplied(value, ok)) return false
    this.last = { ok, value, raw, good: verdict === "success" }
    if (this.asks) {
      this.phase = "asking"
      this.armTotal(this.lanes.timers.port.now())
      this.ask(value)
      return true
    }
    const { port } = this.lanes.timers
    const own = delayOf(retry, this.tries, this.delay || retry.base, port.random())
    const delay = Math.max(own, retryAfterOf(value, port.epoch()) ?? 0)
    if (!this.affordable(delay)) return false
    this.backOff(delay, retry.times + 1)
    return true
  }

  /** A retry that the breaker would reject, that the deadline cannot hold, or that no budget is left for, is not begun. */
  private affordable(delay: number): boolean {
    const { breaker } = this
    const { budget, settings: { retry } } = this.dependency
    const now = this.lanes.timers.port.now()
    if (retry === undefined || (breaker !== null && breaker.rejects(now))) return false
    if (delay > longestDelay || now + delay >= this.deadline || now + delay - this.startedAt > retry.maxElapsed) return false
    return budget === null || budget.spend(now)
  }

  private backOff(delay: number, of: number): void {
    const { dependency } = this
    const { ok, value } = this.last!
    this.phase = "backoff"
    this.delay = delay
    dependency.statistics.retries++
    if (this.tries === 1) dependency.statistics.retried++
    if (dependency.heard("retry")) {
      dependency.emit("retry", { operation: this.operation, attempt: this.tries + 1, of, delay, error: value })
    }
    if (ok) this.discard(value)
    this.armAlone("backoff", delay)
  }

  /** Rejected before any attempt, or the retries end with the last real result. */
  protected override refused(error: Rejected): void {
    const { dependency } = this
    if (this.last !== null) return this.finishLast()
    this.phase = "done"
    dependency.statistics.rejected++
    if (dependency.heard("reject")) dependency.emit("reject", { operation: this.operation, error })
    this.done(false, error, undefined)
  }

  private finishLast(): void {
    const { good, ok, raw, value } = this.last!
    this.finish(ok, value, raw, good)
  }

  private finish(ok: boolean, value: unknown, raw: unknown, good: boolean): void {
    const { statistics } = this.dependency
    this.phase = "done"
    if (good) {
      statistics.successes++
      if (this.tries > 1) statistics.recovered++
    } else {
      statistics.failures++
      if (this.tries > 1) statistics.exhausted++
    }
    this.done(ok, value, raw)
  }
}

/** A predicate that throws says no: it must not make a call be repeated. */
const holds = (predicate: (value: unknown) => boolean, value: unknown): boolean => {
  try {
    return predicate(value)
  } catch {
    return false
  }
}
