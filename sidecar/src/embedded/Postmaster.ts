/** One PostgreSQL cluster in a folder: made when it is not there, started, watched, stopped. */
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { type Account, chooseAccount } from "./account.ts"
import { type Binaries, findBinaries, linkLibraries } from "./binaries.ts"
import { EmbeddedPostgresError, useYourOwn } from "./errors.ts"
import { birthOf, isPostmasterOf } from "./processes.ts"

/** How long PostgreSQL has for each step, ms. */
const startTimeout = 60_000
const stopTimeout = 10_000

export interface PostmasterOptions {
  /** The sidecar's data folder; the cluster lies in `postgres` inside. */
  readonly dataDir: string
  readonly log: (line: string) => void
  /** Further settings, such as `fsync=off` for throw-away tests. */
  readonly settings?: ReadonlyArray<string>
}

const freePort = async (wanted: number | undefined): Promise<number> => {
  const tryPort = async (port: number): Promise<number | undefined> => {
    const server = createServer()
    server.listen(port, "127.0.0.1")
    try {
      await once(server, "listening")
      return (server.address() as { readonly port: number }).port
    } catch {
      return undefined
    } finally {
      server.close()
    }
  }
  return (wanted === undefined ? undefined : await tryPort(wanted)) ?? (await tryPort(0))!
}

export class Postmaster {
  port = 0
  private readonly options: PostmasterOptions
  private readonly cluster: string
  private readonly binaries: Binaries
  private readonly environment: Record<string, string | undefined>
  private readonly account: Account
  private child: ChildProcess | undefined
  private stopping = false

  constructor(options: PostmasterOptions) {
    mkdirSync(options.dataDir, { recursive: true })
    const dataDir = realpathSync(options.dataDir)
    this.options = { ...options, dataDir }
    this.cluster = join(dataDir, "postgres")
    this.binaries = findBinaries()
    this.account = chooseAccount(this.cluster, [join(this.binaries.native, "bin"), join(this.binaries.native, "lib")])
    this.environment = { ...process.env, ...linkLibraries(this.binaries.native, join(dataDir, "postgres-lib")), TZ: "UTC", LC_ALL: "C" }
  }

  private file(name: string): string {
    return join(this.options.dataDir, name)
  }

  /** With the password, for this machine only. */
  url(database = "outrigger"): string {
    return `postgres://outrigger:${readFileSync(this.file("postgres.password"), "utf8")}@127.0.0.1:${this.port}/${database}`
  }

  async start(): Promise<void> {
    if (!existsSync(join(this.cluster, "PG_VERSION"))) await this.create()
    await this.recover()
    const remembered = existsSync(this.file("postgres.port")) ? Number(readFileSync(this.file("postgres.port"), "utf8")) : undefined
    this.port = await freePort(remembered)
    writeFileSync(this.file("postgres.port"), String(this.port))
    await this.launch()
  }

  /** A fast shutdown; an immediate one when that takes too long. */
  async stop(): Promise<void> {
    this.stopping = true
    const { child } = this
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    await end(child.pid!, () => child.exitCode !== null || child.signalCode !== null)
  }

  /** A cluster of our own: a password, for a port on loopback is open to everybody on the machine. */
  private async create(): Promise<void> {
    this.options.log("Making a PostgreSQL for this folder (once)")
    rmSync(this.cluster, { recursive: true, force: true }) // of a run that was killed while it made one
    mkdirSync(this.cluster, { mode: 0o700 })
    const password = randomBytes(18).toString("hex")
    writeFileSync(this.file("postgres.password"), password, { mode: 0o600 })
    chmodSync(this.file("postgres.password"), 0o600)
    const once = this.file("postgres.password.once")
    writeFileSync(once, password, { mode: 0o600 })
    const { owner } = this.account
    if (owner !== undefined) {
      for (const path of [this.cluster, once]) chownSync(path, owner.uid, owner.gid)
    }
    const { output, status } = await this.run(this.binaries.initdb, [
      "-D", this.cluster, "-U", "outrigger", `--pwfile=${once}`, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"
    ])
    rmSync(once, { force: true })
    if (status !== 0) {
      rmSync(this.cluster, { recursive: true, force: true })
      throw this.failure(`initdb failed with ${status}`, output)
    }
    const bootstrap = await this.run(this.binaries.postgres, ["--single", "-D", this.cluster, "postgres"], "create database outrigger\n")
    if (bootstrap.status !== 0) {
      rmSync(this.cluster, { recursive: true, force: true })
      throw this.failure("the database could not be made", bootstrap.output)
    }
  }

  /**
   * A killed run leaves its postmaster behind, or just its lock. A living one of this very folder is stopped, and started
   * anew as our child: an adopted one could be neither watched nor started again the same way. A lock whose process is
   * gone, or is another program by now, is removed.
   */
  private async recover(): Promise<void> {
    const lock = join(this.cluster, "postmaster.pid")
    if (!existsSync(lock)) return
    const pid = Number(readFileSync(lock, "utf8").split("\n")[0])
    if (pid > 0 && birthOf(pid) !== undefined && isPostmasterOf(pid, this.cluster)) {
      this.options.log(`Stopping the PostgreSQL that an earlier run left behind (process ${pid})`)
      await end(pid, () => birthOf(pid) === undefined)
    }
    rmSync(lock, { force: true })
  }

  private async launch(): Promise<void> {
    const log = openSync(this.file("postgres.log"), "a")
    const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", ...this.options.settings ?? []]
    const [command, ...args] = [
      ...this.account.prefix, this.binaries.postgres, "-D", this.cluster, "-p", String(this.port), ...settings.flatMap((setting) => ["-c", setting])
    ]
    // A session of its own: Ctrl-C in a terminal must not reach it before the tasks are handed back.
    const child = spawn(command!, args, { cwd: this.cluster, env: this.environment, detached: true, stdio: ["ignore", log, log], ...this.account.ids })
    closeSync(log)
    this.child = child
    child.on("exit", (code, signal) => this.exited(child, code, signal))
    await this.ready(child)
  }

  private async ready(child: ChildProcess): Promise<void> {
    const failed = new Promise<never>((_, reject) => child.once("error", reject))
    failed.catch(() => {})
    const lock = join(this.cluster, "postmaster.pid")
    for (const until = performance.now() + startTimeout; performance.now() < until;) {
      const status = existsSync(lock) ? readFileSync(lock, "utf8").split("\n")[7]?.trim() : undefined
      if (status === "ready") return
      if (child.exitCode !== null || child.signalCode !== null) break
      await Promise.race([pause(15), failed])
    }
    this.child = undefined // its exit is no surprise
    child.kill("SIGQUIT")
    throw this.failure("PostgreSQL did not start", existsSync(this.file("postgres.log")) ? readFileSync(this.file("postgres.log"), "utf8") : "")
  }

  /** Killed in the middle of a run: up again, on the same port. */
  private exited(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.stopping || this.child !== child) return
    this.options.log(`PostgreSQL ended (${signal ?? `exit code ${code}`}); starting it again`)
    const again = async (wait: number): Promise<void> => {
      await pause(wait)
      if (this.stopping) return
      try {
        await this.recover()
        await this.launch()
      } catch (error) {
        this.options.log(`PostgreSQL cannot be started: ${error instanceof Error ? error.message : String(error)}`)
        await again(Math.min(10_000, wait * 2))
      }
    }
    void again(200)
  }

  private async run(file: string, args: ReadonlyArray<string>, input = ""): Promise<{ readonly status: number | string; readonly output: string }> {
    const [command, ...rest] = [...this.account.prefix, file, ...args]
    const child = spawn(command!, rest, { cwd: this.options.dataDir, env: this.environment, stdio: ["pipe", "pipe", "pipe"], ...this.account.ids })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => { output += text })
    child.stdin.on("error", () => {}) // it may end before it has read
    child.stdin.end(input)
    return new Promise((resolve) => {
      child.once("error", (error) => resolve({ status: error.message, output }))
      child.once("close", (code, signal) => resolve({ status: code ?? signal ?? "no exit code", output }))
    })
  }

  private failure(what: string, output: string): EmbeddedPostgresError {
    const last = output.trim().split("\n").slice(-8).map((line) => `  ${line}`).join("\n")
    return new EmbeddedPostgresError({ message: `The embedded PostgreSQL in ${this.cluster}: ${what}. It said:\n${last || "  (nothing)"}\nMend that, move the folder away, ${useYourOwn}` })
  }
}

/** SIGINT is a fast shutdown, SIGQUIT an immediate one. */
const end = async (pid: number, gone: () => boolean): Promise<void> => {
  for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    try {
      process.kill(pid, signal)
    } catch {
      return // gone between the look and the signal
    }
    for (const until = performance.now() + stopTimeout; performance.now() < until; await pause(10)) if (gone()) return
  }
}
