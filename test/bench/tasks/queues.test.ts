/** Every subject does what it is measured for: it enqueues, and does each task once. */
import pg from "pg"
import { assert, describe, it } from "vitest"
import { createDatabase } from "../../database.ts"
import { plain, type Queues, type Shape, specOf } from "./queue.ts"
import { runUntil } from "./runUntil.ts"
import { subjects, type SubjectName } from "./subjects.ts"
import { countFault } from "./verdict.ts"

const tasks = 120

const count = async (url: string, statement: string): Promise<number> => {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query({ text: statement, rowMode: "array" })
    return Number(rows[0]![0])
  } finally {
    await client.end()
  }
}

const drain = async (name: SubjectName, shape: Shape): Promise<string | undefined> => {
  const { module, succeeded: done, waiting: left } = subjects[name]
  const queue = ((await import(module.href)) as { readonly default: Queues }).default[name]!
  const { drop, url } = await createDatabase()
  try {
    await queue.prepare(url, shape)
    const producer = await queue.produce(url)
    await producer.many(Array.from({ length: tasks - 1 }, (_, n) => specOf(shape, n)))
    await producer.one(specOf(shape, tasks - 1))
    await producer.close()
    const { succeeded } = await runUntil(queue, url, { _tag: "Run", shape, before: 0, tasks, capMillis: 20_000 }, new Promise(() => {}), () => {})
    const waiting = await count(url, left)
    return countFault({ enqueued: tasks, succeeded, waiting, stored: done === undefined ? tasks - waiting : await count(url, done) })
  } finally {
    await drop()
  }
}

describe("a subject of the benchmark of tasks", () => {
  it.each(Object.keys(subjects) as ReadonlyArray<SubjectName>)("does each task once: %s", async (name) => {
    assert.isUndefined(await drain(name, plain))
  })

  it.each(["outrigger", "pg-boss"] as const)("tries again what failed once: %s", async (name) => {
    assert.isUndefined(await drain(name, { ...plain, failing: true }))
  })

  it("runs all tasks at all priorities: outrigger", async () => {
    assert.isUndefined(await drain("outrigger", { ...plain, routes: 20, priorities: 10 }))
  })

  it("runs what stands behind keys: outrigger", async () => {
    assert.isUndefined(await drain("outrigger", { ...plain, keys: 10 }))
  })
})
