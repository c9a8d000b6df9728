/** The rejections of a policy: plain `Error`s, the same in both faces, made without a stack (it would cost 4-7 us). */
import { formatMillis } from "./time/duration.ts"

abstract class Rejection extends Error {
  abstract readonly _tag: string
  readonly dependency: string
  readonly operation: string | undefined
  /** Milliseconds until another try can make sense, where that is known. */
  readonly retryAfter: number | undefined

  constructor(message: string, dependency: string, operation: string | undefined, retryAfter?: number) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(`${dependency}${operation === undefined ? "" : `.${operation}`}: ${message}`)
    Error.stackTraceLimit = limit
    this.dependency = dependency
    this.operation = operation
    this.retryAfter = retryAfter
  }
}

/** The deadline came before the answer. What still ran was aborted, and nobody waits for it. */
export class CallTimeoutError extends Rejection {
  readonly _tag = "CallTimeoutError"
  constructor(dependency: string, operation: string | undefined, millis: number) {
    super(Number.isFinite(millis) ? `no answer within ${formatMillis(millis)}` : "no answer before the deadline", dependency, operation)
  }
}

/** The breaker let nothing through: the dependency was not called. */
export class BreakerOpenError extends Rejection {
  readonly _tag = "BreakerOpenError"
  constructor(dependency: string, operation: string | undefined, state: string, retryAfter?: number) {
    const hint = retryAfter === undefined ? "" : `, try again in ${formatMillis(retryAfter)}`
    super(`not called: the breaker is ${state}${hint}`, dependency, operation, retryAfter)
  }
}

/** Every permit is taken and the queue is full: the dependency was not called. */
export class BulkheadFullError extends Rejection {
  readonly _tag = "BulkheadFullError"
  constructor(dependency: string, operation: string | undefined, concurrency: number, queue: number) {
    super(`not called: ${concurrency} calls run and ${queue} wait already`, dependency, operation)
  }
}

/** The rate limit has no room in time, or the throttle spares the dependency this call: it was not called. */
export class RateLimitedError extends Rejection {
  readonly _tag = "RateLimitedError"
  constructor(dependency: string, operation: string | undefined, reason: string, retryAfter?: number) {
    const hint = retryAfter === undefined ? "" : `, try again in ${formatMillis(retryAfter)}`
    super(`not called: ${reason}${hint}`, dependency, operation, retryAfter)
  }
}

for (const type of [CallTimeoutError, BreakerOpenError, BulkheadFullError, RateLimitedError]) {
  Object.defineProperty(type.prototype, "name", { value: type.name, configurable: true, writable: true })
}

/** What a policy says in place of an answer. */
export type Rejected = CallTimeoutError | BreakerOpenError | BulkheadFullError | RateLimitedError

/** An option that makes no sense, refused when the policy is made. */
export class InvalidPolicyOption extends Error {
  readonly _tag = "InvalidPolicyOption"
  readonly policy: string
  readonly option: string
  constructor(policy: string, option: string, value: unknown, allowed: string) {
    super(`${policy}: ${option} is ${show(value)}, but must be ${allowed}`)
    this.policy = policy
    this.option = option
  }
}
Object.defineProperty(InvalidPolicyOption.prototype, "name", { value: "InvalidPolicyOption", configurable: true, writable: true })

const show = (value: unknown): string => {
  try {
    return typeof value === "string" || typeof value === "object" ? JSON.stringify(value) : String(value)
  } catch { // such as what holds itself: an agent, a logger, a timer
    return "an object"
  }
}
