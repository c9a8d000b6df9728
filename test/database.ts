/** A database of its own for each test that wants one, on the PostgreSQL of the run. */
import { randomBytes } from "node:crypto"
import pg from "pg"
import { inject } from "vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const admin = async (server: string, statement: string): Promise<void> => {
  const client = new pg.Client(server)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** An empty database, on the PostgreSQL of the run unless said; `drop` ends whoever is still connected. */
export const createDatabase = async (server = inject("databaseUrl")): Promise<{ readonly url: string; readonly drop: () => Promise<void> }> => {
  const name = `test_${randomBytes(6).toString("hex")}`
  await admin(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => admin(server, `drop database if exists ${name} with (force)`) }
}

/** The URL of an empty database on that server, which lives as long as the scope. */
export const freshDatabaseOn = (server?: string): Effect.Effect<string, never, Scope.Scope> => Effect.acquireRelease(
  Effect.promise(() => createDatabase(server)),
  ({ drop }) => Effect.promise(drop)
).pipe(Effect.map(({ url }) => url))

/** The URL of an empty database that lives as long as the scope. */
export const freshDatabase: Effect.Effect<string, never, Scope.Scope> = freshDatabaseOn()
