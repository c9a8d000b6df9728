/** The PostgreSQL of a run, with fsync on as it comes, and a database of its own for each measurement. */
import pg from "pg"
import { throwAwayPostgres } from "../../throwAwayPostgres.ts"

/** One statement after the other, on a connection of its own. */
export interface Session {
  readonly run: (statement: string) => Promise<unknown>
  /** The one value that a statement gives. */
  readonly value: (statement: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

export interface Database {
  readonly url: string
  readonly open: () => Promise<Session>
  /** Ends whoever is still connected. */
  readonly drop: () => Promise<void>
}

export interface Server {
  /** `18.4` */
  readonly version: string
  readonly database: () => Promise<Database>
  readonly stop: () => Promise<void>
}

const open = async (url: string): Promise<Session> => {
  const client = new pg.Client(url)
  await client.connect()
  return {
    run: (statement) => client.query(statement),
    value: async (statement) => {
      const { rows } = await client.query({ text: statement, rowMode: "array" })
      return rows[0]?.[0]
    },
    close: () => client.end()
  }
}

export const startServer = async (): Promise<Server> => {
  const { stop, url } = await throwAwayPostgres("outrigger-bench-", [])
  const admin = await open(url)
  for (const setting of ["fsync", "synchronous_commit"]) {
    if (await admin.value(`show ${setting}`) !== "on") throw new Error(`${setting} is off: what is committed may be lost`)
  }
  const version = String(await admin.value("show server_version"))
  let count = 0
  return {
    version,
    database: async () => {
      const name = `bench_${count++}`
      await admin.run(`create database ${name}`)
      const own = new URL(url)
      own.pathname = `/${name}`
      return { url: own.href, open: () => open(own.href), drop: async () => { await admin.run(`drop database ${name} with (force)`) } }
    },
    stop: async () => {
      await admin.close()
      await stop()
    }
  }
}
