import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import pg from "pg"
import { inject } from "vitest"
import { createDatabase, freshDatabase } from "./database.ts"

const ask = async (url: string, statement: string): Promise<unknown> => {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ readonly answer: unknown }>(statement)
    return rows[0]?.answer
  } finally {
    await client.end()
  }
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1)
const isThere = (url: string) =>
  ask(inject("databaseUrl"), `select count(*) > 0 as answer from pg_database where datname = '${nameOf(url)}'`)

describe("a test's database", () => {
  it.live("is empty, its own, and gone with the scope", () =>
    Effect.gen(function*() {
      const urls = yield* Effect.scoped(Effect.gen(function*() {
        const first = yield* freshDatabase
        const second = yield* freshDatabase
        yield* Effect.promise(() => ask(first, "create table here as select 1 as n"))
        assert.isNull(yield* Effect.promise(() => ask(second, "select to_regclass('here') as answer")))
        return [first, second]
      }))
      for (const url of urls) assert.isFalse(yield* Effect.promise(() => isThere(url)))
    }))

  it("is dropped though somebody is still connected", async () => {
    const { drop, url } = await createDatabase()
    const client = new pg.Client(url)
    client.on("error", () => {}) // it is thrown out, which is the point
    await client.connect()
    assert.isTrue(await isThere(url))
    await drop()
    assert.isFalse(await isThere(url))
    await client.end()
  })
})
