/**
 * Deadlines over HTTP: `outrigger-timeout-ms`, whole milliseconds left. Its own door, `@outrigger/sdk/HttpDeadline`: the HTTP
 * modules of Effect, some 50 ms of start, are for those who use them.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { deadlineAfter, timeLeft, timeoutHeader } from "./core/time/deadline.ts"
import { Deadline, timersOf } from "./internal/effectCall.ts"

/**
 * A client that tells its servers how long their answer is waited for. Where there is no deadline, it says nothing.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as HttpClient from "effect/http/HttpClient"
 * import { Api } from "@outrigger/sdk"
 * import * as HttpDeadline from "@outrigger/sdk/HttpDeadline"
 *
 * class Stock extends Api.Service<Stock>()("stock", { timeout: "2 seconds" }) {}
 *
 * const item = Effect.gen(function*() {
 *   const client = HttpDeadline.propagate(yield* HttpClient.HttpClient)
 *   return yield* Stock.call("item", client.get("http://stock.internal/items/7"))
 * })
 */
export const propagate = <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> =>
  HttpClient.mapRequestEffect(client, (request) => Effect.withFiber((fiber) => {
    const left = timeLeft(fiber.getRef(Deadline), timersOf(fiber.getRef(Clock.Clock), fiber.context).port.now())
    return Effect.succeed(left === undefined ? request : HttpClientRequest.setHeader(request, timeoutHeader, left))
  }))

export interface InheritOptions {
  /** No request is given longer, whatever it says, and if it says nothing; no bound unless said. */
  readonly max?: Duration.Input | undefined
}

/**
 * Middleware of a server: what handles a request has the deadline that the request brought along. It bounds the calls of
 * policies and databases inside; nonsense in the header is ignored.
 *
 * @example
 * import * as Layer from "effect/Layer"
 * import * as HttpRouter from "effect/http/HttpRouter"
 * import * as HttpServerResponse from "effect/http/HttpServerResponse"
 * import * as HttpDeadline from "@outrigger/sdk/HttpDeadline"
 *
 * const routes = Layer.mergeAll(
 *   HttpRouter.add("GET", "/items", HttpServerResponse.text("7 left")),
 *   HttpRouter.middleware(HttpDeadline.inherit({ max: "10 seconds" }), { global: true })
 * )
 */
export const inherit = (options: InheritOptions = {}) => {
  const max = options.max === undefined ? Infinity : Duration.toMillis(Duration.fromInputUnsafe(options.max))
  return <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.withFiber<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest.HttpServerRequest>((fiber) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
        const { port } = timersOf(fiber.getRef(Clock.Clock), fiber.context)
        const deadline = deadlineAfter(headers[timeoutHeader], port.now(), max)
        return Effect.provideService(handler, Deadline, Math.min(deadline, fiber.getRef(Deadline)))
      }))
}
