/** How a handler failed, told apart as far as whoever runs it must, and how that ends its attempt. */
import { type AttemptEnd, failureOf } from "./attemptEnd.ts"
import type { Snooze } from "./taskErrors.ts"

export type HandlerFailure =
  /** The task's `error` schema accepted it, or it was a `NonRetryable`, or the payload cannot be decoded. */
  | { readonly _tag: "Final"; readonly cause: unknown; readonly error?: unknown }
  /** Try again, as the task's retry says. */
  | { readonly _tag: "Retryable"; readonly cause: unknown; readonly error?: unknown }
  /** A dependency rejected the call without trying: hand the task back, the attempt is unspent. */
  | { readonly _tag: "Unavailable"; readonly cause: unknown; readonly retryAfter: number | undefined }
  /** The handler wants it back after `delay` ms: the attempt is unspent. */
  | { readonly _tag: "Snoozed"; readonly cause: unknown; readonly delay: number }

const tagOf = (error: unknown): unknown => typeof error === "object" && error !== null ? (error as { readonly _tag?: unknown })._tag : undefined

/** What an error means that no `error` schema speaks of. By `_tag`: it may come from another copy of the SDK, such as its CommonJS build. */
export const handlerFailureOf = (cause: unknown): HandlerFailure => {
  switch (tagOf(cause)) {
    case "NonRetryable":
    case "PayloadMigrationFailed":
    case "InvalidPayload": return { _tag: "Final", cause }
    case "BreakerOpenError": {
      const { retryAfter } = cause as { readonly retryAfter?: unknown }
      return { _tag: "Unavailable", cause, retryAfter: typeof retryAfter === "number" ? retryAfter : undefined }
    }
    case "Snooze": return { _tag: "Snoozed", cause, delay: (cause as Snooze).delay }
    default: return { _tag: "Retryable", cause }
  }
}

/** The end of the attempt whose handler failed so. */
export const endOfFailure = (failure: HandlerFailure): AttemptEnd => {
  switch (failure._tag) {
    case "Unavailable": return { _tag: "Unavailable", failure: failureOf(failure.cause), retryAfter: failure.retryAfter }
    case "Snoozed": return { _tag: "Snoozed", delay: failure.delay, reason: failureOf(failure.cause).message }
    case "Final": return { _tag: "Failed", failure: failureOf(failure.cause, failure.error), retryable: false }
    case "Retryable": return { _tag: "Failed", failure: failureOf(failure.cause, failure.error), retryable: true }
  }
}
