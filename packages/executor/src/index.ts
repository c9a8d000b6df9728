/** Runs durable tasks: claims them from any store, with leases, fences, retries, timeouts and a graceful drain. */
export * as AttemptEnd from "./AttemptEnd.ts"
export * as Executor from "./Executor.ts"
