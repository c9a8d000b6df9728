import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Task, Tasks, TaskStore } from "@outrigger/sdk"
import { createOutrigger } from "@outrigger/sdk/promise"
import { ask, type Answer, bench, post, raw } from "./support/agent.ts"

const isProblem = (answer: Answer, status: number, type?: string) => {
  assert.strictEqual(answer.status, status, answer.text)
  assert.strictEqual(answer.headers["content-type"], "application/problem+json")
  assert.strictEqual(answer.json.status, status)
  assert.isString(answer.json.title)
  if (type !== undefined) assert.strictEqual(answer.json.type, `urn:outrigger:problem:${type}`)
}
const order = { payload: { orderId: "A-17" } }

/** As a host with promises does it after its commit. */
const hint = (url: string) => Effect.promise(async () => {
  const outrigger = createOutrigger({ service: "shop", sidecar: { url }, log: () => {} })
  await outrigger.wake()
  await outrigger.close()
})

describe("enqueuing over HTTP", () => {
  it.live("answers 202 with where the task is", () => Effect.gen(function*() {
    const { url } = yield* bench()
    const answer = yield* post(url, "/v1/tasks/charge-order", order)
    assert.strictEqual(answer.status, 202, answer.text)
    assert.deepStrictEqual(answer.json, { id: "1", duplicate: false })
    assert.strictEqual(answer.headers["location"], "/v1/tasks/1")
    const task = yield* ask(url, "GET", "/v1/tasks/1")
    assert.strictEqual(task.json.state, "ready")
    assert.strictEqual(task.json.queue, "money")
    assert.deepStrictEqual(task.json.payload, order.payload)
  }))

  it.live("gives the same task for the same idempotency key, with 200, and refuses another payload under it", () => Effect.gen(function*() {
    const { url } = yield* bench()
    const key = { "idempotency-key": "k-1" }
    const first = yield* post(url, "/v1/tasks/charge-order", order, key)
    const second = yield* post(url, "/v1/tasks/charge-order", order, key)
    assert.deepStrictEqual([second.status, second.json], [200, { id: first.json.id, duplicate: true }])
    assert.strictEqual(second.headers["location"], `/v1/tasks/${first.json.id}`)
    isProblem(yield* post(url, "/v1/tasks/charge-order", { payload: { orderId: "other" } }, key), 409, "idempotency-conflict")
  }))

  it.live("refuses a task that no worker knows, and a version that none knows", () => Effect.gen(function*() {
    const { url } = yield* bench()
    isProblem(yield* post(url, "/v1/tasks/charge-ordr", order), 404, "unknown-task")
    isProblem(yield* post(url, "/v1/tasks/charge-order", { ...order, options: { version: 2 } }), 404, "unknown-task")
  }))

  it.live("wakes the workers for whoever enqueued by SQL, from each face", () => Effect.gen(function*() {
    let woken = 0
    const { url } = yield* bench({ store: (store) => ({ ...store, wake: Effect.sync(() => { woken++ }) }) })
    const answer = yield* ask(url, "POST", "/v1/wake")
    assert.deepStrictEqual([answer.status, answer.text], [204, ""])
    yield* hint(url)
    yield* Effect.provide(Tasks.Tasks.use((tasks) => tasks.wake), Tasks.layerSidecar({ url }))
    assert.strictEqual(woken, 3)
  }))

  it.live("is no failure for whoever only hints, when the store or the sidecar is away", () => Effect.gen(function*() {
    const { url } = yield* bench({ store: (store) => ({ ...store, wake: Effect.fail(new Task.StoreUnavailable("it is down", true)) }) })
    isProblem(yield* ask(url, "POST", "/v1/wake"), 503, "unavailable")
    yield* hint(url)
    yield* hint("http://127.0.0.1:1")
  }))

  it.live("learns of a task that is announced later", () => Effect.gen(function*() {
    let at = 0
    const { store, url } = yield* bench({ now: () => at })
    isProblem(yield* post(url, "/v1/tasks/late", order), 404)
    yield* store.define([TaskStore.defineTask("late", {})])
    at = 1001
    assert.strictEqual((yield* post(url, "/v1/tasks/late", order)).status, 202)
  }))

  const refused: ReadonlyArray<readonly [what: string, body: unknown, path: ReadonlyArray<string | number>]> = [
    ["a payload without a field that it needs", { payload: {} }, ["orderId"]],
    ["a payload with a field that nobody expects", { payload: { orderId: "1", extra: 1 } }, ["extra"]],
    ["a wrong type, deep inside", { payload: { orderId: "1", items: [{ price: 1 }, { price: "2" }] } }, ["items", 1, "price"]],
    ["a NUL character", { payload: { orderId: "a\u0000b" } }, ["orderId"]],
    ["half of a surrogate pair", { payload: { orderId: "a\ud800" } }, ["orderId"]],
    ["a negative delay", { ...order, options: { delay: -1 } }, ["options", "delay"]],
    ["a delay in words that mean nothing", { ...order, options: { delay: "soon" } }, ["options", "delay"]],
    ["a priority of 10", { ...order, options: { priority: 10 } }, ["options", "priority"]],
    ["a moment after the year 9999", { ...order, options: { runAt: "+010000-01-01T00:00:00Z" } }, ["options", "runAt"]],
    ["a moment that is none", { ...order, options: { runAt: "tomorrow" } }, ["options", "runAt"]],
    ["an empty unique key", { ...order, options: { uniqueKey: "" } }, ["options", "uniqueKey"]]
  ]
  it.live.each(refused)("refuses %s with its path, and enqueues nothing", ([, body, path]) => Effect.gen(function*() {
    const { store, url } = yield* bench()
    const answer = yield* post(url, "/v1/tasks/charge-order", body)
    isProblem(answer, 422, "payload-refused")
    assert.deepStrictEqual(answer.json.errors[0].path, path)
    assert.lengthOf((yield* store.list({ limit: 10 })).tasks, 0)
  }))

  it.live("takes a payload of a whole MiB, and refuses one byte more", () => Effect.gen(function*() {
    const { url } = yield* bench()
    const text = "x".repeat(TaskStore.payloadLimit - 2)
    assert.strictEqual((yield* post(url, "/v1/tasks/anything", { payload: text })).status, 202)
    const answer = yield* post(url, "/v1/tasks/anything", { payload: `${text}x` })
    isProblem(answer, 422, "payload-refused")
    assert.include(answer.json.detail, "over the limit of 1048576")
  }))

  it.live("refuses larger bodies with 413, whether their length is told or not", () => Effect.gen(function*() {
    const { url } = yield* bench()
    const body = JSON.stringify({ payload: "x".repeat(1_300_000) })
    const told = yield* post(url, "/v1/tasks/anything", body)
    isProblem(told, 413, "too-large")
    assert.include(told.json.detail, "At most") // before a byte of it was read
    const chunked = yield* raw(url, `POST /v1/tasks/anything HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)
    assert.match(chunked, /^HTTP\/1\.1 413 /)
    assert.include(chunked, "application/problem+json")
  }))

  const unreadable: ReadonlyArray<readonly [what: string, body: string | undefined]> = [
    ["malformed JSON", '{ "payload": '],
    ["no body", undefined],
    ["no payload", "{}"],
    ["something that is no object", "[1]"]
  ]
  it.live.each(unreadable)("answers 400 to %s", ([, body]) => Effect.gen(function*() {
    const { url } = yield* bench()
    isProblem(yield* ask(url, "POST", "/v1/tasks/charge-order", body === undefined ? {} : { body }), 400)
  }))

  it.live("refuses a payload that nests without end", () => Effect.gen(function*() {
    const { url } = yield* bench()
    const nested = (depth: number) => `{"payload":${"[".repeat(depth)}${"]".repeat(depth)}}`
    isProblem(yield* post(url, "/v1/tasks/anything", nested(202)), 422, "payload-refused")
    const deepest = yield* post(url, "/v1/tasks/anything", nested(400_000))
    assert.oneOf(deepest.status, [400, 422])
    isProblem(deepest, deepest.status)
  }))

  it.live("answers 415 to what is not JSON", () => Effect.gen(function*() {
    const { url } = yield* bench()
    isProblem(yield* post(url, "/v1/tasks/charge-order", "orderId=1", { "content-type": "application/x-www-form-urlencoded" }), 415, "unsupported-media-type")
  }))

  it.live("enqueues many, or none", () => Effect.gen(function*() {
    const { store, url } = yield* bench()
    const good = { name: "charge-order", ...order }
    const answer = yield* post(url, "/v1/tasks", { tasks: [good, { name: "anything", payload: null }] })
    assert.strictEqual(answer.status, 202, answer.text)
    assert.lengthOf(answer.json.tasks, 2)
    const bad = yield* post(url, "/v1/tasks", { tasks: [good, { name: "charge-order", payload: { orderId: 1 } }] })
    isProblem(bad, 422, "payload-refused")
    assert.deepStrictEqual(bad.json.errors[0].path, ["tasks", 1, "payload", "orderId"])
    assert.lengthOf((yield* store.list({ limit: 10 })).tasks, 2)
    assert.deepStrictEqual((yield* post(url, "/v1/tasks", { tasks: [] })).json, { tasks: [] })
  }))

  it.live("answers 503 while the store is away, and says when to come back", () => Effect.gen(function*() {
    const away = Effect.fail(new Task.StoreUnavailable("the database is away", true))
    const { url } = yield* bench({ store: (store) => ({ ...store, enqueue: () => away }) })
    const answer = yield* post(url, "/v1/tasks/charge-order", order)
    isProblem(answer, 503, "unavailable")
    assert.include(answer.json.detail, "the database is away")
    assert.strictEqual(answer.headers["retry-after"], "1")
  }))

  it.live("logs what went wrong inside under an id, and shows the id alone", () => Effect.gen(function*() {
    const { lines, url } = yield* bench({ store: (store) => ({ ...store, enqueue: () => Effect.die(new Error("the secret cause")) }) })
    const answer = yield* post(url, "/v1/tasks/charge-order", order)
    isProblem(answer, 500, "internal")
    assert.notInclude(answer.text, "secret")
    assert.match(answer.json.instance, /^urn:outrigger:error:[0-9a-f-]{36}$/)
    assert.isTrue(lines.some((line) => line.includes("the secret cause")), lines.join("\n"))
  }))
})

describe("tasks over HTTP", () => {
  it.live("answers a waiting client when the task is over", () => Effect.gen(function*() {
    const { store, url } = yield* bench()
    yield* post(url, "/v1/tasks/charge-order", order)
    const waiting = yield* Effect.forkChild(ask(url, "GET", "/v1/tasks/1?wait=30s"))
    const worker = yield* store.register({ name: "test", lease: 30_000 })
    const [task] = yield* store.claim({ worker, limit: 1, routes: [{ name: "charge-order", version: 1, queue: "money" }] })
    yield* store.settle(worker, [{ _tag: "Succeed", id: task!.id, fence: task!.fence, result: { paid: true } }])
    const answer = yield* Fiber.join(waiting)
    assert.strictEqual(answer.json.state, "succeeded")
    assert.deepStrictEqual(answer.json.result, { paid: true })
  }))

  it.live("shows a task as it is when the wait is over before it", () => Effect.gen(function*() {
    const { url } = yield* bench()
    yield* post(url, "/v1/tasks/charge-order", order)
    assert.strictEqual((yield* ask(url, "GET", "/v1/tasks/1?wait=10ms")).json.state, "ready")
    isProblem(yield* ask(url, "GET", "/v1/tasks/1?wait=soon"), 400)
  }))

  it.live("lists pages, newest first, and refuses filters that make no sense", () => Effect.gen(function*() {
    const { url } = yield* bench()
    for (let index = 0; index < 3; index++) yield* post(url, "/v1/tasks/charge-order", order)
    const first = yield* ask(url, "GET", "/v1/tasks?state=ready&queue=money&name=charge-order&limit=2")
    assert.deepStrictEqual(first.json.tasks.map((task: { id: string }) => task.id), ["3", "2"])
    const second = yield* ask(url, "GET", `/v1/tasks?limit=2&cursor=${first.json.cursor}`)
    assert.deepStrictEqual(second.json.tasks.map((task: { id: string }) => task.id), ["1"])
    assert.notProperty(second.json, "cursor")
    isProblem(yield* ask(url, "GET", "/v1/tasks?state=lost"), 400)
    isProblem(yield* ask(url, "GET", "/v1/tasks?limit=0"), 400)
    isProblem(yield* ask(url, "GET", "/v1/tasks?limit=501"), 400)
  }))

  it.live("cancels, and makes ready again", () => Effect.gen(function*() {
    const { url } = yield* bench()
    yield* post(url, "/v1/tasks/charge-order", order)
    assert.strictEqual((yield* ask(url, "POST", "/v1/tasks/1/cancel")).json.state, "cancelled")
    assert.strictEqual((yield* ask(url, "POST", "/v1/tasks/1/retry")).json.state, "ready")
  }))

  it.live.each(["99", "abc", "9".repeat(40), "-1"])("knows no task %s", (id) => Effect.gen(function*() {
    const { url } = yield* bench()
    isProblem(yield* ask(url, "GET", `/v1/tasks/${id}`), 404, "task-not-found")
    isProblem(yield* ask(url, "POST", `/v1/tasks/${id}/cancel`), 404, "task-not-found")
  }))

  it.live("tells the depth of the queues", () => Effect.gen(function*() {
    const { url } = yield* bench()
    yield* post(url, "/v1/tasks/charge-order", order)
    const answer = yield* ask(url, "GET", "/v1/queues")
    const money = answer.json.queues.find(({ queue }: { readonly queue: string }) => queue === "money")
    assert.deepInclude(money, { ready: 1, running: 0, estimated: false, limits: {} })
  }))

  it.live("retries the dead by what they died of", () => Effect.gen(function*() {
    const { store, url } = yield* bench()
    yield* post(url, "/v1/tasks/charge-order", order)
    const worker = yield* store.register({ name: "w", lease: 60_000 })
    const [{ fence, id } = { fence: "", id: "" }] = yield* store.claim({ worker, routes: [{ name: "charge-order", version: 1, queue: "money" }], limit: 1 })
    yield* store.settle(worker, [{ _tag: "Die", id, fence, failure: { name: "Refused", message: "no" } }])
    assert.deepStrictEqual((yield* post(url, "/v1/dead/retry", { error: "Other" })).json, { retried: 0 })
    assert.deepStrictEqual((yield* post(url, "/v1/dead/retry", { error: "Refused", finishedAfter: "2020-01-01T00:00:00Z" })).json, { retried: 1 })
    const refused = yield* post(url, "/v1/dead/retry", { finishedAfter: "yesterday" })
    isProblem(refused, 422, "payload-refused")
    assert.deepStrictEqual(refused.json.errors[0].path, ["finishedAfter"])
  }))

  it.live("pauses a queue, resumes it, and sets its limits", () => Effect.gen(function*() {
    const { store, url } = yield* bench()
    yield* post(url, "/v1/tasks/charge-order", order)
    const worker = yield* store.register({ name: "w", lease: 60_000 })
    const claim = store.claim({ worker, routes: [{ name: "charge-order", version: 1, queue: "money" }], limit: 1 })

    const paused = yield* post(url, "/v1/queues/money/pause", undefined)
    assert.isNumber(Date.parse(paused.json.pausedAt))
    assert.strictEqual((yield* claim).length, 0)
    const resumed = yield* post(url, "/v1/queues/money/resume", undefined)
    assert.isUndefined(resumed.json.pausedAt)
    assert.strictEqual((yield* claim).length, 1)

    const body = (limits: unknown) => ({ body: JSON.stringify({ limits }), headers: { "content-type": "application/json" } })
    const limited = yield* ask(url, "PATCH", "/v1/queues/money", body({ concurrency: 2, rateLimit: { limit: 10, per: 1000 } }))
    assert.deepStrictEqual(limited.json.limits, { concurrency: 2, rateLimit: { limit: 10, per: 1000 } })
    const refused = yield* ask(url, "PATCH", "/v1/queues/money", body({ concurrency: 0 }))
    isProblem(refused, 422, "payload-refused")
    assert.deepStrictEqual(refused.json.errors[0].path, ["limits", "concurrency"])
    assert.deepStrictEqual((yield* ask(url, "PATCH", "/v1/queues/money", body(null))).json.limits, {})
  }))

  it.live("knows no queue that nobody has announced", () => Effect.gen(function*() {
    const { url } = yield* bench()
    isProblem(yield* post(url, "/v1/queues/typo/pause", undefined), 404, "queue-not-found")
    isProblem(yield* post(url, "/v1/queues/typo/resume", undefined), 404, "queue-not-found")
  }))
})

describe("the front", () => {
  it.live("answers every wrong path and method with a problem", () => Effect.gen(function*() {
    const { url } = yield* bench()
    isProblem(yield* ask(url, "GET", "/v2/tasks"), 404)
    isProblem(yield* ask(url, "GET", "/v1/tasks/1/cancel/now"), 404)
    const wrong = yield* ask(url, "DELETE", "/v1/tasks/1")
    isProblem(wrong, 405, "method-not-allowed")
    assert.strictEqual(wrong.headers["allow"], "POST, GET, HEAD")
    isProblem(yield* ask(url, "POST", "/livez"), 405)
    isProblem(yield* ask(url, "OPTIONS", "/v1/tasks"), 405)
    isProblem(yield* ask(url, "POST", "/v1/tasks/1;a/cancel"), 400)
    isProblem(yield* ask(url, "POST", "/v1/tasks/1#/cancel"), 400)
    isProblem(yield* ask(url, "POST", "/v1/tasks/1/%63ancel"), 404)
    isProblem(yield* ask(url, "POST", "/V1/tasks/1/cancel"), 404)
    isProblem(yield* ask(url, "GET", "/v1/tasks/%00"), 400)
    isProblem(yield* ask(url, "GET", "/v1/tasks?name=%00"), 400)
    isProblem(yield* ask(url, "GET", "/v1/tasks/%E0%A4"), 400)
  }))

  it.live("answers what is not HTTP with a problem", () => Effect.gen(function*() {
    const { url } = yield* bench()
    assert.match(yield* raw(url, "HELO there\r\n\r\n"), /^HTTP\/1\.1 400 [^]*"status":400/)
    assert.match(yield* raw(url, `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 [^]*"status":431/)
  }))

  it.live("answers HEAD as GET, without the body", () => Effect.gen(function*() {
    const { url } = yield* bench()
    for (const path of ["/livez", "/v1/queues"] as const) {
      const answer = yield* ask(url, "HEAD", path)
      assert.deepStrictEqual([answer.status, answer.text], [200, ""])
    }
  }))

  it.live("refuses a foreign host, and knows its own names", () => Effect.gen(function*() {
    const { url } = yield* bench()
    for (const host of ["evil.example:7700", "127.0.0.1.nip.io", "localhost.evil.example", "a@localhost", "outrigger.test."]) {
      isProblem(yield* ask(url, "GET", "/livez", { headers: { host } }), 421, "foreign-host")
    }
    for (const host of ["localhost", "127.0.0.1:9", "[::1]:7700", "outrigger.test", "OUTRIGGER.test:80", "10.1.2.3"]) {
      assert.strictEqual((yield* ask(url, "GET", "/livez", { headers: { host } })).status, 200, host)
    }
  }))

  it.live("refuses pages of other origins, on loopback too", () => Effect.gen(function*() {
    const { url } = yield* bench()
    const host = new URL(url).host
    for (const origin of ["https://evil.example", "http://127.0.0.1:1", "null", `${url}.evil.example`]) {
      isProblem(yield* post(url, "/v1/tasks/charge-order", order, { origin }), 403, "foreign-origin")
    }
    isProblem(yield* ask(url, "GET", "/v1/tasks", { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" } }), 403)
    isProblem(yield* post(url, "/v1/tasks/charge-order", order, { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate" }), 403)
    assert.strictEqual((yield* ask(url, "GET", "/", { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" } })).status, 200)
    const own = yield* post(url, "/v1/tasks/charge-order", order, { origin: `http://${host}` })
    assert.strictEqual(own.status, 202)
    assert.notProperty(own.headers, "access-control-allow-origin")
  }))

  it.live("asks for the token everywhere but at the probes, whatever the spelling of the path", () => Effect.gen(function*() {
    const { url } = yield* bench({ token: "s3cret" })
    const wanting = ["/", "/docs", "/openapi.json", "/v1/tasks", "/v1/queues", "/v1/tasks/1?/livez", "/v1/livez/..", "/%2Flivez", "//livez", "/livez/", "/LIVEZ", "/nothing"]
    for (const path of wanting) {
      const answer = yield* ask(url, "GET", path)
      isProblem(answer, 401, "unauthorized")
      assert.strictEqual(answer.headers["www-authenticate"], "Bearer")
    }
    isProblem(yield* ask(url, "POST", "/livez"), 401)
    isProblem(yield* post(url, "/v1/reports", {}), 401)
    for (const authorization of ["Bearer wrong", "Bearer", "Bearer s3cret x", "s3cret", "Basic s3cret", "Bearer s3cre"]) {
      isProblem(yield* ask(url, "GET", "/v1/queues", { headers: { authorization } }), 401)
    }
    for (const authorization of ["Bearer s3cret", "bearer s3cret"]) {
      assert.strictEqual((yield* ask(url, "GET", "/v1/queues", { headers: { authorization } })).status, 200)
    }
    for (const path of ["/livez", "/livez?x=1", "/readyz", "/startupz", "/health"]) {
      assert.strictEqual((yield* ask(url, "GET", path)).status, 200, path)
    }
  }))

  it.live("tells whoever has no token the status alone", () => Effect.gen(function*() {
    const { url } = yield* bench({ token: "s3cret" })
    assert.deepStrictEqual((yield* ask(url, "GET", "/health")).json, { status: "pass" })
    const full = yield* ask(url, "GET", "/health", { headers: { authorization: "Bearer s3cret" } })
    assert.property(full.json, "checks")
  }))

  it.live("answers the probes before there is anything else, and the API with 503", () => Effect.gen(function*() {
    const { url } = yield* bench({ open: false })
    assert.strictEqual((yield* ask(url, "GET", "/livez")).status, 200)
    assert.strictEqual((yield* ask(url, "GET", "/startupz")).status, 503)
    const ready = yield* ask(url, "GET", "/readyz")
    assert.deepStrictEqual([ready.status, ready.json.output], [503, "starting: the agent starts"])
    const health = yield* ask(url, "GET", "/health")
    assert.deepStrictEqual([health.status, health.json.status], [200, "warn"])
    assert.strictEqual(health.headers["content-type"], "application/health+json")
    assert.strictEqual(health.headers["cache-control"], "no-store")
    const api = yield* post(url, "/v1/tasks/charge-order", order)
    isProblem(api, 503, "unavailable")
    assert.strictEqual(api.headers["retry-after"], "1")
  }))

  it.live("serves its description, its reference and its page from its own disk", () => Effect.gen(function*() {
    const { store, url } = yield* bench()
    yield* store.enqueue([{ name: "anything", version: 1, queue: "default", payload: 1, priority: 5, delay: 0 }])
    const openapi = yield* ask(url, "GET", "/openapi.json")
    assert.property(openapi.json.paths, "/v1/tasks/{name}")
    const docs = yield* ask(url, "GET", "/docs")
    assert.strictEqual(docs.status, 200)
    assert.notMatch(docs.text.slice(0, 3000), /<(?:script|link)[^>]+(?:src|href)="https?:/)
    const page = yield* ask(url, "GET", "/")
    assert.strictEqual(page.headers["content-type"], "text/html; charset=utf-8")
    assert.include(String(page.headers["content-security-policy"]), "default-src 'none'")
    assert.include(page.text, "anything")
  }))
})
