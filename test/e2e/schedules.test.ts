/** Two sidecars over one database; one is killed while they tick. */
import { join } from "node:path"
import pg from "pg"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { createDatabase } from "../database.ts"
import { startSidecar } from "../support/sidecar.ts"

let databaseUrl = ""
const closers: Array<() => unknown> = []

beforeEach(async () => {
  const database = await createDatabase()
  databaseUrl = database.url
  closers.push(database.drop)
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const sidecar = async () => {
  const started = await startSidecar({ databaseUrl, tasks: join(import.meta.dirname, "scheduleHandlers.ts") })
  closers.push(() => started.end("SIGKILL"))
  await started.printed("Ctrl-C stops it")
  return started
}

const database = async () => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  closers.push(() => client.end())
  return client
}

/** The slots of a schedule, in order, with how often each was enqueued. */
const slotsOf = async (client: pg.Client, name: string): Promise<ReadonlyArray<{ readonly at: number; readonly n: number }>> => {
  const { rows } = await client.query(`select (extract(epoch from (metadata ->> 'slot')::timestamptz) * 1000)::float8 as at, count(*)::int as n
    from (select metadata from outrigger.task union all select metadata from outrigger.finished) t where metadata ->> 'schedule' = $1 group by 1 order by 1`, [name])
  return rows
}

describe("two sidecars that tick each second", () => {
  it("fire each slot once, and miss none when one is killed (SIGKILL)", async () => {
    const [doomed, other] = [await sidecar(), await sidecar()]
    const client = await database()
    const grown = async (by: number) => {
      const { length } = await slotsOf(client, "tick")
      while ((await slotsOf(client, "tick")).length < length + by) await new Promise((resolve) => setImmediate(resolve))
    }
    await grown(2)
    await doomed.end("SIGKILL")
    await grown(3)
    const { schedules } = await (await fetch(`${other.url}/v1/schedules`)).json() as { readonly schedules: ReadonlyArray<Record<string, unknown>> }
    assert.deepStrictEqual(schedules.map(({ cron, every, name, task }) => [name, task, cron ?? every]), [["tick", "tick", 1000], ["tock", "tock", "* * * * * *"]])
    await fetch(`${other.url}/v1/schedules/tick/pause`, { method: "POST" })
    for (const name of ["tick", "tock"]) {
      const slots = await slotsOf(client, name)
      assert.isTrue(slots.every(({ n }) => n === 1), name)
      assert.isTrue(slots.every(({ at }, index) => index === 0 || at === slots[index - 1]!.at + 1000), name)
      assert.isAtLeast(slots.length, 5)
    }
  }, 60_000)
})
