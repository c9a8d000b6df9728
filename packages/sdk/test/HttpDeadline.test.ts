import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as TestClock from "effect/testing/TestClock"
import { Deadline, Policy } from "@outrigger/sdk"
import * as HttpDeadline from "@outrigger/sdk/HttpDeadline"

/** Works for a moment, so that a whole millisecond is gone. */
const spend = Effect.sync(() => {
  const until = performance.now() + 2
  while (performance.now() < until);
})

const hops: Array<string | undefined> = []
/** `/3` asks `/2` of the same server, and so on; `/left` says what is left, as milliseconds. */
const routes = Layer.mergeAll(
  HttpRouter.add("GET", "/left", Effect.map(Deadline.left, (left) => HttpServerResponse.text(String(left)))),
  HttpRouter.add("GET", "/hop/:n", Effect.gen(function*() {
    const { n } = yield* HttpRouter.params
    const request = yield* HttpServerRequest.HttpServerRequest
    hops.push(request.headers["outrigger-timeout-ms"])
    yield* spend
    return HttpServerResponse.text(n === "0" ? "the end" : yield* ask(`http://${request.headers["host"]}/hop/${Number(n) - 1}`))
  })),
  HttpRouter.middleware(HttpDeadline.inherit({ max: "1 minute" }), { global: true })
)
const policy = Policy.make("hop", { timeout: "1 hour" })
const ask = (url: string, headers: Record<string, string> = {}) =>
  Effect.gen(function*() {
    const client = HttpDeadline.propagate(yield* HttpClient.HttpClient)
    return yield* policy.run(Effect.flatMap(client.get(url, { headers }), (response) => response.text))
  }).pipe(Effect.provide(FetchHttpClient.layer), Effect.orDie)

const onServer = <A, E>(body: (url: string) => Effect.Effect<A, E, HttpServer.HttpServer>) =>
  Effect.scoped(Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
    body("port" in address ? `http://127.0.0.1:${address.port}` : assert.fail("no port"))).pipe(
      Effect.provide(HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
        Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))))))

describe("a deadline over HTTP", () => {
  it.live("shrinks hop by hop", () => onServer((url) => Effect.gen(function*() {
    assert.strictEqual(yield* ask(`${url}/hop/2`).pipe(Deadline.within("30 seconds")), "the end")
    const millis = hops.map(Number)
    assert.isTrue(millis.length === 3 && millis[0]! <= 30_000 && millis[0]! > millis[1]! && millis[1]! > millis[2]! && millis[2]! > 0, String(hops))
  })))

  it.live("is read from the header, never longer than the server allows, and nonsense is ignored", () => onServer((url) => Effect.gen(function*() {
    const left = (header?: string) => Effect.flatMap(HttpClient.HttpClient, (client) =>
      client.get(`${url}/left`, { headers: header === undefined ? {} : { "Outrigger-Timeout-Ms": header } })).pipe(
        Effect.flatMap((response) => response.text), Effect.map(Number), Effect.provide(FetchHttpClient.layer))
    const about = (millis: number, expected: number) => assert.isTrue(millis <= expected && millis > expected - 1000, `${millis} is not about ${expected}`)
    about(yield* left("20000"), 20_000)
    about(yield* left("90000"), 60_000)
    about(yield* left("soon"), 60_000)
    about(yield* left(), 60_000)
    assert.strictEqual(yield* left("0"), 0)
  })))

  it.effect("is not sent where there is none, and counts on the clock at hand", () => Effect.gen(function*() {
    const sent: Array<string | undefined> = []
    const client = HttpDeadline.propagate(HttpClient.make((request) => Effect.sync(() => { sent.push(request.headers["outrigger-timeout-ms"]) }).pipe(Effect.andThen(Effect.never))))
    const get = Effect.forkChild(Effect.andThen(Effect.sleep(200), client.get("http://x")), { startImmediately: true })
    const fibers = [yield* get, yield* Deadline.within("1 second")(get), yield* Deadline.within(150)(get)]
    yield* TestClock.adjust(200)
    assert.deepStrictEqual(sent, [undefined, "800", "0"])
    yield* Fiber.interruptAll(fibers)
  }))
})

describe("a deadline", () => {
  it.effect("is what is left of the shortest around it", () => Effect.gen(function*() {
    assert.strictEqual(yield* Deadline.left, Infinity)
    const inner = Effect.andThen(Effect.sleep(30), Deadline.left)
    const fiber = yield* Effect.forkChild(Effect.all([
      Deadline.within(100)(Deadline.within(500)(inner)), Deadline.within(500)(Deadline.within(100)(inner)), Deadline.within(10)(inner)
    ], { concurrency: "unbounded" }))
    yield* TestClock.adjust(30)
    assert.deepStrictEqual(yield* Fiber.join(fiber), [70, 70, 0])
  }))

  it.effect("ends the policies inside, and says nothing of what they call", () => Effect.gen(function*() {
    const policy = Policy.make("bounded", { timeout: "5 seconds", breaker: { failures: 1 } })
    const fiber = yield* Effect.forkChild(Effect.flip(policy.run(Effect.never).pipe(Deadline.within(100))))
    yield* TestClock.adjust(100)
    assert.deepStrictEqual([(yield* Fiber.join(fiber))._tag, policy.state().breaker, yield* Clock.currentTimeMillis], ["CallTimeoutError", "closed", 100])
  }))
})
