/** Deadlines over HTTP, for whatever client and server the host has. */
import { deadlineAfter, timeLeft, timeoutHeader } from "../core/time/deadline.ts"
import type { DurationInput } from "../core/time/duration.ts"
import { livePort } from "../core/time/live.ts"
import { Reader } from "../core/options/reader.ts"

/** The headers of a request as Fetch has them, or as Node has them: names in lower case. */
export type RequestHeaders = { get(name: string): string | null } | Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

export interface DeadlineFromOptions {
  /** No request is given longer, whatever it says, and if it says nothing; no bound unless said. */
  readonly max?: DurationInput | undefined
}

/**
 * The header that tells the callee how long its answer is waited for: `outrigger-timeout-ms`, whole milliseconds. Nothing where
 * the call has no deadline. Made for each attempt, as each has less time left.
 *
 * @example
 * import { createOutrigger, deadlineHeaders } from "@outrigger/sdk/promise"
 *
 * const stock = createOutrigger({ service: "shop" }).api("stock", { timeout: "2 seconds" })
 * const answer = await stock.call((context) =>
 *   fetch("http://stock.internal/items/7", { signal: context.signal, headers: { accept: "application/json", ...deadlineHeaders(context) } }))
 */
export const deadlineHeaders = (context: { readonly deadline: number }): Record<string, string> => {
  const left = timeLeft(context.deadline, livePort.now())
  return left === undefined ? {} : { [timeoutHeader]: left }
}

/**
 * The deadline that a request brought along, for `call(work, { deadline })`: on the monotonic clock (`performance.now()`), ms;
 * Infinity when it brought none, or nonsense. Take it when the request comes in: from then on it is a moment, not a duration.
 *
 * @example
 * import { createServer } from "node:http"
 * import { createOutrigger, deadlineFrom } from "@outrigger/sdk/promise"
 *
 * const stock = createOutrigger({ service: "shop" }).api("stock")
 * const server = createServer(async (request, response) => {
 *   const deadline = deadlineFrom(request.headers, { max: "10 seconds" })
 *   response.end(await stock.call(() => "7 left", { deadline }))
 * })
 */
export const deadlineFrom = (headers: RequestHeaders, options: DeadlineFromOptions = {}): number => {
  const max = options.max === undefined ? Infinity : new Reader("deadlineFrom").millis("max", options.max)
  const header = typeof headers["get"] === "function" ? headers["get"](timeoutHeader) : (headers as Readonly<Record<string, unknown>>)[timeoutHeader]
  return deadlineAfter(header, livePort.now(), max)
}
