import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ScheduleStore, Task, type TaskStore } from "@outrigger/sdk"
import { ask, bench } from "./support/agent.ts"

const rule = ScheduleStore.readRule("nightly", "charge-order", { cron: "0 3 * * *", timeZone: "Europe/Paris" })
const task: TaskStore.NewTask = { name: "charge-order", version: 1, queue: "money", payload: { orderId: "A-17" }, priority: 5, delay: 0 }

/** An agent whose store has one schedule. */
const scheduled = (options: Parameters<typeof bench>[0] = {}) => Effect.tap(bench(options), ({ store }) =>
  store.schedules.declare([{ name: "nightly", rule, task }, { name: "often", rule: ScheduleStore.readRule("often", "charge-order", { every: "5 minutes", catchUp: "all" }), task }]))
const change = (url: string, body: unknown, name = "nightly") => ask(url, "PATCH", `/v1/schedules/${name}`, { body: JSON.stringify(body) })

describe("schedules over HTTP", () => {
  it.live("are listed with their rule, their next slot, and what they enqueue", () => Effect.gen(function*() {
    const { url } = yield* scheduled()
    const { json, status } = yield* ask(url, "GET", "/v1/schedules")
    assert.strictEqual(status, 200)
    const [nightly, often] = json.schedules
    const { declaredAt, nextSlot, ...rest } = nightly
    assert.deepStrictEqual(rest, {
      name: "nightly", task: "charge-order", version: 1, queue: "money", payload: { orderId: "A-17" }, cron: "0 3 * * *", timeZone: "Europe/Paris",
      catchUp: "one", paused: false, orphaned: false, changed: false
    })
    assert.match(nextSlot, /^\d{4}-\d\d-\d\dT0[12]:00:00\.000Z$/)
    assert.isAtMost(Date.parse(declaredAt), Date.now())
    assert.deepInclude(often, { every: 300_000, catchUp: "all" })
    assert.deepStrictEqual((yield* ask(url, "GET", "/v1/schedules/nightly")).json, nightly)
  }))

  it.live("are paused, resumed, changed and removed", () => Effect.gen(function*() {
    const { url } = yield* scheduled()
    assert.isTrue((yield* ask(url, "POST", "/v1/schedules/nightly/pause")).json.paused)
    assert.isFalse((yield* ask(url, "POST", "/v1/schedules/nightly/resume")).json.paused)
    assert.deepInclude((yield* change(url, { cron: "0 4 * * *", catchUp: "skip" })).json, { cron: "0 4 * * *", timeZone: "Europe/Paris", catchUp: "skip", changed: true })
    const interval = (yield* change(url, { every: "90 seconds" })).json
    assert.deepInclude(interval, { every: 90_000, changed: true })
    assert.notProperty(interval, "cron")
    assert.deepInclude((yield* change(url, { every: 5000 })).json, { every: 5000 })
    const removed = yield* ask(url, "DELETE", "/v1/schedules/nightly")
    assert.deepStrictEqual([removed.status, removed.text], [204, ""])
    assert.deepStrictEqual((yield* ask(url, "GET", "/v1/schedules")).json.schedules.map(({ name }: { readonly name: string }) => name), ["often"])
    assert.strictEqual((yield* ask(url, "POST", "/v1/schedules/nightly/resume")).status, 200)
  }))

  const refused: ReadonlyArray<readonly [what: string, body: unknown, path: ReadonlyArray<string>, detail: string]> = [
    ["an expression that is wrong", { cron: "0 25 * * *" }, ["cron"], 'the hour "25" must be from 0 to 23'],
    ["one that never fires", { cron: "0 0 30 2 *" }, ["cron"], "no month that it names has such a day"],
    ["a zone that is none", { timeZone: "Mars/Olympus" }, ["timeZone"], "must be an IANA time zone"],
    ["an interval that is too short", { every: "10 millis" }, ["every"], 'every is "10 millis", but must be a duration from "1 second"'],
    ["both at once", { cron: "@daily", every: 5000 }, ["cron"], "left out where every is given"],
    ["nothing", {}, [], "There is nothing to change"],
    ["what is not there", { crom: "@daily" }, [], "There is nothing to change"]
  ]
  it.live.each(refused)("refuse a change to %s with the reason, and stay as they were", ([, body, path, detail]) => Effect.gen(function*() {
    const { url } = yield* scheduled()
    const before = (yield* ask(url, "GET", "/v1/schedules/nightly")).json
    const answer = yield* change(url, body)
    assert.deepInclude(answer.json, { status: 422, type: "urn:outrigger:problem:schedule-refused" })
    assert.include(answer.json.detail, detail)
    assert.deepStrictEqual(answer.json.errors[0].path, path)
    assert.deepStrictEqual((yield* ask(url, "GET", "/v1/schedules/nightly")).json, before)
  }))

  it.live("are 404 where there is none, and 400 for a catch-up that is none", () => Effect.gen(function*() {
    const { url } = yield* scheduled()
    for (const [method, path] of [["GET", ""], ["DELETE", ""], ["POST", "/pause"], ["POST", "/resume"]] as const) {
      const answer = yield* ask(url, method, `/v1/schedules/none${path}`)
      assert.deepInclude(answer.json, { status: 404, type: "urn:outrigger:problem:schedule-not-found", detail: 'There is no schedule named "none"' })
    }
    assert.strictEqual((yield* change(url, { catchUp: "all" }, "none")).status, 404)
    assert.strictEqual((yield* change(url, { catchUp: "some" })).status, 400)
  }))

  it.live("are 503 while the store is away, and 405 by another method", () => Effect.gen(function*() {
    const away = Effect.fail(new Task.StoreUnavailable("the server is away", true))
    const { url } = yield* bench({ store: (store) => ({ ...store, schedules: { ...store.schedules, list: away, find: () => away, pause: () => away } }) })
    for (const [method, path] of [["GET", ""], ["GET", "/nightly"], ["POST", "/nightly/pause"]] as const) {
      assert.strictEqual((yield* ask(url, method, `/v1/schedules${path}`)).status, 503)
    }
    const answer = yield* ask(url, "POST", "/v1/schedules/nightly", { body: "{}" })
    assert.deepStrictEqual([answer.status, answer.headers["allow"]], [405, "GET, HEAD, PATCH, DELETE"])
  }))

  it.live("want the token, once there is one", () => Effect.gen(function*() {
    const { url } = yield* scheduled({ token: "secret" })
    assert.strictEqual((yield* change(url, { catchUp: "all" })).status, 401)
    assert.strictEqual((yield* ask(url, "DELETE", "/v1/schedules/nightly")).status, 401)
    assert.strictEqual((yield* ask(url, "DELETE", "/v1/schedules/nightly", { headers: { authorization: "Bearer secret" } })).status, 204)
  }))
})
