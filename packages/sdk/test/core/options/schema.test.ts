import { assert, describe, it } from "vitest"
import { inSchema, schemaName } from "../../../src/core/options/schema.ts"

describe("a statement", () => {
  const rows: ReadonlyArray<readonly [statement: string, rendered: string]> = [
    ["select outrigger.enqueue($1), 'outrigger.task'::regclass", "select jobs.enqueue($1), 'jobs.task'::regclass"],
    ["pg_notify('outrigger_wake', '') where schemaname = 'outrigger'", "pg_notify('jobs_wake', '') where schemaname = 'jobs'"],
    ["my_outrigger.task, outriggers.task, outrigger_other", "my_outrigger.task, outriggers.task, outrigger_other"]
  ]
  it.each(rows)("%s is rendered for another schema, with its channel, and nothing else of it", (statement, rendered) => {
    assert.strictEqual(inSchema(statement, "jobs"), rendered)
    assert.strictEqual(inSchema(statement, "outrigger"), statement)
  })
})

describe("the name of a schema", () => {
  it("is outrigger unless said, and whatever needs no quotes", () => {
    assert.strictEqual(schemaName(), "outrigger")
    for (const name of ["jobs", "_", "a1_b", "pgboss", "a".repeat(40)]) assert.strictEqual(schemaName(name), name)
  })

  it.each(["", "A", "a-b", "1a", "pg_a", "order", "a".repeat(41), 5, null])("is not %j", (name) => {
    assert.throws(() => schemaName(name), RangeError, `schema is ${JSON.stringify(name)}, but must be 1 to 40 lower-case letters`)
  })
})
