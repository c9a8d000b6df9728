/** The agent's HTTP side on a real server, over a store in memory. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { type TaskHandlers, TaskStore } from "@outrigger/sdk"
import { request as httpRequest } from "node:http"
import { connect } from "node:net"
import { AgentHealth } from "../../src/agent/health/AgentHealth.ts"
import { Hosts } from "../../src/agent/health/hosts.ts"
import { Definitions } from "../../src/agent/http/Definitions.ts"
import { type Front, openFront } from "../../src/agent/http/Front.ts"
import { makeHandler } from "../../src/agent/http/handler.ts"

type Definition = TaskHandlers.TaskHandler["definition"]

export const chargeOrder: Definition = TaskStore.defineTask("charge-order", {
  queue: "money",
  payloadSchema: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {
      orderId: { type: "string", minLength: 1 },
      items: { type: "array", items: { type: "object", properties: { price: { type: "number" } }, required: ["price"] } }
    },
    required: ["orderId"],
    additionalProperties: false
  }
})
/** Without a schema: whatever is JSON will do. */
export const anything: Definition = TaskStore.defineTask("anything", {})

export interface Bench {
  readonly url: string
  readonly front: Front
  readonly store: TaskStore.Service
  readonly health: AgentHealth
  readonly hosts: Hosts
  readonly lines: ReadonlyArray<string>
}

export const bench = (
  options: { readonly token?: string; readonly store?: (store: TaskStore.Service) => TaskStore.Service; readonly open?: boolean; readonly now?: () => number } = {}
): Effect.Effect<Bench, unknown, Scope.Scope> => Effect.gen(function*() {
  const lines: Array<string> = []
  const now = options.now ?? (() => performance.now())
  const memory = Context.get(yield* Layer.build(TaskStore.layerMemory), TaskStore.TaskStore)
  yield* memory.define([chargeOrder, anything])
  const store = options.store?.(memory) ?? memory
  const hosts = new Hosts(now)
  const health = yield* Effect.acquireRelease(
    Effect.sync(() => new AgentHealth({ hosts, log: (_, line) => lines.push(line) })),
    (health) => Effect.promise(() => health.close())
  )
  const bodyLimit = 1024 * 1024 + 64 * 1024
  const front = yield* openFront({ host: "127.0.0.1", port: 0, token: options.token, hosts: new Set(["outrigger.test"]), bodyLimit, probe: health.probe })
  if (options.open !== false) {
    const logger = Logger.make(({ cause, message }) => { lines.push(`${String(message)} ${String(cause)}`) })
    const handler = yield* makeHandler({ store, hosts, bodyLimit, definitions: new Definitions(store, now), report: () => health.current() }).pipe(
      Effect.provide(Logger.layer([logger]))
    )
    front.open(handler)
    health.enter("serving")
  }
  return { url: `http://127.0.0.1:${front.port}`, front, store, health, hosts, lines }
})

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
  readonly json: any
}

/** By `node:http`: `fetch` would not let a `Host` or a broken path through. */
export const ask = (
  url: string, method: string, path: string, options: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string } = {}
): Effect.Effect<Answer> =>
  Effect.promise(() => new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const { body, headers = {} } = options
    const type = body === undefined || "content-type" in headers ? {} : { "content-type": "application/json" }
    const asked = httpRequest({ hostname, port, method, path, headers: { ...type, ...headers }, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => { text += chunk }).on("end", () => {
        resolve({ status: response.statusCode!, headers: response.headers, text, json: text.startsWith("{") ? JSON.parse(text) : undefined })
      })
    })
    asked.on("error", reject)
    asked.end(body)
  }))

export const post = (url: string, path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  ask(url, "POST", path, { headers, body: typeof body === "string" ? body : JSON.stringify(body) })

/** Bytes as they are. */
export const raw = (url: string, bytes: string): Effect.Effect<string> =>
  Effect.promise(() => new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(bytes))
    let text = ""
    socket.setEncoding("utf8").on("data", (chunk: string) => { text += chunk }).on("close", () => resolve(text)).on("error", reject)
  }))
