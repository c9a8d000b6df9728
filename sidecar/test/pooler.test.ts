/** The sidecar through PgBouncer, in a schema of another name. */
import { afterAll, assert, beforeAll, describe, inject, it } from "vitest"
import pg from "pg"
import { z } from "zod"
import { createOutrigger, Task } from "@outrigger/sdk/promise"
import { createDatabase } from "../../test/database.ts"
import { type Pooler, startPooler } from "../../test/pgbouncer.ts"
import { work } from "../src/work.ts"
import { handlers, outrigger, Sidecar, until } from "./support/processes.ts"

const said = "through a pooler: notifications fall back to polling"
let pooler: Pooler
let databaseUrl = ""
let drop: () => Promise<void> = async () => {}
beforeAll(async () => {
  pooler = await startPooler(inject("databaseUrl"));
  ({ url: databaseUrl, drop } = await createDatabase())
})
afterAll(async () => {
  await pooler.stop()
  await drop()
})

const query = async (text: string, values: ReadonlyArray<unknown> = []): Promise<ReadonlyArray<any>> => {
  const client = new pg.Client(pooler.through(databaseUrl))
  await client.connect()
  try {
    return (await client.query(text, [...values])).rows
  } finally {
    await client.end()
  }
}

describe("a sidecar whose database is behind a pooler", () => {
  it("runs tasks, and says at its start and in its health that it polls for them", async () => {
    await using one = new Sidecar(["--tasks", handlers("tasks.ts")], { DATABASE_URL: pooler.through(databaseUrl), OUTRIGGER_SCHEMA: "jobs" })
    const done = await one.task(await one.enqueue("greet", { name: "Ada" }))
    assert.strictEqual(done.result, "hello Ada (1)")
    await one.url()
    assert.match(one.output, new RegExp(`database  postgres://\\S+, schema jobs, ${said}\n`))
    const { checks: { "database:wake-ups": [check] } } = await one.json("/health")
    assert.deepInclude(check, { status: "pass", observedValue: "polling" })
    assert.include(check.output, said)
    assert.strictEqual(await one.stop(), 0)
    assert.deepStrictEqual(await query("select nspname::text as name from pg_namespace where nspname in ('jobs', 'outrigger')"), [{ name: "jobs" }])
  })

  it("is looked at by the doctor, in its schema", async () => {
    const [there, elsewhere] = await Promise.all(["jobs", "outrigger"].map((schema) =>
      outrigger(["doctor", "--json", "--schema", schema], { DATABASE_URL: pooler.through(databaseUrl) })))
    const findings = ({ out }: { readonly out: string }): ReadonlyArray<any> => JSON.parse(out).findings
    assert.isFalse(findings(there!).some(({ check }) => check === "schema"))
    assert.deepInclude(findings(elsewhere!)[0], { check: "schema", found: "There is no schema of Outrigger in this database" })
  })
})

describe("work, in a host whose database is behind a pooler", () => {
  it("runs what the host enqueues in its transactions, in the schema that both name", async () => {
    const Greet = Task.make("greet-host", { payload: z.object({ name: z.string() }) })
    const greeted: Array<string> = []
    const url = new URL(pooler.through(databaseUrl))
    url.searchParams.set("pgbouncer", "true")
    const worker = await work([Greet.handle(({ name }) => { greeted.push(name) })], { databaseUrl: url.href, schema: "host_jobs" })
    const { text, values } = createOutrigger({ service: "host", schema: "host_jobs" }).enqueueSql(Greet, { name: "Ada" })
    await query(text, values)
    await until(() => greeted.length > 0 ? true : undefined)
    await worker.close()
    assert.deepStrictEqual(greeted, ["Ada"])
  })
})
