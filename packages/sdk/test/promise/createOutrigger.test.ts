import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, assert, describe, it } from "vitest"
import { createOutrigger, InvalidOption, InvalidPayload, type Log, tagged, Task } from "@outrigger/sdk/promise"
import { caught, gate, hang, turn, virtual } from "../support/virtual.ts"

const anything = { "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) } } as const
const Charge = Task.make("charge", { payload: anything })

const closers: Array<() => unknown> = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const make = (options: { readonly url?: string } = {}) => {
  const { port, timers } = virtual()
  const lines: Array<string> = []
  const log: Log = (level, line) => lines.push(`${level}: ${line}`)
  const sidecar = options.url === undefined ? undefined : { url: options.url, token: "secret" }
  const outrigger = createOutrigger({ service: "shop", timers, log, sidecar })
  return { lines, outrigger, port }
}

interface Seen {
  readonly path: string
  readonly key: string | undefined
  readonly authorization: string | undefined
  readonly body: any
}

/** A real HTTP server that answers as it is told, and remembers what it was asked. */
const serve = async (answer: (seen: Seen, response: ServerResponse, count: number) => void) => {
  const seen: Array<Seen> = []
  const server = createServer(async (request: IncomingMessage, response) => {
    let text = ""
    for await (const chunk of request) text += String(chunk)
    const one = { path: request.url!, key: request.headers["idempotency-key"] as string | undefined, authorization: request.headers.authorization, body: text === "" ? undefined : JSON.parse(text) }
    seen.push(one)
    answer(one, response, seen.filter(({ path }) => path === one.path).length)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  closers.push(() => server.closeAllConnections(), () => server.close())
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(JSON.stringify(body))
}
const problem = (response: ServerResponse, status: number, slug: string, more: object = {}) =>
  json(response, status, { type: `urn:outrigger:problem:${slug}`, title: slug, status, ...more })

/** With the machine's own clock: what is tested is a real exchange. */
const live = (url: string, timeout = 600) => {
  const outrigger = createOutrigger({ service: "shop", log: () => {}, sidecar: { url, timeout, token: "secret" } })
  closers.push(() => outrigger.close())
  return outrigger
}

describe("enqueuing over HTTP", () => {
  it("hands the task over with its key and token, and gives the id", async () => {
    const { seen, url } = await serve((_, response) => json(response, 202, { id: "7", duplicate: false }))
    assert.strictEqual(await live(url, 30_000).enqueue(Charge, { n: 1 }, { idempotencyKey: "k", delay: "5 seconds", priority: 2 }), "7")
    const post = seen.find(({ path }) => path === "/v1/tasks/charge")!
    assert.deepInclude(post, { key: "k", authorization: "Bearer secret" })
    assert.deepInclude(post.body, { payload: { n: 1 } })
    assert.deepInclude(post.body.options, { delay: 5000, priority: 2, version: 1 })
  })

  it("repeats under one key while the sidecar is away, and ends with SidecarUnavailable, which carries that key", async () => {
    const { seen, url } = await serve((_, response) => problem(response, 503, "unavailable"))
    const error = await caught(live(url).enqueue(Charge, 1))
    const keys = new Set(seen.filter(({ path }) => path === "/v1/tasks/charge").map(({ key }) => key))
    assert.strictEqual(error._tag, "SidecarUnavailable")
    assert.isAbove(seen.length, 1)
    assert.deepStrictEqual([...keys], [error.idempotencyKey])
  })

  it("succeeds when the sidecar comes back meanwhile", async () => {
    const { url } = await serve((_, response, count) => count < 3 ? response.destroy() : json(response, 202, { id: "9", duplicate: false }))
    assert.strictEqual(await live(url, 5000).enqueue(Charge, 1), "9")
  })

  it("does not wait longer than its deadline for one that accepts and never answers", async () => {
    const { url } = await serve(() => {})
    assert.strictEqual((await caught(live(url, 150).enqueue(Charge, 1)))._tag, "SidecarUnavailable")
  })

  it("does not wait for one that is not there", async () => {
    const { server, url } = await serve(() => {})
    server.close()
    await once(server, "close")
    assert.match((await caught(live(url, 150).enqueue(Charge, 1))).message, /outrigger start/)
  })

  for (const [slug, status, tag] of [["unknown-task", 404, "UnknownTask"], ["idempotency-conflict", 409, "IdempotencyConflict"], ["payload-refused", 422, "InvalidPayload"], ["too-large", 413, "InvalidPayload"]] as const) {
    it(`says ${tag} at once on ${status}, and does not repeat`, async () => {
      const { seen, url } = await serve((_, response) => problem(response, status, slug, { errors: [{ path: ["n"], message: "wrong" }] }))
      assert.strictEqual((await caught(live(url, 30_000).enqueue(Charge, 1)))._tag, tag)
      assert.strictEqual(seen.filter(({ path }) => path.startsWith("/v1/tasks")).length, 1)
    })
  }

  it("takes nonsense for an answer as no answer", async () => {
    const { url } = await serve((_, response) => { response.end("<html>") })
    assert.strictEqual((await caught(live(url, 150).enqueue(Charge, 1)))._tag, "SidecarUnavailable")
  })

  it("refuses a payload that does not fit before anything is sent", async () => {
    const { seen, url } = await serve((_, response) => json(response, 202, {}))
    assert.strictEqual((await caught(live(url).enqueue(Charge, "x\u0000")))._tag, "InvalidPayload")
    assert.isEmpty(seen.filter(({ path }) => path.startsWith("/v1/tasks")))
  })

  it("waits for a result across a restart of the sidecar, and says what a dead task died of", async () => {
    const task = { id: "1", name: "charge", version: 1, queue: "default", priority: 5, payload: 1, attempt: 1, fence: "1", createdAt: "2026-01-01T00:00:00Z", runAt: "2026-01-01T00:00:00Z" }
    const ended = { ...task, finishedAt: "2026-01-01T00:00:01Z" }
    const { url } = await serve(({ path }, response, count) => {
      if (path === "/v1/tasks/charge") return json(response, 202, { id: "1", duplicate: false })
      if (path === "/v1/reports") return json(response, 200, { interval: 5000 })
      if (path === "/v1/tasks/1") return json(response, 200, { ...task, state: "running" })
      if (count === 1) return response.destroy()
      return json(response, 200, count === 2 ? { ...task, state: "running" } : { ...ended, state: "dead", error: { name: "Error", message: "no money" } })
    })
    assert.deepInclude(await caught(live(url).execute(Charge, 1)), { _tag: "TaskDead", id: "1" })
  })

  it("needs a sidecar, and says how to give it one", async () => {
    assert.match((await caught(make().outrigger.enqueue(Charge, 1))).message, /sidecar is left out, but must be given for enqueue/)
    assert.throws(() => createOutrigger({ service: "x", sidecar: { url: "nonsense" } }), InvalidOption)
    assert.throws(() => createOutrigger({ service: "" }), InvalidOption)
  })
})

describe("enqueueSql", () => {
  it("is one statement for any client, with the payload checked", () => {
    const { outrigger } = make()
    const { text, values } = outrigger.enqueueSql(Charge, { n: 1 }, { idempotencyKey: "k" })
    assert.strictEqual(text, "select outrigger.enqueue($1, $2::text::jsonb, $3::text::jsonb) as id")
    assert.deepStrictEqual([values[0], JSON.parse(values[1]!), JSON.parse(values[2]!).idempotencyKey], ["charge", { n: 1 }, "k"])
    const later = { "~standard": { version: 1, vendor: "own", validate: async (value: unknown) => ({ value }) } } as const
    assert.throws(() => outrigger.enqueueSql(Task.make("later", { payload: later }), 1), /use enqueue instead/)
  })

  it("has one statement for many, each checked before there is a statement", () => {
    const { outrigger } = make()
    const { text, values } = outrigger.enqueueManySql(Charge, [{ n: 1 }, undefined], { priority: 3 })
    assert.strictEqual(text, "select id from outrigger.enqueue_many($1::text::jsonb) id")
    const options = { version: 1, queue: "default", priority: 3, delay: 0 }
    assert.deepStrictEqual(values.map((value) => JSON.parse(value)), [[
      { name: "charge", payload: { n: 1 }, options }, { name: "charge", payload: null, options }
    ]])
    assert.throws(() => outrigger.enqueueManySql(Charge, [1, "\u0000"]), InvalidPayload)
    assert.deepStrictEqual(outrigger.enqueueManySql(Charge, []).values, ["[]"])
  })

  it("is handed to a template tag as the tag would have had it", () => {
    const tag = (strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>) => ({ strings: [...strings], raw: [...strings.raw], values })
    const [a, b] = ["x", "y"]
    assert.deepStrictEqual(tagged(tag, { text: "select f($1, $2) as id", values: [a, b] }), tag`select f(${a}, ${b}) as id`)
  })
})

describe("reports to the sidecar", () => {
  it("are sent in the background, with what grew since the last that arrived, and a last word", async () => {
    const { seen, url } = await serve((_, response, count) => count === 2 ? response.destroy() : json(response, 200, { interval: 1000 }))
    const { outrigger, port } = make({ url })
    const api = outrigger.api("github")
    const reported = async (count: number) => { while (seen.length < count) await turn() }
    await port.pass(0)
    await reported(1)
    await api.call(() => 1)
    for (let tries = 0; seen.length < 3 && tries < 1000; tries++) await port.pass(100)
    await reported(3)
    const closing = outrigger.close()
    await reported(4)
    await closing
    const [first, lost, third, last] = seen.map(({ body }) => body)
    assert.deepStrictEqual([first.sequence, lost.sequence, third.sequence, last.final], [1, 2, 3, true])
    assert.deepStrictEqual([first.service, first.instance === third.instance, lost.deltas], ["shop", true, third.deltas])
    assert.deepStrictEqual(third.deltas, { github: { calls: 1, successes: 1, attempts: 1 } })
    assert.strictEqual(third.report.status, "pass")
  })

  it("cost a call nothing when there is no sidecar, and one warning a minute", async () => {
    const { lines, outrigger, port } = make({ url: "http://127.0.0.1:9" })
    const api = outrigger.api("github")
    for (let second = 0; second < 130; second++) {
      await port.pass(1000)
      for (let moment = 0; moment < 5; moment++) await turn()
    }
    assert.strictEqual(await api.call(() => 1), 1)
    const warnings = lines.filter((line) => line.includes("sidecar cannot be reached"))
    assert.isTrue(warnings.length >= 1 && warnings.length <= 3, `${warnings.length} warnings in 130 seconds`)
  })
})

describe("checks", () => {
  it("run in the background, side by side, each with a hard timeout; health only reads", async () => {
    const { outrigger, port } = make()
    outrigger.check("slow", hang, { every: 1000, timeout: 300, criticality: "critical" })
    outrigger.check("disk", () => ({ status: "pass", observedValue: 7, observedUnit: "GB" }), { every: 1000 })
    outrigger.check("broken", () => { throw new Error("boom") }, { every: 1000 })
    outrigger.check("odd", () => "yes" as never, { every: 1000 })
    assert.strictEqual((await outrigger.health()).checks["slow:check"]![0]!.why, "it has not run yet")
    await port.pass(300)
    const { checks, status } = await outrigger.health()
    assert.strictEqual(status, "fail")
    assert.deepInclude(checks["slow:check"]![0], { status: "fail", why: "no answer within 300 ms" })
    assert.deepInclude(checks["disk:check"]![0], { status: "pass", observedValue: 7, observedUnit: "GB" })
    assert.deepInclude(checks["broken:check"]![0], { status: "fail", why: "boom" })
    assert.include(checks["odd:check"]![0]!.why!, "must give")
    await outrigger.close()
    assert.strictEqual(port.waiting.length, 0)
  })

  it("that hang are not started again on top of themselves", async () => {
    const { outrigger, port } = make()
    let started = 0
    outrigger.check("hung", () => { started++; return hang() }, { every: 100, timeout: 50 })
    await port.pass(1000)
    assert.deepStrictEqual([started, (await outrigger.health()).checks["hung:check"]![0]!.why], [1, "the check before has not ended yet"])
    await outrigger.close()
  })

  it("refuse options that make no sense", () => {
    const { outrigger } = make()
    assert.throws(() => outrigger.check("x", () => undefined as never, { every: "soon" as never }), /check x: every is "soon"/)
    assert.throws(() => outrigger.check("x", () => undefined as never, { failAfter: 0 }), /failAfter/)
  })

  it("concern readiness only where they say so", async () => {
    const { outrigger, port } = make()
    outrigger.check("shared", () => ({ status: "fail" }), { criticality: "critical" })
    await port.pass(0)
    assert.isTrue(outrigger.ready())
    outrigger.check("local", () => ({ status: "fail" }), { readiness: true })
    await port.pass(0)
    assert.isFalse(outrigger.ready())
    await outrigger.close()
  })
})

describe("a database", () => {
  it("of pg, of postgres, or of anything that can be pinged, shows its pool and its answers", async () => {
    const { lines, outrigger, port } = make()
    const pool = { totalCount: 3, idleCount: 1, waitingCount: 0, query: async (text: string) => text }
    const asked: Array<string> = []
    const main = outrigger.database("main", { pool })
    outrigger.database("tagged", { pool: async (strings: TemplateStringsArray) => asked.push(strings.raw.join("?")) })
    outrigger.database("down", { ping: () => Promise.reject(new Error("connect refused")) })
    await port.pass(0)
    assert.deepStrictEqual([main.stats(), asked], [{ total: 3, idle: 1, waiting: 0 }, ["select 1"]])
    Object.assign(pool, { waitingCount: 4 })
    await port.pass(10_000)
    const { checks, status } = await outrigger.health()
    assert.deepInclude(checks["main:pool"]![0], { status: "warn", observedValue: 4 })
    assert.deepInclude(checks["down:ping"]![0], { status: "fail", why: "connect refused" })
    assert.strictEqual(status, "fail")
    assert.isTrue(lines.includes("warn: Pool health: degraded"))
    await outrigger.close()
  })
})

describe("resources", () => {
  it("open once, after what they need, and close in reverse", async () => {
    const { lines, outrigger } = make()
    const order: Array<string> = []
    const resource = (name: string, needs: ReadonlyArray<string> = []) => outrigger.resource(name, {
      needs, open: async () => { order.push(`open ${name}`); return name }, close: () => order.push(`close ${name}`)
    })
    resource("main")
    const search = resource("search", ["main"])
    assert.deepStrictEqual(await Promise.all([search.get(), search.get()]), ["search", "search"])
    await Promise.all([outrigger.close(), outrigger.close()])
    assert.deepStrictEqual(order, ["open main", "open search", "close search", "close main"])
    assert.strictEqual(lines.filter((line) => line === "info: Session closed on shutdown").length, 2)
    assert.match((await caught(resource("late").get())).message, /closed/)
  })

  it("that fail to open may be asked again, and one that fails to close leaves the others alone", async () => {
    const { lines, outrigger } = make()
    let tries = 0
    let closed = false
    const flaky = outrigger.resource("flaky", { open: () => ++tries === 1 ? Promise.reject(new Error("not yet")) : tries, close: () => { closed = true } })
    const stubborn = outrigger.resource("stubborn", { open: () => 1, close: () => Promise.reject(new Error("no")) })
    await caught(flaky.get())
    assert.strictEqual(await flaky.get(), 2)
    await stubborn.get()
    await outrigger.close()
    assert.isTrue(closed && lines.some((line) => line.includes("stubborn failed to close: no")))
    assert.throws(() => outrigger.resource("x", { open: () => 1, needs: ["nobody"] }), /needs is "nobody"/)
  })
})

describe("background work", () => {
  it("runs again and again, never twice at once, logs what fails, and stops at the end", async () => {
    const { lines, outrigger, port } = make()
    const runs: Array<number> = []
    const first = gate<void>()
    let signal: AbortSignal | undefined
    outrigger.background("sweep", { every: 100 }, async (context) => {
      signal = context.signal
      runs.push(port.time)
      if (runs.length === 1) await first.promise
      if (runs.length === 2) throw new Error("boom")
    })
    await port.pass(500)
    assert.deepStrictEqual(runs, [0])
    first.resolve()
    await port.pass(250)
    assert.deepStrictEqual(runs, [0, 600, 700])
    assert.isTrue(lines.includes("warn: Background sweep failed: boom"))
    await outrigger.close()
    await port.pass(1000)
    assert.deepStrictEqual([runs.length, signal!.aborted, port.waiting.length], [3, true, 0])
  })

  it("does not hold the end for ever", async () => {
    const { outrigger, port } = make()
    outrigger.background("stuck", { every: 100 }, hang)
    const closing = outrigger.close()
    await port.pass(5000)
    await closing
  })
})

describe("an outrigger", () => {
  it("refuses options of an api that are none, and the same name with others", () => {
    const outrigger = createOutrigger({ service: "shop" })
    for (const nonsense of [null, "fast", 5]) {
      assert.throws(() => outrigger.api("github", nonsense as never), /^github: options is .*, but must be an object of options$/)
    }
    const github = outrigger.api("github", { timeout: 500 })
    assert.strictEqual(outrigger.api("github", { timeout: "500 millis" }), github)
    assert.throws(() => outrigger.api("github", { timeout: 501 }), /^github: name is "github", but must be new: an api of this name exists with other options/)
  })

  it("has a registry of its own: the same name may mean another thing in another", () => {
    const [a, b] = [make().outrigger, make().outrigger]
    a.api("x", { timeout: 1 })
    b.api("x", { timeout: 2 })
    assert.strictEqual(a.api("x", { timeout: 1 }), a.api("x", { timeout: "1 millis" }))
    assert.throws(() => a.api("x", { timeout: 2 }), /a api of this name exists|exists with other options/)
  })

  it("logs the lines that operators look for", async () => {
    const { lines, outrigger, port } = make()
    const api = outrigger.api("x", { retry: { times: 2, base: 10 }, breaker: { failures: 2 } })
    const error = caught(api.call(() => Promise.reject(new Error("boom"))))
    await port.pass(100)
    await error
    assert.deepStrictEqual(lines, ["warn: Retry attempt 2 of 3", "warn: Circuit breaker state=open"])
  })

  it("warns in health while a breaker is open, and says why", async () => {
    const { outrigger } = make()
    const api = outrigger.api("payments", { retry: false, breaker: { failures: 1 } })
    await caught(api.call(() => Promise.reject(new Error("connect refused"))))
    const { checks, status } = await outrigger.health()
    assert.strictEqual(status, "warn")
    assert.match(checks["payments:breaker"]![0]!.why!, /^breaker open since .*last failure: connect refused; tries again in/)
  })
})
