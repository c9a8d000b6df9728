/**
 * One routed call: which target is tried now, and whether another follows. The shell runs each try under the target's own
 * policy and says how it ended; the route says which target is next, or that its answer stands.
 *
 *   next -> a try -> success, permanent -----------------------------------------> the answer
 *     ^                 | transient, or rejected by the target's policy
 *     +-----------------+ if time, `maxTargets`, and what is not idempotent allow; else the answer
 *
 * The answer is that of the last target that was really called: a rejection is one only when none was. Whether a target was
 * called is known, not guessed: the shell says `begin` when the work begins, so a try that never began has applied nothing.
 */
import { type Outcome, provesNothingApplied } from "../retry/classify.ts"
import { CallTimeoutError } from "../errors.ts"
import type { Router, Target } from "./router.ts"
import type { TimerPort } from "../time/timers.ts"

/** How one try ended. */
export interface TargetTry<T extends string = string> {
  readonly target: T
  /** `rejected`: by the target's policy, before the call was made. */
  readonly outcome: Outcome | "rejected"
  /** What it failed with: the error, or a result that counts as a failure. Undefined after a success. */
  readonly error: unknown
}

/** What a call came to, and who gave it. */
export interface RouterEntry<A, T extends string = string> {
  readonly value: A
  readonly target: T
  /** In order; the one that answered is among them. */
  readonly tried: ReadonlyArray<TargetTry<T>>
}

export interface Answer<H> {
  readonly ok: boolean
  readonly value: unknown
  /** The shell's own form of it. */
  readonly raw: unknown
  readonly target: Target<H>
}

export interface RouteOptions {
  readonly operation?: string | undefined
  readonly idempotent?: boolean | undefined
}

export class Route<H, T extends string = string> {
  private readonly tried: Array<TargetTry<T>> = []
  /** For all tries together; Infinity when there is none. */
  readonly deadline: number
  answer: Answer<H> | null = null
  private readonly router: Router<H>
  private readonly port: TimerPort
  private readonly operation: string | undefined
  private readonly idempotent: boolean
  private readonly visited: Array<Target<H>> = []
  private began = false
  private reached = false
  private over = false

  /** `limit`: the caller's deadline on the port's monotonic clock, ms; Infinity for none. */
  constructor(router: Router<H>, port: TimerPort, limit: number, options?: RouteOptions) {
    this.router = router
    this.port = port
    this.operation = options?.operation
    this.idempotent = options?.idempotent !== false
    const { timeout } = router.settings
    const own = timeout === Infinity ? Infinity : port.now() + timeout
    this.deadline = Math.min(own, limit)
    router.calls++
  }

  /** The first target: there is always one. */
  first(): Target<H> {
    return this.next()!
  }

  /** The work of this try has begun. */
  begin(): void {
    this.began = this.reached = true
  }

  /**
   * The try has ended. The next target, or null when `answer` stands. An answer that another takes the place of goes to
   * `discard`, such as a response with an unread body.
   */
  settled(ok: boolean, value: unknown, raw: unknown, discard?: (value: unknown) => void, known?: Outcome): Target<H> | null {
    const target = this.visited.at(-1)!
    const outcome = this.began ? known ?? this.outcomeOf(target, ok, value) : "rejected"
    this.count(target, outcome)
    this.tried.push({ target: target.name as T, outcome, error: outcome === "success" ? undefined : value })
    if (this.began || this.answer === null) {
      if (this.answer?.ok) discard?.(this.answer.value)
      this.answer = { ok, value, raw, target }
    }
    const next = this.goesOn(outcome, ok, value) ? this.next() : null
    if (next === null) {
      this.over = true
      if (outcome !== "success") this.router.look(this.port)
      return null
    }
    this.router.fallovers++
    if (this.router.listeners.heard("fallover")) {
      this.router.listeners.emit("fallover", { from: target.name, to: next.name, operation: this.operation, error: value })
    }
    return next
  }

  /** The caller is gone: no outcome. */
  abort(discard?: (value: unknown) => void): void {
    if (this.over) return
    this.over = true
    this.visited.at(-1)!.statistics.aborted++
    if (this.answer?.ok) discard?.(this.answer.value)
  }

  /** What the caller is told, once the answer stands. */
  entry<A>(value: A): RouterEntry<A, T> {
    return { value, target: this.answer!.target.name as T, tried: this.tried }
  }

  private next(): Target<H> | null {
    const target = this.router.pick(this.visited, this.reached, this.port)
    if (target === null) return null
    this.visited.push(target)
    this.began = false
    target.statistics.tries++
    return target
  }

  private goesOn(outcome: TargetTry["outcome"], ok: boolean, value: unknown): boolean {
    const { leastTime, maxTargets } = this.router.settings
    if (outcome === "success" || outcome === "permanent" || this.visited.length >= maxTargets) return false
    if (outcome === "transient" && !this.idempotent && !provesNothingApplied(value, ok)) return false
    return this.deadline === Infinity || this.port.now() + leastTime < this.deadline
  }

  /** A classifier is asked about what the work gave, never about the policy's own timeout. */
  private outcomeOf({ dependency }: Target<H>, ok: boolean, value: unknown): Outcome {
    if (value instanceof CallTimeoutError && value.dependency === dependency.name) return "transient"
    return dependency.outcomeOf(value, ok)
  }

  private count({ statistics }: Target<H>, outcome: TargetTry["outcome"]): void {
    if (outcome === "success") statistics.successes++
    else if (outcome === "transient") statistics.failures++
    else if (outcome === "permanent") statistics.permanent++
    else statistics.rejected++
  }
}
