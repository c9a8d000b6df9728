/** Every error over HTTP is `application/problem+json` (RFC 9457). */
import type { ServerResponse } from "node:http"

export const problemType = "application/problem+json"

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail?: string
  readonly instance?: string
}

/** `slug` names the kind for programs, `detail` says to people what to do. */
export const problem = (status: number, slug: string, title: string, detail?: string): Problem => ({
  type: `urn:outrigger:problem:${slug}`,
  title,
  status,
  ...(detail !== undefined && { detail })
})

export const sendProblem = (response: ServerResponse, body: Problem, headers: Readonly<Record<string, string>> = {}): void => {
  response.writeHead(body.status, { ...headers, "content-type": problemType })
  response.end(JSON.stringify(body))
}

/** What a bare status means, where whoever answered said no more. */
const known: Readonly<Record<number, readonly [slug: string, title: string]>> = {
  400: ["bad-request", "The request cannot be read"],
  404: ["not-found", "There is nothing here"],
  413: ["too-large", "The body is too large"],
  415: ["unsupported-media-type", "The body must be JSON"],
  503: ["unavailable", "The sidecar cannot do this now"]
}

export const problemOfStatus = (status: number, detail?: string): Problem => {
  const [slug, title] = known[status] ?? (status >= 500 ? ["internal", "Something went wrong in the sidecar"] : ["refused", "The request was refused"])
  return problem(status, slug, title, detail)
}
