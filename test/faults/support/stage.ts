/** Where a scenario plays: a database with the ledger in it, a store for the test itself, and worker processes. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import pg from "pg"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { type Task, TaskStore } from "@outrigger/sdk"
import { createDatabase } from "../../database.ts"
import type { WorkerOptions } from "./charge.ts"
import { schema, type Verdict, verdictOn } from "./ledger.ts"
import { until } from "./until.ts"

const program = join(import.meta.dirname, "worker.ts")
const clock = join(import.meta.dirname, "shiftedClock.ts")

/** A worker process. */
export class Worker {
  readonly name: string
  readonly child: ChildProcess
  private output = ""

  constructor(options: WorkerOptions, clockShift: number) {
    this.name = options.name
    this.child = spawn(process.execPath, ["--conditions", "outrigger-source", "--import", clock, program, JSON.stringify(options)], {
      env: { ...process.env, NODE_OPTIONS: "", OUTRIGGER_TEST_CLOCK_SHIFT: String(clockShift) }, stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [this.child.stdout!, this.child.stderr!]) stream.setEncoding("utf8").on("data", (text: string) => { this.output += text })
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** Registered, and at work. */
  ready(): Promise<true> {
    return until(`${this.name} is ready`, async () => {
      if (this.hasEnded) throw new Error(`${this.name} ended by itself:\n${this.output}`)
      return this.output.includes("ready\n") ? true : undefined
    }, () => this.output)
  }

  /** Nothing of it runs any more, and it does not know. */
  stopped(): Promise<true> {
    return until(`${this.name} stands still`, async () => stateOf(this.child.pid!) === "T" ? true : undefined)
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  async kill(): Promise<void> {
    if (this.hasEnded) return
    this.child.kill("SIGKILL")
    await once(this.child, "close")
  }

  /** Drains it, and gives what it counted. */
  async end(): Promise<{ readonly succeeded: number; readonly refused: number }> {
    const closed = once(this.child, "close")
    this.child.kill("SIGTERM")
    await closed
    return JSON.parse(this.output.trim().split("\n").at(-1)!) as { readonly succeeded: number; readonly refused: number }
  }
}

/** As the kernel has it: T is stopped. */
const stateOf = (pid: number): string => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? ""

export class Stage implements AsyncDisposable {
  readonly url: string
  readonly workers: Array<Worker> = []
  private readonly folder = mkdtempSync(join(tmpdir(), "outrigger-faults-"))
  private readonly journal = join(this.folder, "attempts")
  private readonly runtime
  private readonly drop: () => Promise<void>
  private born = 0

  private constructor(url: string, storeUrl: string, drop: () => Promise<void>) {
    this.url = url
    this.drop = drop
    writeFileSync(this.journal, "")
    this.runtime = ManagedRuntime.make(PgTaskStore.layer({ url: Redacted.make(storeUrl), applicationName: "faults test", maxConnections: 4 }))
  }

  /** In a database of its own on the PostgreSQL of all tests. */
  static async open(): Promise<Stage> {
    const { drop, url } = await createDatabase()
    return Stage.in(url, { drop })
  }

  /** In an empty database. The test's own store may reach it another way. */
  static async in(url: string, { drop = async () => {}, storeUrl = url }: {
    readonly drop?: () => Promise<void>
    readonly storeUrl?: string
  } = {}): Promise<Stage> {
    const pool = PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 1 })
    await Effect.runPromise(Migrations.run().pipe(Effect.provide(pool)))
    const stage = new Stage(url, storeUrl, drop)
    await stage.ask(schema)
    return stage
  }

  /** On a session of its own: the server may just have been killed. */
  async ask(text: string, values: Array<unknown> = []): Promise<ReadonlyArray<any>> {
    return this.observed(async (client) => (await client.query(text, values)).rows)
  }

  private async observed<A>(look: (client: pg.Client) => Promise<A>): Promise<A> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 5000 })
    client.on("error", () => {})
    try {
      await client.connect()
      return await look(client)
    } finally {
      await client.end().catch(() => {})
    }
  }

  store<A, E>(use: (store: TaskStore.Service) => Effect.Effect<A, E>): Promise<A> {
    return this.runtime.runPromise(TaskStore.TaskStore.use(use))
  }

  /** Gives the ids that were reported. */
  enqueue(tasks: ReadonlyArray<TaskStore.NewTask>): Promise<ReadonlyArray<string>> {
    return this.store((store) => Effect.map(store.enqueue(tasks), (all) => all.map(({ id }) => id)))
  }

  refusal(tasks: ReadonlyArray<TaskStore.NewTask>): Promise<Task.EnqueueError> {
    return this.store((store) => Effect.flip(store.enqueue(tasks) as Effect.Effect<unknown, Task.EnqueueError>))
  }

  async worker(options: Partial<WorkerOptions> & { readonly clockShift?: number } = {}): Promise<Worker> {
    const { clockShift = 0, ...others } = options
    const worker = new Worker({
      name: `worker ${++this.born}`, databaseUrl: this.url, ledgerUrl: this.url, journal: this.journal, lease: 2000, queue: "default", ...others
    }, clockShift)
    this.workers.push(worker)
    await worker.ready()
    return worker
  }

  /** How many have succeeded. */
  async succeeded(): Promise<number> {
    return (await this.ask("select count(*)::int as n from outrigger.finished where state = 'succeeded'"))[0]!.n
  }

  /** Until these, or so many, have succeeded. */
  async untilSucceeded(wanted: number): Promise<void> {
    await until(`${wanted} tasks have succeeded`, async () => (await this.succeeded()) >= wanted ? true : undefined, () =>
      this.ask("select state, worker, count(*)::int from outrigger.task group by 1, 2 union all select state, null, count(*)::int from outrigger.finished group by 1"))
  }

  verdict(ids: ReadonlyArray<string>): Promise<Verdict> {
    return this.observed((client) => verdictOn(client, ids, this.journal))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()))
    await this.runtime.dispose()
    await this.drop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
