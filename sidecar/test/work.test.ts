import { afterEach, assert, beforeEach, describe, it } from "vitest"
import pg from "pg"
import { z } from "zod"
import { createOutrigger, Task } from "@outrigger/sdk/promise"
import { createDatabase } from "../../test/database.ts"
import { work } from "../src/work.ts"
import { until } from "./support/processes.ts"

const Greet = Task.make("greet", { payload: z.object({ name: z.string() }) })
let databaseUrl = ""
let drop: () => Promise<void> = async () => {}
beforeEach(async () => {
  ({ url: databaseUrl, drop } = await createDatabase())
})
afterEach(() => drop())

const query = async (text: string, values: ReadonlyArray<unknown> = []): Promise<ReadonlyArray<any>> => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    return (await client.query(text, [...values])).rows
  } finally {
    await client.end()
  }
}

describe("work, in the host itself", () => {
  it("runs the handlers until it is closed, which may be twice", async () => {
    const greeted: Array<string> = []
    const worker = await work([Greet.handle(({ name }) => { greeted.push(name) })], { databaseUrl })
    const { text, values } = createOutrigger({ service: "host" }).enqueueSql(Greet, { name: "Ada" })
    await query(text, values)
    await until(() => greeted.length > 0 ? true : undefined)
    await Promise.all([worker.close(), worker.close()])
    assert.deepStrictEqual(greeted, ["Ada"])
    assert.deepStrictEqual(await query("select count(*)::int as held from outrigger.worker where reaped_at is null"), [{ held: 0 }])
  })

  it("fires the schedules beside the handlers, with their slot", async () => {
    const slots: Array<string> = []
    const worker = await work([
      Greet.handle(({ name }, { metadata }) => { slots.push(`${name} ${metadata["schedule"]} ${metadata["slot"]}`) }),
      Greet.schedule("each-second", { every: "1 second" }, { name: "Ada" })
    ], { databaseUrl })
    await until(() => slots.length > 1 ? true : undefined)
    await worker.close()
    assert.match(slots[0]!, /^Ada each-second \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/)
    assert.strictEqual(new Set(slots).size, slots.length)
  })

  it("has middleware around its handlers, hooks, a timeout, and keeps what is over as long as it is told", async () => {
    const steps: Array<string> = []
    const worker = await work([Greet.handle(({ name }, { deadline }) => { steps.push(`${name}, ${deadline - Date.now() <= 60_000}`) })], {
      databaseUrl, timeout: "1 minute", retention: { succeeded: 0 },
      middleware: [async ({ name }, next) => { steps.push(`around ${name}`); return next() }],
      hooks: { onSettled: ({ settlement }) => { steps.push(settlement._tag) } }
    })
    const { text, values } = createOutrigger({ service: "host" }).enqueueSql(Greet, { name: "Ada" })
    await query(text, values)
    await until(() => steps.length === 3 ? true : undefined)
    await worker.close()
    assert.deepStrictEqual(steps, ["around greet", "Ada, true", "Succeed"])
    const { message } = await work([Greet.handle(() => {})], { databaseUrl, retention: { unsuccessful: "ages" as never } }).then(() => assert.fail("it was not refused"), (error: Error) => error)
    assert.include(message, 'retention.unsuccessful is "ages", but must be a duration')
  })

  it("rejects when the database is not there, or there is nothing to run", async () => {
    const error = await work([Greet.handle(() => {})], { databaseUrl: "postgres://nobody@127.0.0.1:1/none" }).then(() => undefined, (error: unknown) => error)
    assert.instanceOf(error, Error)
    const empty = await work([], { databaseUrl }).then(() => undefined, (error: unknown) => error)
    assert.match((empty as Error).message, /there are no handlers/)
  })
})
