/** What `outrigger.enqueue` refuses, whoever calls it: with the reason, and before anything is written. */
import pg from "pg"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { TaskStore } from "@outrigger/sdk"
import { createDatabase } from "../../../test/database.ts"

let database: Awaited<ReturnType<typeof createDatabase>>
let client: pg.Client
beforeAll(async () => {
  database = await createDatabase()
  client = new pg.Client(database.url)
  await client.connect()
  const defined = Effect.andThen(Migrations.run(), Effect.flatMap(PgTaskStore.make, (store) => store.define([
    TaskStore.defineTask("bill", { queue: "money" }), TaskStore.defineTask("bill", { queue: "slow-money", version: 2 })
  ])))
  await Effect.runPromise(Effect.scoped(defined).pipe(Effect.provide(PgTaskStore.layerPool({ url: Redacted.make(database.url) }))))
})
afterAll(async () => {
  await client.end()
  await database.drop()
})
beforeEach(() => client.query("truncate outrigger.task, outrigger.idempotency, outrigger.unique_hold"))

interface ServerError {
  readonly code: string
  readonly message: string
  readonly column: string | undefined
}
const enqueue = (name: string, payload: string | null, options = "{}") =>
  client.query("select outrigger.enqueue($1, $2::text::jsonb, $3::text::jsonb) as id", [name, payload, options])
const refusal = (run: Promise<unknown>): Promise<ServerError | undefined> => run.then(() => undefined, (error: ServerError) => error)
const written = async () => {
  const tables = ["task", "idempotency", "unique_hold"].map((table) => `(select count(*) from outrigger.${table})`)
  return Number((await client.query(`select ${tables.join(" + ")} as n`)).rows[0].n)
}
const nested = (depth: number) => `${"[".repeat(depth)}1${"]".repeat(depth)}`
const textOf = (bytes: number) => JSON.stringify("x".repeat(bytes - 2))

describe("outrigger.enqueue", () => {
  it.each([
    ["a name with a blank", ["a b", "1"], "name", /task name a b must be/],
    ["no payload", ["a", null], "payload", /the payload is missing/],
    ["a payload over 1 MiB", ["a", textOf(1024 * 1024 + 1)], "payload", /over the limit of 1 MiB/],
    ["over 1 MiB of characters of three bytes", ["a", JSON.stringify("€".repeat(400_000))], "payload", /over the limit of 1 MiB/],
    ["a payload of 201 levels", ["a", nested(202)], "payload", /nests deeper than 200 levels/],
    ["a negative delay", ["a", "1", '{"delay":-1}'], "delay", /delay is -1, but must be from 0 to 100 years/],
    ["a delay of more than a century", ["a", "1", '{"delay":1e15}'], "delay", /100 years/],
    ["a delay in words", ["a", "1", '{"delay":"5 minutes"}'], "delay", /delay is "5 minutes", but must be from 0 to 100 years, in milliseconds/],
    ["a moment after the year 9999", ["a", "1", '{"runAt":253402300800000}'], "runAt", /end of the year 9999/],
    ["a moment before 1970", ["a", "1", '{"runAt":-1}'], "runAt", /a moment from 1970/],
    ["a moment in words", ["a", "1", '{"runAt":"2030-01-31"}'], "runAt", /epoch milliseconds/],
    ["a delay beside a moment", ["a", "1", '{"delay":1,"runAt":1}'], "delay", /left out where runAt is given/],
    ["a number that no number holds", ["a", "1", '{"delay":1e999}'], "delay", /100 years/],
    ["a priority of 10", ["a", "1", '{"priority":10}'], "priority", /a whole number from 0 \(first\) to 9 \(last\)/],
    ["half a priority", ["a", "1", '{"priority":1.5}'], "priority", /a whole number/],
    ["a version of 0", ["a", "1", '{"version":0}'], "version", /from 1 to 32767/],
    ["a timeout of 0", ["a", "1", '{"timeout":0}'], "timeout", /from 1 to 2147483647 ms/],
    ["an expiry of 0", ["a", "1", '{"expiresAfter":0}'], "expiresAfter", /from 1 ms/],
    ["an empty key", ["a", "1", '{"idempotencyKey":""}'], "idempotencyKey", /1 to 500 characters/],
    ["a key that is a number", ["a", "1", '{"uniqueKey":7}'], "uniqueKey", /uniqueKey is 7, but must be 1 to 500 characters/],
    ["a key of 501 characters", ["a", "1", JSON.stringify({ concurrencyKey: "k".repeat(501) })], "concurrencyKey", /1 to 500 characters/],
    ["no task at a time for a key", ["a", "1", '{"concurrencyKey":"k","keyConcurrency":0}'], "keyConcurrency", /from 1 to 1000/],
    ["a state that is none", ["a", "1", '{"uniqueKey":"u","uniqueStates":["done"]}'], "uniqueStates", /some of \["scheduled"/],
    ["states that are no list", ["a", "1", '{"uniqueKey":"u","uniqueStates":"ready"}'], "uniqueStates", /some of/],
    ["metadata that is no text", ["a", "1", '{"metadata":{"n":1}}'], "metadata", /an object of strings/],
    ["metadata over 16 KiB", ["a", "1", JSON.stringify({ metadata: { a: "x".repeat(16_384) } })], "metadata", /16 KiB/],
    ["an option that is none", ["a", "1", '{"delya":60000}'], "delya", /delya is 60000, but must be left out: the options are .*delay/],
    ["options that are no object", ["a", "1", "[1]"], "options", /options is \[1\], but must be an object/],
    ["a queue that no worker has for this task", ["bill", "1", '{"queue":"mony"}'], "queue", /queue is mony, but must be one that a worker has for bill: money, slow-money/]
  ] as const)("refuses %s", async (_, [name, payload, options], column, message) => {
    const error = await refusal(enqueue(name, payload, options))
    assert.deepInclude(error, { code: "OR422", column })
    assert.match(error!.message, message)
    assert.strictEqual(await written(), 0)
  })

  it.each([
    ["NUL", '{"a":"\\u0000"}', "22P05"],
    ["half of a surrogate pair", '{"a":"\\ud800"}', "22P02"],
    ["what is no JSON", "{", "22P02"],
    ["a hundred thousand levels", nested(100_000), "54001"]
  ])("cannot be given %s: PostgreSQL reads no such JSON", async (_, payload, code) => {
    assert.strictEqual((await refusal(enqueue("a", payload)))?.code, code)
    assert.strictEqual(await written(), 0)
  })

  it.each([
    ["1 MiB of text", ["a", textOf(1024 * 1024)]],
    ["1 MiB of short values, which PostgreSQL writes with blanks between", ["a", `[${"1,".repeat(524_286)}1]`]],
    ["200 levels", ["a", nested(200)]],
    ["the last moment of the year 9999", ["a", "1", '{"runAt":253402300799999}']],
    ["options that are null", ["a", "1", '{"delay":null,"uniqueKey":"u","uniqueStates":null,"metadata":null}']],
    ["a queue of another version of the task", ["bill", "1", '{"queue":"slow-money"}']],
    ["any queue from a caller that names the version", ["bill", "1", '{"queue":"new-money","version":3}']],
    ["any queue for a task that no worker has announced yet", ["a", "1", '{"queue":"anything"}']]
  ] as const)("takes %s", async (_, [name, payload, options]) => {
    assert.isUndefined(await refusal(enqueue(name, payload, options)))
  })
})

describe("outrigger.enqueue_many", () => {
  const many = (tasks: string) => client.query("select id from outrigger.enqueue_many($1::text::jsonb) id", [tasks])

  it("enqueues all, in their order, of any names", async () => {
    const { rows } = await many(`[{"name":"b","payload":{"n":1}},{"name":"a","payload":null,"options":{"priority":1}},{"name":"a","payload":2,"options":null}]`)
    const stored = await client.query("select t.id::text, r.name, t.payload, t.priority from outrigger.task t join outrigger.route r on r.id = t.route order by t.id")
    assert.deepStrictEqual(stored.rows, [
      { id: rows[0].id, name: "b", payload: { n: 1 }, priority: 5 },
      { id: rows[1].id, name: "a", payload: null, priority: 1 },
      { id: rows[2].id, name: "a", payload: 2, priority: 5 }
    ])
  })

  it("enqueues none when one is refused", async () => {
    const error = await refusal(many(`[{"name":"a","payload":1,"options":{"idempotencyKey":"k"}},{"name":"a","payload":1,"options":{"delay":-1}}]`))
    assert.strictEqual(error?.code, "OR422")
    assert.strictEqual(await written(), 0)
  })

  it.each(["null", '{"name":"a"}', '"a"'])("refuses %s, which is no list", async (tasks) => {
    assert.deepInclude(await refusal(many(tasks)), { code: "OR422", column: "tasks" })
  })
})
