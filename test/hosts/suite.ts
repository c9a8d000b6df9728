/** What every database library of a host must do with an enqueue: in its own transaction, saved together or not at all. */
import pg from "pg"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { createOutrigger, type SqlStatement, Task } from "@outrigger/sdk/promise"
import { work } from "@outrigger/sidecar/work"
import { z } from "zod"
import { createDatabase } from "../database.ts"
import { migrate } from "./migrate.ts"

/** Runs a statement within the transaction, and gives its rows. */
export type Send = (statement: SqlStatement) => Promise<ReadonlyArray<{ readonly id: string }>>

/** A host's connection, in the library's own words. */
export interface Host {
  /** Commits when the body ends well, rolls back when it throws. */
  readonly transaction: <A>(body: (send: Send) => Promise<A>) => Promise<A>
  readonly close: () => Promise<unknown>
}

const payload = z.object({ to: z.string(), "a?b": z.array(z.number()) })
const SendMail = Task.make("send-mail", { payload, queue: "mail" })
const outrigger = createOutrigger({ service: "shop" })

/** Quotes, backslashes, question marks, dollars and colons: what some library takes for its own. */
const tricky = (n: number) => ({ to: `$1 ? :x 'it''s' "${n}" \\ ä€𝄞`, "a?b": [n] })

/** SQLSTATE, however deep a library buries it. */
const codeOf = (error: unknown): string | undefined => {
  const found = /OR\d{3}/.exec(JSON.stringify(error, (_, value: unknown) => value instanceof Error ? { ...value, cause: value.cause } : value))
  return found?.[0]
}

export const suite = (name: string, connect: (url: string) => Promise<Host>): void => {
  describe(name, () => {
    let database: Awaited<ReturnType<typeof createDatabase>>
    let host: Host
    let other: pg.Client
    beforeEach(async () => {
      database = await createDatabase()
      await migrate(database.url)
      host = await connect(database.url)
      other = new pg.Client(database.url)
      await other.connect()
    })
    afterEach(async () => {
      await host.close()
      await gone()
      await other.end()
      await database.drop()
    })
    /** A pool may say that it has ended while its connections still do. */
    const gone = async (): Promise<void> => {
      const { rows } = await other.query("select from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()")
      return rows.length === 0 ? undefined : gone()
    }
    const stored = async () => (await other.query("select id::text, payload from outrigger.task t order by t.id")).rows

    it("saves the task with the transaction, as it was given, and shows it to nobody before", async () => {
      const id = await host.transaction(async (send) => {
        const [row] = await send(outrigger.enqueueSql(SendMail, tricky(1), { metadata: { tenant: "t?1" } }))
        assert.deepStrictEqual(await stored(), [])
        return row!.id
      })
      assert.deepStrictEqual(await stored(), [{ id, payload: tricky(1) }])
    })

    it("takes the task back with the transaction", async () => {
      const undone = host.transaction(async (send) => {
        await send(outrigger.enqueueSql(SendMail, tricky(1)))
        await send(outrigger.enqueueManySql(SendMail, [tricky(2), tricky(3)]))
        throw new Error("undo")
      })
      assert.strictEqual((await undone.catch((error: unknown) => error) as Error).message, "undo")
      assert.deepStrictEqual(await stored(), [])
    })

    it("saves many in one statement, and gives their ids in order", async () => {
      const all = Array.from({ length: 100 }, (_, n) => tricky(n))
      const rows = await host.transaction((send) => send(outrigger.enqueueManySql(SendMail, all, { priority: 3 })))
      assert.deepStrictEqual(await stored(), rows.map(({ id }, n) => ({ id, payload: all[n] })))
    })

    it("says why it refuses, by SQLSTATE", async () => {
      const first = host.transaction((send) => send(outrigger.enqueueSql(SendMail, tricky(1), { idempotencyKey: "k" })))
      assert.strictEqual((await first).length, 1)
      const again = host.transaction((send) => send(outrigger.enqueueSql(SendMail, tricky(2), { idempotencyKey: "k" })))
      assert.strictEqual(codeOf(await again.catch((error: unknown) => error)), "OR409")
      assert.strictEqual((await stored()).length, 1)
    })

    it("is run by a worker", async () => {
      const ran = Promise.withResolvers<unknown>()
      const worker = await work([SendMail.handle((mail) => ran.resolve(mail))], { databaseUrl: database.url })
      try {
        await host.transaction((send) => send(outrigger.enqueueSql(SendMail, tricky(1))))
        assert.deepStrictEqual(await ran.promise, tricky(1))
      } finally {
        await worker.close()
      }
    })
  })
}
