/**
 * Who may ask what: decided from the request's head alone, before anything reads a body.
 *
 * Loopback is no identity. A web page in a developer's browser reaches loopback too, so a foreign `Host` (DNS rebinding) or a
 * foreign `Origin` is refused everywhere; forwarded headers are not believed.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { isIP } from "node:net"
import { matchRoute, type Route } from "./routes.ts"
import { problem, type Problem, problemOfStatus } from "./problems.ts"

export interface GuardSettings {
  /** Names by which this agent may be called, beside `localhost` and IP addresses. */
  readonly hosts: ReadonlySet<string>
  readonly token: string | undefined
  /** Bytes that a body may have. */
  readonly bodyLimit: number
}

/** What the guard looks at. Header names are lower case. */
export interface RequestHead {
  readonly method: string | undefined
  /** Path and query as they came. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
}

export type Admission =
  | { readonly _tag: "Admitted"; readonly route: Route; readonly path: string; readonly authorized: boolean }
  | { readonly _tag: "Refused"; readonly problem: Problem; readonly headers: Readonly<Record<string, string>> }

const refused = (problem: Problem, headers: Readonly<Record<string, string>> = {}): Admission => ({ _tag: "Refused", problem, headers })

const header = ({ headers }: RequestHead, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === "string" ? value : value?.[0]
}

/** Without port and brackets, lower case; undefined when it is no host. */
const hostName = (host: string): string | undefined => {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]@/\\?#\s]+))(?::\d{1,5})?$/i.exec(host) ?? []
  return (bracketed ?? plain)?.toLowerCase()
}

/** An address cannot be rebound to another machine by a DNS answer; a name can. */
const isOurHost = (host: string, { hosts }: GuardSettings): boolean => {
  const name = hostName(host)
  return name !== undefined && (isIP(name) !== 0 || name === "localhost" || hosts.has(name))
}

const isOurOrigin = (origin: string, host: string): boolean => origin === `http://${host}` || origin === `https://${host}`

/** A browser says where a request comes from, also where it sends no `Origin`; following a link is harmless. */
const isForeignFetch = (head: RequestHead): boolean => {
  const site = header(head, "sec-fetch-site")
  if (site !== "cross-site" && site !== "same-site") return false
  return !(head.method === "GET" && header(head, "sec-fetch-mode") === "navigate")
}

const digest = (text: string) => createHash("sha256").update(text).digest()

/** In constant time: both sides are hashed to one length first. */
export const isToken = (token: string, given: string): boolean => timingSafeEqual(digest(token), digest(given))

const isAuthorized = (head: RequestHead, { token }: GuardSettings): boolean => {
  if (token === undefined) return true
  const [, given] = /^bearer +(\S+) *$/i.exec(header(head, "authorization") ?? "") ?? []
  return given !== undefined && isToken(token, given)
}

const hasBody = (head: RequestHead): boolean => {
  const length = header(head, "content-length")
  return header(head, "transfer-encoding") !== undefined || (length !== undefined && length !== "0")
}

const jsonType = /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i

const refuseBody = (head: RequestHead, { bodyLimit }: GuardSettings): Admission | undefined => {
  if (!hasBody(head)) return undefined
  if (Number(header(head, "content-length") ?? 0) > bodyLimit) {
    return refused(problemOfStatus(413, `At most ${bodyLimit} bytes: store large data elsewhere and enqueue a reference`), { connection: "close" })
  }
  const type = header(head, "content-type")
  return type === undefined || jsonType.test(type)
    ? undefined
    : refused(problemOfStatus(415, 'Send JSON, with the header "content-type: application/json"'))
}

/** Some routers take `;` and `#` for the end of a path: refused, lest the guard and the router see two different ones. */
const isReadable = (target: string, path: string): boolean => {
  try {
    return !/[;#\\]/.test(path) && !decodeURIComponent(target).includes("\u0000")
  } catch {
    return false
  }
}

/** The first thing that speaks against the request, or the route it may have. */
export const admit = (head: RequestHead, settings: GuardSettings): Admission => {
  const host = header(head, "host") ?? ""
  if (!isOurHost(host, settings)) {
    return refused(problem(421, "foreign-host", "This sidecar does not go by that name", "Call it by its address, or start it with --allow-host NAME"))
  }
  const origin = header(head, "origin")
  if ((origin !== undefined && !isOurOrigin(origin, host)) || isForeignFetch(head)) {
    return refused(problem(403, "foreign-origin", "Web pages of other origins may not call the sidecar", "Call it from your server instead"))
  }
  const authorized = isAuthorized(head, settings)
  const path = head.target.split("?", 1)[0]!
  const match = matchRoute(head.method, path)
  // Before anything tells whether a path exists.
  if (!authorized && !(match._tag === "Found" && match.route.right === "open")) {
    return refused(
      problem(401, "unauthorized", "A valid token is needed", 'Send the header "authorization: Bearer TOKEN" with the token that the sidecar was started with'),
      { "www-authenticate": "Bearer" }
    )
  }
  if (!isReadable(head.target, path)) {
    return refused(problemOfStatus(400, "The path or the query is not valid: a percent sign is astray, or it holds ';', '#', a backslash or a NUL character"))
  }
  if (match._tag === "NotFound") return refused(problemOfStatus(404, "GET /docs shows what there is"))
  if (match._tag === "WrongMethod") {
    return refused(problem(405, "method-not-allowed", "This path does not take that method", `It takes ${match.allow.join(", ")}`), { allow: match.allow.join(", ") })
  }
  return refuseBody(head, settings) ?? { _tag: "Admitted", route: match.route, path, authorized }
}
