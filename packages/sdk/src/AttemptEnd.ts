/** What becomes of a task when an attempt ends: one decision for everybody who has to make it. */
export { type AttemptEnd, type Claim, exhausted, failureOf, isExhausted, settle } from "./core/tasks/attemptEnd.ts"
export { endOfFailure } from "./core/tasks/handlerFailure.ts"
