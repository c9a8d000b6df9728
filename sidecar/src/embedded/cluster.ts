/**
 * The files of one PostgreSQL in a data folder: where each lies, who owns them, and how they are made the first time.
 */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync } from "node:fs"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { type Account, chooseAccount } from "./account.ts"
import { type Binaries, findBinaries, linkLibraries } from "./binaries.ts"
import { attempt, EmbeddedPostgresError, fromCause, useYourOwn } from "./errors.ts"

export interface Cluster {
  /** What PostgreSQL calls its data directory. */
  readonly folder: string
  /** Where it lies, with the files that are ours. */
  readonly dataDir: string
  readonly log: string
  readonly password: string
  /** The port of the last run. */
  readonly port: string
  readonly binaries: Binaries
  readonly account: Account
  readonly environment: Readonly<Record<string, string>>
}

/** Makes the data folder. It holds a password: nothing of it belongs into anybody's repository. */
export const makeDataFolder = (dataDir: string): string => {
  if (mkdirSync(dataDir, { recursive: true }) !== undefined) writeFileSync(join(dataDir, ".gitignore"), "*\n")
  return realpathSync(dataDir)
}

/** Finds out all there is to know before PostgreSQL is run; `dataDir` is as `makeDataFolder` gave it. */
export const locate = (dataDir: string): Cluster => {
  const folder = join(dataDir, "postgres")
  const binaries = findBinaries()
  return {
    folder: existsSync(folder) ? realpathSync(folder) : folder,
    dataDir,
    log: join(dataDir, "postgres.log"),
    password: join(dataDir, "postgres.password"),
    port: join(dataDir, "postgres.port"),
    binaries,
    account: chooseAccount(folder, [join(binaries.native, "bin"), join(binaries.native, "lib")]),
    // Ours alone: what the host's environment holds is no business of the server's, and PG* variables would move it.
    environment: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      TZ: "UTC",
      LC_ALL: "C",
      ...linkLibraries(binaries.native, join(dataDir, "postgres-lib"))
    }
  }
}

/** Whether it was made, and wholly. Throws where something else lies in its place. */
export const isMade = ({ folder }: Cluster): boolean => {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return false
  if (existsSync(join(folder, "PG_VERSION"))) return true
  throw new EmbeddedPostgresError({
    message: `${folder} is no PostgreSQL cluster, and nothing there is overwritten: move it away, name another data folder with --data, ${useYourOwn}`
  })
}

/** The address of a database in a running cluster, with the password. */
export const urlOf = (cluster: Cluster, port: number, database = "outrigger"): string =>
  `postgres://outrigger:${readFileSync(cluster.password, "utf8")}@127.0.0.1:${port}/${database}`

/**
 * Makes a cluster with an empty database `outrigger`. It has a password, for a port on loopback is open to everybody
 * on the machine. It gets its name when it is whole, so that a run that was killed meanwhile leaves nothing that looks
 * like one.
 */
export const make = Effect.fnUntraced(function*(cluster: Cluster) {
  const fresh = `${cluster.folder}.new`
  yield* attempt(cluster.dataDir, () => {
    rmSync(fresh, { recursive: true, force: true })
    mkdirSync(fresh, { mode: 0o700 })
    rmSync(cluster.password, { force: true }) // a new file has the mode it is given
    writeFileSync(cluster.password, randomBytes(18).toString("hex"), { mode: 0o600 })
    const { owner } = cluster.account
    if (owner !== undefined) for (const path of [fresh, cluster.password]) chownSync(path, owner.uid, owner.gid)
  })
  yield* run(cluster, cluster.binaries.initdb, [
    "-D", fresh, "-U", "outrigger", `--pwfile=${cluster.password}`, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
    "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"
  ])
  yield* run(cluster, cluster.binaries.postgres, ["--single", "-D", fresh, "postgres"], "create database outrigger\n")
  yield* attempt(cluster.dataDir, () => renameSync(fresh, cluster.folder))
})

/** How a run of a program failed, with the last lines of what it wrote. */
export const failure = (cluster: Cluster, what: string, output: string): EmbeddedPostgresError => {
  const last = output.trim().split("\n").slice(-8).map((line) => `  ${line}`).join("\n")
  return new EmbeddedPostgresError({
    message: `The embedded PostgreSQL in ${cluster.dataDir}: ${what}. Its last words:\n${last.trim() === "" ? "  (none)" : last}\n` +
      `Mend that, move the folder away, ${useYourOwn}`
  })
}

/** Why a program that is there could not be started. */
export const spawnFailure = (cluster: Cluster, error: NodeJS.ErrnoException): EmbeddedPostgresError =>
  error.code === "ENOENT" && existsSync(cluster.binaries.postgres)
    ? new EmbeddedPostgresError({
      message: `The embedded PostgreSQL cannot run on this system: it needs the GNU C library, which Alpine Linux does not have; take an image with it, ${useYourOwn}`,
      cause: error
    })
    : fromCause(cluster.dataDir)(error)

/**
 * Runs one of PostgreSQL's programs to its end. In single-user mode a failed statement does not show in the exit code.
 */
const run = (cluster: Cluster, file: string, args: ReadonlyArray<string>, input = "") =>
  Effect.callback<void, EmbeddedPostgresError>((resume) => {
    const [command, ...rest] = [...cluster.account.prefix, file, ...args]
    // In a session of its own: a Ctrl-C is ours to answer, by interruption.
    const options = { cwd: cluster.dataDir, env: cluster.environment, detached: true, ...cluster.account.ids }
    const child = spawn(command!, rest, options)
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => { output += text })
    }
    child.stdin.on("error", () => {}) // it may end before it has read
    child.stdin.end(input)
    child.once("error", (error) => resume(Effect.fail(spawnFailure(cluster, error))))
    child.once("close", (code, signal) => {
      const failed = code !== 0 || /\b(ERROR|FATAL|PANIC): /.test(output)
      resume(failed ? Effect.fail(failure(cluster, `${file} ended with ${signal ?? `exit code ${code}`}`, output)) : Effect.void)
    })
    return Effect.callback<void>((stopped) => {
      child.once("close", () => stopped(Effect.void))
      child.kill()
    })
  })
