/** The promise face's front door: one object for the app, with a registry of its own. */
import type { Chaos } from "../core/call/chaos.ts"
import type { DependencyState } from "../core/dependency.ts"
import { InvalidPolicyOption } from "../core/errors.ts"
import { explain, type Report } from "../core/health/health.ts"
import { liveTimers } from "../core/time/live.ts"
import { logLines } from "../core/events/logLines.ts"
import { schemaName } from "../core/options/schema.ts"
import { apiDefaults, type PolicyOptions } from "../core/options.ts"
import { Registry } from "../core/registry.ts"
import { enqueueManyStatement, enqueueStatement, type SqlStatement } from "../core/tasks/statements.ts"
import type { TaskId, TaskRecord } from "../core/tasks/task.ts"
import { InvalidOption, TaskCancelled, TaskDead } from "../core/tasks/taskErrors.ts"
import type { Timers } from "../core/time/timers.ts"
import { announce } from "./announce.ts"
import { Api } from "./Api.ts"
import { type BackgroundOptions, runBackground } from "./background.ts"
import { type CheckFunction, type CheckOptions, Checks } from "./Checks.ts"
import { type Database, type DatabaseClient, type DatabaseOptions, watchDatabase } from "./Database.ts"
import { Reports } from "./reports.ts"
import { type Resource, type ResourceOptions, Resources } from "./Resources.ts"
import { makeRouter, type Router, type RouterOptions } from "./Router.ts"
import { Sidecar, type SidecarOptions, type Tasks } from "./Sidecar.ts"
import type { AnyTask, EnqueueOptions, PayloadOf, SuccessOf } from "./Task.ts"

/** Where the outrigger's few lines go. */
export type Log = (level: "info" | "warn", line: string, details?: Readonly<Record<string, unknown>>) => void

export interface OutriggerOptions {
  /** The app's name, as operators know it. */
  readonly service: string
  /** Needed for `enqueue`, `execute` and `cancel`; with it, the host reports its health there. In tests, that of a test kit. */
  readonly sidecar?: SidecarOptions | Tasks | undefined
  /** Whether a call made inside another takes the shorter of both deadlines, without being told; false unless said: it costs each call 0.2 us. */
  readonly inheritDeadlines?: boolean | undefined
  /** In which schema of PostgreSQL `enqueueSql` and `enqueueManySql` find Outrigger; `outrigger` unless said. Throws a `RangeError` for what is no name. */
  readonly schema?: string | undefined
  /** Warnings go to `console.warn` unless said, and nothing else is printed. */
  readonly log?: Log | undefined
  /** For tests: another clock. */
  readonly timers?: Timers | undefined
}

/** How long `close` waits for a background run under way, ms. */
const backgroundWait = 5000

const quiet: Log = (level, line, details) => {
  if (level === "warn") console.warn(details?.["dependency"] === undefined ? `outrigger: ${line}` : `outrigger: ${String(details["dependency"])}: ${line}`)
}

/** What `createOutrigger` gives. */
export class Outrigger {
  readonly service: string
  private readonly registry = new Registry()
  private readonly withdraw = announce(this.registry)
  private readonly apis = new Map<string, Api>()
  private readonly timers: Timers
  private readonly inherits: boolean
  private readonly checks: Checks
  private readonly resources = new Resources()
  private readonly stops: Array<(wait: number) => Promise<void>> = []
  private readonly log: Log
  private readonly schema: string
  private tasks: Tasks | undefined
  private readonly reports: Reports | undefined
  private closing: Promise<void> | undefined

  constructor(options: OutriggerOptions) {
    if (typeof options.service !== "string" || options.service === "") {
      throw new InvalidOption("createOutrigger", "service", options.service, "the app's name")
    }
    this.service = options.service
    this.timers = options.timers ?? liveTimers
    this.inherits = options.inheritDeadlines ?? false
    this.log = options.log ?? quiet
    this.schema = schemaName(options.schema)
    this.checks = new Checks(this.registry, this.timers.port)
    const { sidecar } = options
    if (sidecar !== undefined && "enqueue" in sidecar) this.tasks = sidecar
    else if (sidecar !== undefined) {
      const http = this.tasks = new Sidecar(sidecar, this.timers)
      this.reports = new Reports({
        service: this.service,
        registry: this.registry,
        sidecar: http,
        port: this.timers.port,
        report: () => this.report(),
        warn: (line) => this.log("warn", line)
      })
    }
  }

  /**
   * A dependency of the host, with its policy. What is left out has the defaults of an `Api`: 30 s, 2 retries, a breaker of 5
   * failures for 60 s. The same name with the same options gives the same one; with others it throws.
   */
  api(name: string, options: PolicyOptions = {}): Api {
    if (typeof options !== "object" || options === null) throw new InvalidPolicyOption(name, "options", options, "an object of options")
    const dependency = this.registry.dependency("api", name, { ...apiDefaults, ...options }, this.timers)
    let api = this.apis.get(name)
    if (api === undefined) {
      this.apis.set(name, api = new Api(dependency, this.inherits))
      logLines(dependency, this.log)
    }
    return api
  }

  /** Lets chaos play with every dependency, those to come among them, until the returned function is called. */
  chaos(source: Chaos): () => void {
    return this.registry.provideChaos(source)
  }

  /**
   * Equivalent dependencies, such as models or regions: each call goes to one that is well, and on to the next when that
   * fails. Options that make no sense throw an `InvalidPolicyOption`.
   *
   * @example
   * import { createOutrigger } from "@outrigger/sdk/promise"
   *
   * const outrigger = createOutrigger({ service: "shop" })
   * const europe = outrigger.api("europe", { timeout: "2 seconds", retry: false })
   * const america = outrigger.api("america", { timeout: "5 seconds", retry: false })
   * const search = outrigger.router("search", { targets: { europe, america }, timeout: "8 seconds" })
   * const found = await search.call(({ target, signal }) => fetch(`https://${target}.example.com/?q=canoe`, { signal }))
   */
  router<const T extends string>(name: string, options: RouterOptions<T>): Router<T> {
    return makeRouter(name, options, { registry: this.registry, checks: this.checks, port: this.timers.port, inherits: this.inherits })
  }

  /** Watches the host's own client: a `pg.Pool`, a `postgres` client, or `{ ping, stats }`. */
  database(name: string, client: DatabaseClient, options: DatabaseOptions = {}): Database {
    return watchDatabase(name, client, options, this.checks, (line) => this.log("warn", line, { dependency: name }))
  }

  /** Something that is opened once, when it is first asked for, and closed by `close`. */
  resource<A>(name: string, options: ResourceOptions<A>): Resource<A> {
    const resource = this.resources.add(name, options)
    const { check } = options
    if (check !== undefined) this.check(name, async () => check(await resource.get()))
    return resource
  }

  /** Runs `run` again and again, `every` after it ended, until `close`. A run that fails is logged and shows in health. */
  background(name: string, options: BackgroundOptions, run: (context: { readonly signal: AbortSignal }) => unknown): void {
    const log = (line: string) => this.log("warn", line)
    this.stops.push(runBackground(name, options, run, { registry: this.registry, port: this.timers.port, log }))
  }

  /** A health check, run in the background; the returned function ends it. */
  check(name: string, check: CheckFunction, options: CheckOptions = {}): () => void {
    return this.checks.add(name, check, options)
  }

  /** Hands tasks to somebody else, such as a test kit, until the returned function is called. */
  provideTasks(tasks: Tasks): () => void {
    const before = this.tasks
    this.tasks = tasks
    return () => {
      if (this.tasks === tasks) this.tasks = before
    }
  }

  /** Hands a task to the sidecar. Rejects with `SidecarUnavailable` when it cannot be reached within its deadline. */
  async enqueue<T extends AnyTask>(task: T, payload: PayloadOf<T>, options?: EnqueueOptions): Promise<TaskId> {
    const sidecar = this.needSidecar("enqueue")
    return (await sidecar.enqueue(await task.encode(payload, options))).id
  }

  /** Many at once, all or none. */
  async enqueueMany<T extends AnyTask>(
    task: T, payloads: ReadonlyArray<PayloadOf<T>>, options?: Omit<EnqueueOptions, "idempotencyKey">
  ): Promise<ReadonlyArray<TaskId>> {
    const sidecar = this.needSidecar("enqueueMany")
    const tasks = await Promise.all(payloads.map((payload) => task.encode(payload, options)))
    return (await sidecar.enqueueMany(tasks)).map(({ id }) => id)
  }

  /** Enqueues and waits for the result. Rejects with `TaskDead` or `TaskCancelled`. Aborting leaves the task as it is. */
  async execute<T extends AnyTask>(
    task: T, payload: PayloadOf<T>, options: EnqueueOptions & { readonly signal?: AbortSignal } = {}
  ): Promise<SuccessOf<T>> {
    const { signal, ...rest } = options
    const id = await this.enqueue(task, payload, rest)
    const record = await this.needSidecar("execute").await(id, signal)
    if (record.state === "cancelled") throw new TaskCancelled(id)
    if (record.state === "dead") {
      throw new TaskDead(id, record.attempt, record.failure ?? { name: "Unknown", message: "no failure was recorded" })
    }
    return record.result as SuccessOf<T>
  }

  /** The task as it is now. Rejects with `TaskNotFound`. */
  async task(id: TaskId): Promise<TaskRecord> {
    return this.needSidecar("task").find(id)
  }

  /** Ends a task that is not over; a running handler is interrupted. */
  async cancel(id: TaskId): Promise<TaskRecord> {
    return this.needSidecar("cancel").cancel(id)
  }

  /**
   * The statement that enqueues, for a client and a transaction of your own: saved together with your change, or not at all.
   *
   * @example
   * import { createOutrigger, Task } from "@outrigger/sdk/promise"
   * import { Pool } from "pg"
   * import { z } from "zod"
   *
   * const Welcome = Task.make("welcome", { payload: z.object({ user: z.string() }) })
   * const outrigger = createOutrigger({ service: "shop" })
   * const client = await new Pool().connect()
   * await client.query("begin")
   * await client.query("insert into users (name) values ($1)", ["ada"])
   * await client.query(outrigger.enqueueSql(Welcome, { user: "ada" }))
   * await client.query("commit")
   */
  enqueueSql<T extends AnyTask>(task: T, payload: PayloadOf<T>, options?: EnqueueOptions): SqlStatement {
    return enqueueStatement(task.encodeSync(payload, options), this.schema)
  }

  /** As `enqueueSql`, for many at once, all or none; gives a row with an `id` for each, in their order. */
  enqueueManySql<T extends AnyTask>(
    task: T, payloads: ReadonlyArray<PayloadOf<T>>, options?: Omit<EnqueueOptions, "idempotencyKey">
  ): SqlStatement {
    return enqueueManyStatement(payloads.map((payload) => task.encodeSync(payload, options)), this.schema)
  }

  /**
   * For after the commit of a transaction that enqueued by `enqueueSql`: workers that sleep look at once, not within their poll
   * (100 ms). A hint over the sidecar: one that is away is no failure. Without a sidecar, `select outrigger.wake()` does the same.
   */
  async wake(): Promise<void> {
    await this.needSidecar("wake").wake()
  }

  /** All checks and dependencies at this moment. Reads memory: never waits on a dependency. */
  health(): Promise<Report> {
    return Promise.resolve(this.report())
  }

  /** False while a check that concerns readiness fails, or the outrigger is closing. */
  ready(): boolean {
    return this.closing === undefined && this.registry.ready()
  }

  /** Stops the background, closes every resource in reverse order, says goodbye to the sidecar. May be called twice. */
  close(): Promise<void> {
    return this.closing ??= this.shut()
  }

  private async shut(): Promise<void> {
    await Promise.all(this.stops.map((stop) => stop(backgroundWait)))
    this.checks.close()
    await this.resources.close((name, error) => {
      if (error === undefined) this.log("info", "Session closed on shutdown", { resource: name })
      else this.log("warn", `Resource ${name} failed to close: ${explain(error)}`)
    })
    await this.registry.close()
    await this.reports?.close()
    this.withdraw()
  }

  /** Every dependency by name, with its breaker and its statistics at this moment. */
  states(): Readonly<Record<string, DependencyState>> {
    return this.registry.states()
  }

  private report(): Report {
    const { port } = this.timers
    return this.registry.report(port.now(), port.epoch(), this.service)
  }

  private needSidecar(operation: string): Tasks {
    if (this.tasks !== undefined) return this.tasks
    throw new InvalidOption("createOutrigger", "sidecar", "left out", `given for ${operation}, such as { url: "http://127.0.0.1:7700" }`)
  }
}

/**
 * The outrigger of an app: make one, and hand it around.
 *
 * @example
 * import { createOutrigger } from "@outrigger/sdk/promise"
 *
 * const outrigger = createOutrigger({ service: "shop" })
 * const search = outrigger.api("search", { timeout: "2 seconds" })
 * const found = await search.call(({ signal }) => fetch("https://example.com/?q=canoe", { signal }))
 * await outrigger.close()
 */
export const createOutrigger = (options: OutriggerOptions): Outrigger => new Outrigger(options)
