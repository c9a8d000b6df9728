/** Everything behind the guard as one request listener: the API, its description, its reference, the page. */
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Authorization, SidecarApi } from "@outrigger/sdk/SidecarApi"
import { randomUUID } from "node:crypto"
import type { RequestListener } from "node:http"
import { type ApiParts, groups } from "./api.ts"
import { type PageParts, pageRoute } from "./page.ts"
import { type Problem, problemOfStatus, problemType } from "./problems.ts"

export interface HandlerParts extends ApiParts, PageParts {
  readonly bodyLimit: number
}

type Response = HttpServerResponse.HttpServerResponse

const respond = (problem: Problem): Response =>
  HttpServerResponse.jsonUnsafe(problem, { status: problem.status, contentType: problemType })

/** The whole cause goes to the log under an id; whoever asked gets the id alone. */
const internal = (cause: Cause.Cause<unknown>): Effect.Effect<Response> => {
  const id = randomUUID()
  return Effect.as(
    Effect.annotateLogs(Effect.logError("A request failed in the sidecar", cause), { error: id }),
    respond({ ...problemOfStatus(500, "The sidecar's log has the cause under this id"), instance: `urn:outrigger:error:${id}` })
  )
}

const failed = (cause: Cause.Cause<unknown>): Effect.Effect<Response> =>
  Cause.squash(cause) instanceof RangeError // the stack: the decoder follows a body as deep as it goes
    ? Effect.succeed(respond(problemOfStatus(400, "The body nests too deeply")))
    : Effect.flatMap(HttpServerError.causeResponse(cause), ([response, rest]) => {
      if (response.status >= 500 && response.status !== 503) return internal(rest)
      return Effect.succeed(toProblem(response))
    })

/** What has no body of ours yet: malformed JSON, a body over the limit. */
const toProblem = (response: Response): Response => {
  if (response.status < 400) return response
  const isProblem = (response.headers["content-type"] ?? "").startsWith(problemType)
  const problem = isProblem ? response : respond(problemOfStatus(response.status, response.status === 400 ? "The body is not valid JSON" : undefined))
  return problem.status === 503 ? HttpServerResponse.setHeader(problem, "retry-after", "1") : problem
}

/** The guard has asked for the token before; this keeps the definition's promise by the guard's word. */
const authorization = Layer.succeed(Authorization, Authorization.of({ bearer: (effect) => effect }))

/** Scalar is 3 MB of script from our own disk: read when somebody first opens the page. */
const docsRoute = HttpRouter.use((router) => Effect.gen(function*() {
  const docs = yield* Effect.cached(Effect.gen(function*() {
    const { layer } = yield* Effect.promise(() => import("effect/http-api/HttpApiScalar"))
    return yield* HttpRouter.toHttpEffect(layer(SidecarApi, { path: "/docs", scalar: { withDefaultFonts: false } }))
  }))
  const policy = "default-src 'self'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; frame-ancestors 'none'"
  yield* router.add("GET", "/docs", Effect.flatten(docs).pipe(Effect.map(HttpServerResponse.setHeader("content-security-policy", policy))))
}))

/** Builds the listener; what it runs is interrupted when the scope closes. */
export const makeHandler = (parts: HandlerParts): Effect.Effect<RequestListener, never, Scope.Scope> =>
  Effect.gen(function*() {
    const api = HttpApiBuilder.layer(SidecarApi, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide(groups(parts)),
      Layer.provide([authorization, HttpApiMiddleware.layerProblemDetails({ includeDetails: true })])
    )
    const routes = Layer.mergeAll(api, pageRoute(parts), docsRoute).pipe(Layer.provide(NodeHttpServer.layerHttpServices))
    const effect = yield* HttpRouter.toHttpEffect(routes)
    const scope = yield* Effect.scope
    return yield* NodeHttpServer.makeHandler(
      effect.pipe(
        Effect.map(toProblem),
        Effect.catchCause(failed),
        Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.fromInputUnsafe(parts.bodyLimit))
      ),
      { scope }
    )
  })
