import { spawn } from "node:child_process"
import { existsSync, statSync, writeFileSync } from "node:fs"
import { once } from "node:events"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EmbeddedPostgres from "../../src/embedded/EmbeddedPostgres.ts"
import { ask, connection, holder, isRoot, journal, MadeFolder, postmasterOf, query, refused } from "./holder.ts"

/**
 * An innocent process under the account that owns the cluster, as one that got the number of a dead postmaster would
 * be.
 */
const bystander = (dataDir: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { gid, uid } = statSync(join(dataDir, "postgres"))
      const child = spawn("sleep", ["1000"], { stdio: "ignore", cwd: "/", ...(process.getuid?.() === 0 ? { uid, gid } : {}) })
      await once(child, "spawn")
      return child
    }),
    (child) => Effect.promise(async () => {
      if (child.kill()) await once(child, "exit")
    })
  )

// Without test services `it.effect` runs on the real clock: processes know no other.
layer(MadeFolder.layer, { excludeTestServices: true })("after the owner was killed", (it) => {
  it.effect("the next one adopts its PostgreSQL: who is connected stays connected", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const first = yield* holder(dataDir)
      const host = yield* connection(first.url)
      const session = yield* ask(host, "select pg_backend_pid()")
      const pid = postmasterOf(dataDir)
      yield* first.kill
      const log = journal()
      yield* Effect.scoped(Effect.gen(function*() {
        const second = yield* EmbeddedPostgres.start({ dataDir, log: log.log })
        assert.strictEqual(second.url, first.url)
        assert.strictEqual(postmasterOf(dataDir), pid)
        assert.strictEqual(yield* ask(host, "select pg_backend_pid()"), session)
        assert.include(log.lines[0], `Took over the PostgreSQL that an earlier run left behind (process ${pid})`)
      }))
      assert.isFalse(existsSync(join(dataDir, "postgres", "postmaster.pid")), "it is stopped at the end like its own")
    }))

  it.effect("as root of a container too, who may not look into other accounts' processes", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const first = yield* holder(dataDir)
      yield* first.kill
      const pid = postmasterOf(dataDir)
      const second = yield* holder(dataDir, { without: "sys_ptrace" })
      assert.strictEqual(second.port, first.port)
      assert.strictEqual(postmasterOf(dataDir), pid)
    }), { skip: !isRoot || process.platform !== "linux" })

  it.effect("an adopted PostgreSQL is watched, and started again when it is killed", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const first = yield* holder(dataDir)
      yield* first.kill
      const log = journal()
      const { url } = yield* EmbeddedPostgres.start({ dataDir, log: log.log })
      process.kill(postmasterOf(dataDir), "SIGKILL")
      yield* log.line("PostgreSQL is up again")
      assert.strictEqual(yield* query(url, "select 1"), 1)
    }))

  it.effect("a PostgreSQL that answers nobody is stopped, and another one started", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const first = yield* holder(dataDir)
      yield* first.kill
      const pid = postmasterOf(dataDir)
      process.kill(pid, "SIGSTOP")
      const { url } = yield* EmbeddedPostgres.start({ dataDir, log: () => {} })
      assert.notStrictEqual(postmasterOf(dataDir), pid)
      assert.strictEqual(yield* query(url, "select 1"), 1)
    }))

  it.effect("and its PostgreSQL too, the next start recovers what was committed", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const first = yield* holder(dataDir)
      yield* query(first.url, "create table kept as select 42 as n")
      yield* first.kill
      process.kill(postmasterOf(dataDir), "SIGKILL")
      const { url } = yield* EmbeddedPostgres.start({ dataDir, log: () => {} })
      assert.strictEqual(yield* query(url, "select n from kept"), 42)
    }))
})

layer(MadeFolder.layer, { excludeTestServices: true })("a lock that a crash of the machine left", (it) => {
  const lockOf = (pid: number, dataDir: string) =>
    [pid, join(dataDir, "postgres"), 1_700_000_000, 5432, "", "127.0.0.1", "", "ready   ", ""].join("\n")

  it.effect("is removed when its number is another program's by now, which is left in peace", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const other = yield* bystander(dataDir)
      writeFileSync(join(dataDir, "postgres", "postmaster.pid"), lockOf(other.pid!, dataDir))
      const { url } = yield* EmbeddedPostgres.start({ dataDir, log: () => {} })
      assert.strictEqual(yield* query(url, "select 1"), 1)
      assert.isTrue(other.kill(0), "nobody ended it")
    }))

  it.effect("is removed when there is nothing in it", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      writeFileSync(join(dataDir, "postgres", "postmaster.pid"), "")
      const { url } = yield* EmbeddedPostgres.start({ dataDir, log: () => {} })
      assert.strictEqual(yield* query(url, "select 1"), 1)
    }))

  it.effect("is no sign of readiness for the one that is started", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      writeFileSync(join(dataDir, "postgres", "postmaster.pid"), lockOf(2 ** 22 - 1, dataDir))
      const { port, url } = yield* EmbeddedPostgres.start({ dataDir, log: () => {} })
      assert.notStrictEqual(port, 5432)
      assert.strictEqual(yield* query(url, "select 1"), 1)
    }))
})

layer(MadeFolder.layer, { excludeTestServices: true })("a second sidecar on the same data folder", (it) => {
  it.effect("is told who has it and what to do, and the first one goes on", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      const first = yield* holder(dataDir)
      const error = yield* Effect.flip(EmbeddedPostgres.start({ dataDir, log: () => {} }))
      assert.strictEqual(error._tag, "DataFolderInUse")
      assert.include(error.message, `The data folder ${dataDir} is in use by another sidecar (process ${first.pid})`)
      assert.include(error.message, "--data")
      assert.deepStrictEqual((yield* refused(dataDir)).code, 1)
      assert.strictEqual(yield* query(first.url, "select 1"), 1)
    }))

  it.effect("is told so within one process too", () =>
    Effect.gen(function*() {
      const { dataDir } = yield* MadeFolder
      yield* EmbeddedPostgres.start({ dataDir, log: () => {} })
      const error = yield* Effect.flip(EmbeddedPostgres.start({ dataDir, log: () => {} }))
      assert.strictEqual(error._tag, "DataFolderInUse")
    }))
})
