/**
 * The agent's HTTP server: the first thing that starts and, but for the database, the last that stops.
 *
 * It guards every request, answers the probes from memory, and hands the rest to the API once there is one; until then, and
 * from the moment it closes, the API's routes answer 503. A probe thus needs nothing but this file's few objects.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { admit, type GuardSettings } from "./guard.ts"
import { problem, problemOfStatus, problemType, sendProblem } from "./problems.ts"

/** What a probe says. */
export interface ProbeAnswer {
  readonly status: number
  readonly body: { readonly status: string; readonly output?: string }
}

/** From memory, at once. `authorized` is false for whoever lacks the token and may know the status alone. */
export type Probe = (path: string, authorized: boolean) => Promise<ProbeAnswer>

export interface FrontOptions extends GuardSettings {
  readonly host: string
  readonly port: number
  readonly probe: Probe
}

/** The address cannot be listened on. */
export class ListenError extends Data.TaggedError("ListenError")<{ readonly message: string; readonly cause: unknown }> {}

export interface Front {
  readonly port: number
  /** From now on this answers what the guard admits. */
  readonly open: (api: RequestListener) => void
  /** Takes no new request, gives those at work `grace` ms, then cuts them off. May be called twice. */
  readonly close: (grace: number) => Promise<void>
}

const listenError = (cause: NodeJS.ErrnoException, { host, port }: FrontOptions): ListenError => {
  const messages: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} on ${host} is in use by another process: stop it, or choose another port with --port`,
    EACCES: `Port ${port} on ${host} may not be opened by this account: choose one above 1023 with --port`,
    EADDRNOTAVAIL: `This machine has no address ${host}: choose another with --host`,
    ENOTFOUND: `There is no host ${host}: choose another with --host`
  }
  return new ListenError({ message: messages[cause.code ?? ""] ?? `Cannot listen on ${host}:${port}: ${cause.message}`, cause })
}

class HttpFront implements Front {
  port = 0
  private readonly options: FrontOptions
  private readonly server: Server
  private api: RequestListener | undefined
  private closing: Promise<void> | undefined

  constructor(options: FrontOptions) {
    this.options = options
    this.server = createServer({ headersTimeout: 10_000, requestTimeout: 60_000 }, (request, response) => this.answer(request, response))
    this.server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuseMalformed(error, socket))
  }

  async listen(): Promise<void> {
    const { host, port } = this.options
    this.server.listen({ host, port })
    await once(this.server, "listening")
    this.port = (this.server.address() as AddressInfo).port
  }

  open(api: RequestListener): void {
    this.api = api
  }

  close(grace: number): Promise<void> {
    return this.closing ??= new Promise((resolve) => {
      this.api = undefined
      const cut = setTimeout(() => this.server.closeAllConnections(), grace)
      this.server.close(() => {
        clearTimeout(cut)
        resolve()
      })
      this.server.closeIdleConnections()
    })
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader("cache-control", "no-store")
    response.setHeader("x-content-type-options", "nosniff")
    const admission = admit({ method: request.method, target: request.url ?? "/", headers: request.headers }, this.options)
    if (admission._tag === "Refused") return sendProblem(response, admission.problem, admission.headers)
    if (admission.route.right === "open") {
      // A probe must not be what ends the agent, whatever goes wrong in it.
      return void this.sendProbe(response, admission.path, admission.authorized).catch(() => sendProblem(response, problemOfStatus(500)))
    }
    if (request.method === "HEAD") request.method = "GET" // Node leaves the body out
    if (this.api !== undefined) return void this.api(request, response)
    const title = this.closing === undefined ? "The sidecar is starting" : "The sidecar is stopping"
    sendProblem(response, problem(503, "unavailable", title, "Repeat the request with the same idempotency key"), { "retry-after": "1" })
  }

  private async sendProbe(response: ServerResponse, path: string, authorized: boolean): Promise<void> {
    const { body, status } = await this.options.probe(path, authorized)
    response.writeHead(status, { "content-type": "application/health+json" })
    response.end(JSON.stringify(body))
  }
}

/** What is not even HTTP, or has a head beyond all measure, still gets a problem. */
const refuseMalformed = (error: NodeJS.ErrnoException, socket: Socket): void => {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy()
  const tooLarge = error.code === "HPE_HEADER_OVERFLOW"
  const [line, body] = tooLarge
    ? ["431 Request Header Fields Too Large", problem(431, "header-too-large", "The head of the request is too large")]
    : ["400 Bad Request", problemOfStatus(400)]
  const text = JSON.stringify(body)
  socket.end(`HTTP/1.1 ${line}\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`)
}

/** Listens until the scope closes. */
export const openFront = (options: FrontOptions): Effect.Effect<Front, ListenError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const front = new HttpFront(options)
        await front.listen()
        return front
      },
      catch: (cause) => listenError(cause as NodeJS.ErrnoException, options)
    }),
    (front) => Effect.promise(() => front.close(0))
  )
