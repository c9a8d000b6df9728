/** How a handler failed, told apart as far as whoever runs it must, and how that ends its attempt. */
import { type AttemptEnd, failureOf } from "./attemptEnd.ts"

export type HandlerFailure =
  /** The task's `error` schema accepted it, or it was a `NonRetryable`, or the payload cannot be decoded. */
  | { readonly _tag: "Final"; readonly cause: unknown; readonly error?: unknown }
  /** Try again, as the task's retry says. */
  | { readonly _tag: "Retryable"; readonly cause: unknown; readonly error?: unknown }
  /** A dependency rejected the call without trying: hand the task back, the attempt is unspent. */
  | { readonly _tag: "Unavailable"; readonly cause: unknown; readonly retryAfter: number | undefined }

const tagOf = (error: unknown): unknown => typeof error === "object" && error !== null ? (error as { readonly _tag?: unknown })._tag : undefined

/** What a promise handler threw. By `_tag`: the error may come from another copy of the SDK, such as its CommonJS build. */
export const handlerFailureOf = (cause: unknown): HandlerFailure => {
  switch (tagOf(cause)) {
    case "NonRetryable":
    case "PayloadMigrationFailed":
    case "InvalidPayload": return { _tag: "Final", cause }
    case "BreakerOpenError": {
      const { retryAfter } = cause as { readonly retryAfter?: unknown }
      return { _tag: "Unavailable", cause, retryAfter: typeof retryAfter === "number" ? retryAfter : undefined }
    }
    default: return { _tag: "Retryable", cause }
  }
}

/** The end of the attempt whose handler failed so. */
export const endOfFailure = (failure: HandlerFailure): AttemptEnd => {
  switch (failure._tag) {
    case "Unavailable": return { _tag: "Unavailable", failure: failureOf(failure.cause), retryAfter: failure.retryAfter }
    case "Final": return { _tag: "Failed", failure: failureOf(failure.cause, failure.error), retryable: false }
    case "Retryable": return { _tag: "Failed", failure: failureOf(failure.cause, failure.error), retryable: true }
  }
}
