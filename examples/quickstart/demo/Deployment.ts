/**
 * All processes of one run: PostgreSQL, the payment service, the shop, and, unless it is the bare run, the sidecar. Each is
 * killed and started again by itself, as containers are.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import pg from "pg"
import type { Counts } from "../ledger.ts"
import { ask } from "./ask.ts"
import { freePorts, Process, type ProcessOptions } from "./Process.ts"
import { until } from "./until.ts"

export type Mode = "ok" | "slow" | "fail" | "hang" | "flaky"

/** How long a handler may block its runner. Short, because the demo has a minute. */
export const killAfter = 3000

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const outrigger = here("../../../sidecar/src/bin.ts")

const answers = (url: string) => async () => (await ask(url, 2000)).status === 200

export interface DeploymentOptions {
  /** Without Outrigger. */
  readonly bare: boolean
  /** Hears each line that a process says. */
  readonly onLine: (name: string, line: string) => void
}

export class Deployment {
  readonly shopUrl: string
  /** Of the process that answers for the shop's health. */
  readonly healthUrl: string
  readonly sidecarUrl: string
  readonly shop: Process
  readonly payments: Process
  readonly sidecar: Process | undefined
  private readonly database: Process
  private readonly folder: string
  private readonly paymentsUrl: string
  private pool: pg.Pool | undefined

  private constructor(folder: string, ports: ReadonlyArray<number>, { bare, onLine }: DeploymentOptions) {
    const define = (name: string, options: Omit<ProcessOptions, "name" | "onLine">) =>
      new Process({ name, onLine: (line) => onLine(name, line), ...options })
    const [shop, payments, sidecar, database] = ports.map((port) => ({ port: String(port), url: `http://127.0.0.1:${port}` }))
    this.folder = folder
    this.shopUrl = shop!.url
    this.paymentsUrl = payments!.url
    this.sidecarUrl = sidecar!.url
    this.healthUrl = bare ? `${shop!.url}/healthz` : `${sidecar!.url}/health`
    this.database = define("database", {
      args: [outrigger, "start", "--data", folder, "--port", database!.port],
      env: () => ({}),
      ready: answers(`${database!.url}/readyz`)
    })
    this.payments = define("payments", {
      args: [here("../payments.ts")],
      env: () => ({ PORT: payments!.port, LEDGER: join(folder, "ledger.jsonl") }),
      ready: answers(`${payments!.url}/ledger`)
    })
    this.shop = define("shop", {
      args: [here(bare ? "../bare-shop.ts" : "../shop.ts")],
      env: () => ({ PORT: shop!.port, PAYMENTS_URL: payments!.url, OUTRIGGER_URL: sidecar!.url, DATABASE_URL: this.databaseUrl() }),
      ready: answers(`${shop!.url}/healthz`)
    })
    this.sidecar = bare ? undefined : define("sidecar", {
      args: [
        outrigger, "start", "--tasks", here("../tasks.ts"), "--port", sidecar!.port, "--data", join(folder, "sidecar"),
        "--kill-after", `${killAfter}ms`, "--drain-timeout", "5s"
      ],
      env: () => ({ PAYMENTS_URL: payments!.url, DATABASE_URL: this.databaseUrl() }),
      ready: answers(`${sidecar!.url}/readyz`)
    })
  }

  /** Nothing runs yet; `close` must be called whatever happens. */
  static async make(options: DeploymentOptions): Promise<Deployment> {
    const folder = mkdtempSync(join(tmpdir(), "outrigger-demo-"))
    chmodSync(folder, 0o711) // PostgreSQL refuses to be root, and must pass through when we are
    return new Deployment(folder, await freePorts(4), options)
  }

  async start(): Promise<void> {
    await this.database.start()
    this.pool = new pg.Pool({ connectionString: this.databaseUrl(), max: 2 })
    this.pool.on("error", () => {}) // an idle connection that ends is no news: the next question opens another
    await this.payments.start()
    await this.sidecar?.start()
    await this.shop.start()
  }

  /** The embedded PostgreSQL's, for this machine only. */
  private databaseUrl(): string {
    const read = (file: string) => readFileSync(join(this.folder, file), "utf8").trim()
    return `postgres://outrigger:${read("postgres.password")}@127.0.0.1:${read("postgres.port")}/outrigger`
  }

  /** Tells the payment service how to behave. */
  async behave(mode: Mode): Promise<void> {
    const { status } = await ask(`${this.paymentsUrl}/mode`, 5000, { mode })
    if (status !== 200) throw new Error(`payments did not take the mode "${mode}": ${status}`)
  }

  /** What the payment service has counted. */
  async ledger(): Promise<Counts> {
    return until("the ledger of payments", 30_000, async () => {
      const { body, status } = await ask(`${this.paymentsUrl}/ledger`, 5000)
      return status === 200 ? body as Counts : undefined
    })
  }

  /** The orders that the shop has, and whether it knows them as charged. */
  async orders(): Promise<ReadonlyArray<{ readonly id: string; readonly charged: boolean }>> {
    const { rows } = await this.pool!.query<{ id: string; charged: boolean }>("select id, charged_at is not null as charged from orders")
    return rows
  }

  /** What each process said last, for whoever has to find out why the demo failed. */
  lastWords(): ReadonlyArray<string> {
    return [this.database, this.payments, this.sidecar, this.shop].flatMap((process) =>
      process === undefined ? [] : process.lines.slice(-12).map((line) => `[${process.name}] ${line}`))
  }

  /** How often a line was said by those who call the payment service. */
  said(pattern: RegExp): number {
    return [...this.shop.lines, ...this.sidecar?.lines ?? []].filter((line) => pattern.test(line)).length
  }

  /** Stops everything, the database last, and leaves nothing behind. */
  async close(): Promise<void> {
    await Promise.all([this.shop.close(), this.sidecar?.close(), this.payments.close(), this.pool?.end().catch(() => undefined)])
    if (!await this.database.close()) this.killPostgres()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  /** It outlives an agent that had to be killed. */
  private killPostgres(): void {
    const file = join(this.folder, "postgres", "postmaster.pid")
    if (existsSync(file)) process.kill(Number(readFileSync(file, "utf8").split("\n")[0]), "SIGQUIT")
  }
}
