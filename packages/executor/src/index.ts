/** Runs durable tasks: claims them from any store, with leases, fences, retries, timeouts and a graceful drain. */
export { AttemptEnd } from "@outrigger/sdk"
export * as Executor from "./Executor.ts"
export * as Hooks from "./Hooks.ts"
export * as Middleware from "./Middleware.ts"
export * as Scheduler from "./Scheduler.ts"
