import { once } from "node:events"
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "vitest"
import { createOutrigger, deadlineFrom, deadlineHeaders, InvalidPolicyOption } from "../../src/promise/index.ts"
import { caught, hang } from "../support/virtual.ts"

/** Works for a moment, so that a whole millisecond is gone. */
const spend = (): void => {
  const until = performance.now() + 2
  while (performance.now() < until);
}

const listen = async (handle: (request: IncomingMessage) => Promise<string>): Promise<Server> => {
  const server = createServer((request, response) => {
    handle(request).then((text) => response.end(text), (error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return server
}
const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

describe("a deadline over HTTP", () => {
  it("shrinks hop by hop", async () => {
    const outrigger = createOutrigger({ service: "test" })
    const told: Array<string | undefined> = []
    const servers: Array<Server> = []
    const next = async (request: IncomingMessage, url: string | undefined): Promise<string> => {
      const deadline = deadlineFrom(request.headers)
      told.push(request.headers["outrigger-timeout-ms"] as string | undefined)
      spend()
      if (url === undefined) return "the end"
      return outrigger.api(url, { timeout: "1 hour", breaker: false }).call(async (context) =>
        (await fetch(url, { signal: context.signal, headers: deadlineHeaders(context) })).text(), { deadline })
    }
    let url: string | undefined
    for (let hop = 0; hop < 3; hop++) {
      const behind = url
      const server = await listen((request) => next(request, behind))
      servers.push(server)
      url = urlOf(server)
    }
    const entry = outrigger.api("entry", { timeout: "30 seconds" })
    assert.strictEqual(await entry.call(async (context) => (await fetch(url!, { headers: deadlineHeaders(context) })).text()), "the end")
    const millis = told.map(Number)
    assert.isTrue(millis[0]! <= 30_000 && millis[0]! > millis[1]! && millis[1]! > millis[2]! && millis[2]! > 0, String(told))
    for (const server of servers) server.close()
    await outrigger.close()
  })

  it("that is over before the server begins ends its calls at once; nonsense ends nothing", async () => {
    const outrigger = createOutrigger({ service: "test" })
    const server = await listen(async (request) => {
      const deadline = deadlineFrom(request.headers)
      const error = await Promise.race([caught(outrigger.api("stock").call(hang, { deadline })), new Promise((ok) => setImmediate(ok, undefined))])
      return (error as { readonly _tag: string } | undefined)?._tag ?? "waits"
    })
    const ask = async (headers: Record<string, string>) => (await fetch(urlOf(server), { headers })).text()
    assert.deepStrictEqual(
      [await ask({ "Outrigger-Timeout-Ms": "0" }), await ask({ "Outrigger-Timeout-Ms": "0, 0" }), await ask({})],
      ["CallTimeoutError", "waits", "waits"]
    )
    server.close()
    server.closeAllConnections()
    await outrigger.close()
  })

  it("is read from the headers of Fetch and of Node, and bounded by `max` with a header or without", () => {
    const left = (headers: Parameters<typeof deadlineFrom>[0], options?: Parameters<typeof deadlineFrom>[1]) => deadlineFrom(headers, options) - performance.now()
    const about = (millis: number, expected: number) => assert.isTrue(millis <= expected && millis > expected - 1000, `${millis} is not about ${expected}`)
    about(left(new Headers({ "Outrigger-Timeout-Ms": "60000" })), 60_000)
    about(left({ "outrigger-timeout-ms": "60000" }), 60_000)
    about(left({ "outrigger-timeout-ms": "60000" }, { max: "30 seconds" }), 30_000)
    about(left({}, { max: 30_000 }), 30_000)
    assert.deepStrictEqual([left({}), left(new Headers()), left({ get: "a header of this name" })], [Infinity, Infinity, Infinity])
  })

  it("is not sent where there is none, and never as less than nothing", () => {
    assert.deepStrictEqual(deadlineHeaders({ deadline: Infinity }), {})
    assert.deepStrictEqual(deadlineHeaders({ deadline: performance.now() - 5 }), { "outrigger-timeout-ms": "0" })
  })

  it("refuses a bound that makes no sense", () => {
    for (const max of [0, -1, "soon"]) assert.throws(() => deadlineFrom({}, { max: max as number }), InvalidPolicyOption)
  })
})
