/** What stands around every handler: tracing, logging, the tenant of a request. */
import type { HandlerContext, TaskHandler } from "./handler.ts"

/**
 * One layer around a handler. `next` runs what is inside, and gives its result or rejects with its own error; what the middleware
 * gives takes that result's place, and what it rejects with counts as the handler's failure. Not to call `next` is not to run it.
 *
 * @example
 * import { AsyncLocalStorage } from "node:async_hooks"
 * import { Task } from "@outrigger/sdk/promise"
 *
 * const tenant = new AsyncLocalStorage<string>()
 * export const middleware: ReadonlyArray<Task.Middleware> = [
 *   ({ metadata }, next) => tenant.run(metadata["tenant"] ?? "none", next)
 * ]
 */
export type Middleware = (context: HandlerContext, next: () => Promise<unknown>) => unknown

/** The handler with these around it; the first is the outermost. Throws a `TypeError` for what is no function. */
export const withMiddleware = (handler: TaskHandler, all: ReadonlyArray<Middleware>): TaskHandler => {
  for (const one of all) if (typeof one !== "function") throw new TypeError(`Middleware is ${String(one)}, but must be a function (context, next) => result`)
  const run = all.reduceRight<TaskHandler["run"]>(
    (inner, one) => async (payload, context, version) => one(context, async () => inner(payload, context, version)),
    (payload, context, version) => handler.run(payload, context, version)
  )
  return all.length === 0 ? handler : { ...handler, run }
}
