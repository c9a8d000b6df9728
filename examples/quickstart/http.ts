/** Just enough of `node:http` for the processes of this example: a table of routes, JSON in, JSON out. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

export interface Asked {
  /** Of `:name` in the route's path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: IncomingMessage["headers"]
  readonly body: unknown
}

export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers a request, or hangs up on it. */
export type Route = (asked: Asked) => Promise<Answer | "hang up"> | Answer | "hang up"

/** An error that has an answer of its own; any other is a 500. */
export class HttpError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const bodyLimit = 64 * 1024

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  let text = ""
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk
    if (text.length > bodyLimit) throw new HttpError(413, "too large")
  }
  try {
    return text === "" ? undefined : JSON.parse(text)
  } catch {
    throw new HttpError(400, "not JSON")
  }
}

/** The values of `:name` segments, or undefined when the path is another. */
const match = (pattern: string, path: string): Record<string, string> | undefined => {
  const params: Record<string, string> = {}
  const [wanted, given] = [pattern.split("/"), path.split("/")]
  if (wanted.length !== given.length) return undefined
  for (const [at, segment] of wanted.entries()) {
    if (segment.startsWith(":")) params[segment.slice(1)] = decodeURIComponent(given[at]!)
    else if (segment !== given[at]) return undefined
  }
  return params
}

const answerTo = async (routes: ReadonlyMap<string, Route>, request: IncomingMessage): Promise<Answer | "hang up"> => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost")
  for (const [key, route] of routes) {
    const [method, pattern] = key.split(" ") as [string, string]
    const params = request.method === method ? match(pattern, pathname) : undefined
    if (params === undefined) continue
    return route({ params, query: searchParams, headers: request.headers, body: await readJson(request) })
  }
  return { status: 404, body: { error: "not found" } }
}

const explained = (error: unknown): Answer =>
  error instanceof HttpError
    ? { status: error.status, body: { error: error.message } }
    : { status: 500, body: { error: error instanceof Error ? error.message : String(error) } }

const send = (response: ServerResponse, answer: Answer | "hang up"): void => {
  if (answer === "hang up") return void response.destroy()
  const { body, headers, status } = answer
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))
}

/**
 * Serves `routes`, keyed like `"GET /orders/:id"`, on loopback, and says so on a line of its own. SIGTERM ends it: no new
 * requests, then `close`, then exit 0.
 */
export const serve = (name: string, port: number, routes: Readonly<Record<string, Route>>, close: () => Promise<unknown>): void => {
  const table = new Map(Object.entries(routes))
  const server = createServer((request, response) => {
    answerTo(table, request).catch(explained).then((answer) => send(response, answer))
  })
  server.listen(port, "127.0.0.1", () => console.log(`${name} is ready on http://127.0.0.1:${port}`))
  process.once("SIGTERM", () => {
    server.close()
    server.closeAllConnections()
    close().finally(() => process.exit(0))
  })
}
