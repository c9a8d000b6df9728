/**
 * What stands around every handler: tracing, logging, the tenant of a request. Middleware is a function from the claimed task
 * and its run to another run; it may look at the outcome, replace it, provide services, or not run the handler at all.
 */
import type * as Effect from "effect/Effect"
import type { TaskStore } from "@outrigger/sdk"

/**
 * One layer around the handler. `run` gives the encoded result and fails with the handler's own error. What middleware fails
 * with of its own is treated as if the handler had failed with it: retried, or, as a `Task.NonRetryable`, dead at once.
 * Timeouts, cancellations and drains interrupt it together with the handler.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Executor, type Middleware } from "@outrigger/executor"
 *
 * const logged: Middleware.Middleware = (task, run) => run.pipe(
 *   Effect.tapError((error) => Effect.logError("failed", error)),
 *   Effect.annotateLogs({ tenant: task.metadata?.["tenant"] ?? "none" })
 * )
 * const main = Executor.layer({ middleware: [logged] })
 */
export type Middleware = (task: TaskStore.ClaimedTask, run: Effect.Effect<unknown, unknown>) => Effect.Effect<unknown, unknown>

/** One of many: the first is the outermost. */
export const compose = (all: ReadonlyArray<Middleware>): Middleware => (task, run) =>
  all.reduceRight((inner, middleware) => middleware(task, inner), run)
