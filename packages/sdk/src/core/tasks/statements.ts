/** The statements by which a host enqueues over a database client of its own. */
import { inSchema } from "../options/schema.ts"
import { sqlOptionsOf } from "./newTask.ts"
import type { NewTask } from "./task.ts"

/** For any client: `client.query(statement)` of pg, or `text` and `values` apart. */
export interface SqlStatement {
  readonly text: string
  readonly values: Array<string>
}

// Every value is text that the server casts: some clients encode what they send as jsonb a second time.

export const enqueueStatement = (task: NewTask, schema: string): SqlStatement => ({
  text: inSchema("select outrigger.enqueue($1, $2::text::jsonb, $3::text::jsonb) as id", schema),
  values: [task.name, JSON.stringify(task.payload ?? null), JSON.stringify(sqlOptionsOf(task))]
})

export const enqueueManyStatement = (tasks: ReadonlyArray<NewTask>, schema: string): SqlStatement => ({
  text: inSchema("select id from outrigger.enqueue_many($1::text::jsonb) id", schema),
  values: [JSON.stringify(tasks.map((task) => ({ name: task.name, payload: task.payload ?? null, options: sqlOptionsOf(task) })))]
})

/** A template tag for SQL, as many libraries have one. */
export type SqlTag<A> = (strings: TemplateStringsArray, ...values: ReadonlyArray<any>) => A

/**
 * The statement in a library's own terms, for those that take a template and no text: Drizzle's `sql`, Kysely's `sql`, `Prisma.sql`.
 *
 * @example
 * import { createOutrigger, tagged, Task } from "@outrigger/sdk/promise"
 * import { sql } from "drizzle-orm"
 * import { drizzle } from "drizzle-orm/node-postgres"
 * import { z } from "zod"
 *
 * const Welcome = Task.make("welcome", { payload: z.object({ user: z.string() }) })
 * const outrigger = createOutrigger({ service: "shop" })
 * const db = drizzle("postgres://localhost/app")
 * await db.transaction(async (tx) => {
 *   await tx.execute(sql`insert into users (name) values (${"ada"})`)
 *   await tx.execute(tagged(sql, outrigger.enqueueSql(Welcome, { user: "ada" })))
 * })
 */
export const tagged = <A>(tag: SqlTag<A>, { text, values }: SqlStatement): A => {
  const strings = text.split(/\$\d+/)
  return tag(Object.assign(strings, { raw: strings }), ...values)
}
