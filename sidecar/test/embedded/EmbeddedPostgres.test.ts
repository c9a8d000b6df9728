import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { once } from "node:events"
import { join } from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as EmbeddedPostgres from "../../src/embedded/EmbeddedPostgres.ts"
import { connection, folder, journal, MadeFolder, postmasterOf, query } from "./holder.ts"

const quiet = { log: () => {}, settings: ["fsync=off"] }

/** Whether there is such a process. */
const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Somebody listens on a port until the scope closes. */
const occupied = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer().listen(port, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) => Effect.sync(() => server.close())
  )

describe("the first start of the embedded PostgreSQL", () => {
  it.live("makes a PostgreSQL 18 on the first start, and finds its rows and its port again on the second", () =>
    Effect.gen(function*() {
      const dataDir = join(yield* folder, ".outrigger")
      const log = journal()
      const first = yield* Effect.scoped(Effect.gen(function*() {
        const { port, url } = yield* EmbeddedPostgres.start({ dataDir, log: log.log })
        assert.match(String(yield* query(url, "select version()")), /^PostgreSQL 18/)
        assert.strictEqual(yield* query(url, "show server_encoding"), "UTF8")
        assert.strictEqual(yield* query(url, "show fsync"), "on")
        assert.strictEqual(yield* query(url, "show data_checksums"), "on")
        assert.strictEqual(yield* query(url, "select lower('ÉTÉ')"), "été")
        assert.strictEqual(yield* query(url, "select current_database()"), "outrigger")
        yield* query(url, "create table kept as select 42 as n")
        return { port, pid: postmasterOf(dataDir) }
      }))
      assert.isFalse(lives(first.pid), "it is stopped when the scope closes")
      assert.deepStrictEqual(log.lines.length, 1)
      yield* Effect.scoped(Effect.gen(function*() {
        const { port, url } = yield* EmbeddedPostgres.start({ dataDir, log: log.log })
        assert.strictEqual(yield* query(url, "select n from kept"), 42)
        assert.strictEqual(port, first.port)
        assert.strictEqual(log.lines.length, 1, "there is nothing to say about a second start")
      }))
    }))

  it.live("keeps its password, its log and its cluster from everybody else, and itself out of repositories", () =>
    Effect.gen(function*() {
      const dataDir = join(yield* folder, "data")
      const { url } = yield* EmbeddedPostgres.start({ dataDir, ...quiet })
      const modeOf = (name: string) => (statSync(join(dataDir, name)).mode & 0o777).toString(8)
      assert.deepStrictEqual(["postgres", "postgres.password", "postgres.log"].map(modeOf), ["700", "600", "600"])
      assert.strictEqual(readFileSync(join(dataDir, ".gitignore"), "utf8"), "*\n")
      const guessed = new URL(url)
      guessed.password = "guessed"
      const outcome = yield* Effect.exit(Effect.sandbox(query(guessed.href, "select 1")))
      assert.match(String(outcome), /password authentication failed/)
      assert.strictEqual(yield* query(url, "show unix_socket_directories"), "")
    }))

  it.live("leaves nothing running when its start is interrupted, and starts well after that", () =>
    Effect.gen(function*() {
      const dataDir = yield* folder
      const log = journal()
      const starting = yield* Effect.forkChild(Effect.scoped(EmbeddedPostgres.start({ dataDir, ...quiet, log: log.log })))
      yield* log.line("Making a PostgreSQL")
      yield* Fiber.interrupt(starting)
      const { url } = yield* EmbeddedPostgres.start({ dataDir, ...quiet })
      assert.strictEqual(yield* query(url, "select 1"), 1)
    }))

  it.live("overwrites nothing that lies where its cluster would be", () =>
    Effect.gen(function*() {
      const dataDir = yield* folder
      mkdirSync(join(dataDir, "postgres"))
      writeFileSync(join(dataDir, "postgres", "Dockerfile"), "FROM postgres")
      const error = yield* Effect.flip(EmbeddedPostgres.start({ dataDir, ...quiet }))
      assert.include(error.message, "is no PostgreSQL cluster, and nothing there is overwritten")
      assert.strictEqual(readFileSync(join(dataDir, "postgres", "Dockerfile"), "utf8"), "FROM postgres")
    }))

  it.live("makes its cluster anew when a killed run left half of one", () =>
    Effect.gen(function*() {
      const dataDir = yield* folder
      mkdirSync(join(dataDir, "postgres.new", "base"), { recursive: true })
      writeFileSync(join(dataDir, "postgres.new", "PG_VERSION"), "18\n")
      const { url } = yield* EmbeddedPostgres.start({ dataDir, ...quiet })
      assert.strictEqual(yield* query(url, "select 1"), 1)
    }))
})

// Without test services `it.effect` runs on the real clock: processes know no other.
layer(MadeFolder.layer, { excludeTestServices: true })("the embedded PostgreSQL", (it) => {
  it.effect("takes another port when somebody has the one of the last run", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const { port: taken } = yield* Effect.scoped(EmbeddedPostgres.start({ dataDir, ...quiet }))
      yield* occupied(taken)
      const { port, url } = yield* EmbeddedPostgres.start({ dataDir, ...quiet })
      assert.notStrictEqual(port, taken)
      assert.strictEqual(yield* query(url, "select 1"), 1)
    }))

  it.effect("runs in a session of its own, which a Ctrl-C in the terminal does not reach", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      yield* EmbeddedPostgres.start({ dataDir, ...quiet })
      const pid = postmasterOf(dataDir)
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")
      const [, , group, session] = fields.map(Number)
      assert.deepStrictEqual([group, session], [pid, pid])
    }), { skip: process.platform !== "linux" })

  it.effect("starts it again on the same port when it is killed, though one of its sessions will not end by itself", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const log = journal()
      const { url } = yield* EmbeddedPostgres.start({ dataDir, log: log.log })
      yield* query(url, "create table kept as select 42 as n")
      const busy = yield* connection(url)
      busy.query("do $$ begin loop end loop; end $$").catch(() => {})
      yield* query(url, "select 1")
      process.kill(postmasterOf(dataDir), "SIGKILL")
      yield* log.line("PostgreSQL ended (SIGKILL)")
      yield* log.line("PostgreSQL is up again")
      assert.strictEqual(yield* query(url, "select n from kept"), 42)
      process.kill(postmasterOf(dataDir), "SIGKILL")
      yield* log.line("PostgreSQL is up again", 2)
      assert.strictEqual(yield* query(url, "select n from kept"), 42)
    }))

  it.effect("says in PostgreSQL's own words why it does not start, and what else there is", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const error = yield* Effect.flip(EmbeddedPostgres.start({ dataDir, ...quiet, settings: ["no_such_setting=1"] }))
      assert.strictEqual(error._tag, "EmbeddedPostgresError")
      assert.include(error.message, `unrecognized configuration parameter "no_such_setting"`)
      assert.include(error.message, dataDir)
      assert.include(error.message, "set DATABASE_URL=postgres://")
    }))

  it.effect("is a layer too", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const answer = yield* EmbeddedPostgres.EmbeddedPostgres.use(({ url }) => query(url, "select 1")).pipe(
        Effect.provide(EmbeddedPostgres.layer({ dataDir, ...quiet }))
      )
      assert.strictEqual(answer, 1)
    }))
})
