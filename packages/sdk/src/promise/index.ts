/** Outrigger with promises: nothing of Effect, no dependency. The same engine as effects: `@outrigger/sdk`. */
export { Api, type CacheOptions, type Fallback } from "./Api.ts"
export type { CallOptions, Work } from "./call.ts"
export type { CheckFunction, CheckOptions } from "./Checks.ts"
export { createOutrigger, type Log, Outrigger, type OutriggerOptions } from "./createOutrigger.ts"
export type { Database, DatabaseClient, DatabaseOptions, PoolStats } from "./Database.ts"
export type { Resource, ResourceOptions } from "./Resources.ts"
export type { SidecarOptions } from "./Sidecar.ts"
export type { StandardSchema } from "./StandardSchema.ts"
export * as Task from "./Task.ts"
export * as Chaos from "./Chaos.ts"
export type { AttemptContext } from "../core/attempt.ts"
export type { CacheEntry } from "../core/cache.ts"
export type { Classify, Outcome } from "../core/classify.ts"
export type { DependencyState } from "../core/dependency.ts"
export type { DurationInput } from "../core/duration.ts"
export {
  BreakerOpenError, BulkheadFullError, CallTimeoutError, InvalidPolicyOption, RateLimitedError, type Rejected
} from "../core/errors.ts"
export type { Events } from "../core/events.ts"
export type { CheckEntry, CheckResult, Report, Status } from "../core/health.ts"
export type { Criticality, PolicyOptions } from "../core/options.ts"
export type { BreakerOptions } from "../core/options/breaker.ts"
export type { BulkheadOptions } from "../core/options/bulkhead.ts"
export type { HedgeOptions } from "../core/options/hedge.ts"
export { type BudgetOptions, type RetryOptions, retryPresets as Retry } from "../core/options/retry.ts"
export type { Statistics } from "../core/statistics.ts"
export type { TaskFailure, TaskId, TaskRecord, TaskState } from "../core/task.ts"
export {
  type EnqueueError, IdempotencyConflict, InvalidOption, InvalidPayload, NonRetryable, type PayloadIssue, SidecarUnavailable,
  StoreUnavailable, TaskCancelled, TaskDead, TaskNotFound, UnknownTask
} from "../core/taskErrors.ts"
