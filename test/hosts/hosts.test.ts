/** Enqueuing in the host's own transaction, over each database library as a host has it. */
import { PrismaPg } from "@prisma/adapter-pg"
import { sql as drizzleSql } from "drizzle-orm"
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres"
import { drizzle as drizzlePostgres } from "drizzle-orm/postgres-js"
import { CompiledQuery, Kysely, PostgresDialect, sql as kyselySql } from "kysely"
import pg from "pg"
import postgres from "postgres"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import { tagged } from "@outrigger/sdk/promise"
import { prismaClient } from "./prismaClient.ts"
import { type Send, suite } from "./suite.ts"

type Rows = ReadonlyArray<{ readonly id: string }>

suite("pg", async (connectionString) => {
  const pool = new pg.Pool({ connectionString })
  return {
    transaction: async (body) => {
      const client = await pool.connect()
      try {
        await client.query("begin")
        const result = await body(async (statement) => (await client.query(statement)).rows)
        await client.query("commit")
        return result
      } catch (error) {
        await client.query("rollback")
        throw error
      } finally {
        client.release()
      }
    },
    close: () => pool.end()
  }
})

suite("postgres.js", async (url) => {
  const sql = postgres(url)
  return {
    transaction: async <A>(body: (send: Send) => Promise<A>) =>
      await sql.begin((tx) => body(({ text, values }) => tx.unsafe<Array<{ id: string }>>(text, values))) as A,
    close: () => sql.end()
  }
})

suite("Drizzle over pg", async (connectionString) => {
  const pool = new pg.Pool({ connectionString })
  const db = drizzlePg(pool)
  return {
    transaction: (body) => db.transaction((tx) => body(async (statement) => (await tx.execute<{ id: string }>(tagged(drizzleSql, statement))).rows)),
    close: () => pool.end()
  }
})

suite("Drizzle over postgres.js", async (url) => {
  const client = postgres(url)
  const db = drizzlePostgres(client)
  return {
    transaction: (body) => db.transaction((tx) => body((statement) => tx.execute<{ id: string }>(tagged(drizzleSql, statement)))),
    close: () => client.end()
  }
})

suite("Kysely, with a compiled query", async (connectionString) => {
  const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }) })
  return {
    transaction: (body) => db.transaction().execute((trx) => body(async ({ text, values }) =>
      (await trx.executeQuery<{ id: string }>(CompiledQuery.raw(text, values))).rows)),
    close: () => db.destroy()
  }
})

suite("Kysely, with its template tag", async (connectionString) => {
  const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }) })
  return {
    transaction: (body) => db.transaction().execute((trx) => body(async (statement) =>
      (await tagged(kyselySql<{ id: string }>, statement).execute(trx)).rows)),
    close: () => db.destroy()
  }
})

suite("Prisma", async (connectionString) => {
  const prisma = prismaClient(new PrismaPg({ connectionString }))
  return {
    transaction: (body) => prisma.$transaction((tx) => body(({ text, values }) => tx.$queryRawUnsafe<Rows>(text, ...values))),
    close: () => prisma.$disconnect()
  }
})

suite("@effect/sql-pg", async (url) => {
  const runtime = ManagedRuntime.make(PgClient.layer({ url: Redacted.make(url) }))
  const transaction = <A>(body: (send: Send) => Promise<A>) => Effect.gen(function*() {
    const sql = yield* PgClient.PgClient
    const context = yield* Effect.context()
    const send: Send = ({ text, values }) => Effect.runPromiseWith(context)(sql.unsafe<{ id: string }>(text, values))
    return yield* Effect.tryPromise({ try: () => body(send), catch: (error) => error })
  })
  return {
    transaction: (body) => runtime.runPromise(PgClient.PgClient.use((sql) => sql.withTransaction(transaction(body)))),
    close: () => runtime.dispose()
  }
})
