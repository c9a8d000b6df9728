/**
 * The agent: what it is made of, in the order in which it starts; it stops in reverse, but for the HTTP server, which is there
 * from the first moment to the last but one.
 *
 *   HTTP (probes answer) -> database -> API -> schedules -> runners -> serving
 *   draining (not ready) -> runners -> HTTP -> database
 *
 * It runs no code of the user.
 */
import { Scheduler } from "@outrigger/executor"
import { TaskStore } from "@outrigger/sdk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { openDatabase, type Database, StartupError } from "./database.ts"
import { AgentHealth } from "./health/AgentHealth.ts"
import { watchDatabase, watchRunners } from "./health/checks.ts"
import { Hosts } from "./health/hosts.ts"
import { Definitions } from "./http/Definitions.ts"
import { type Front, type ListenError, openFront } from "./http/Front.ts"
import type { Verdict } from "./supervision/blame.ts"
import { settleDead } from "./supervision/settleDead.ts"
import { type Start, Supervisor } from "./supervision/Supervisor.ts"

export interface AgentOptions {
  readonly host: string
  readonly port: number
  readonly token: string | undefined
  readonly allowHosts: ReadonlyArray<string>
  readonly databaseUrl: string | undefined
  readonly schema: string | undefined
  readonly data: string
  /** The handlers file, absolute; without one there is no runner. */
  readonly tasks: string | undefined
  readonly runners: number
  readonly runnerMemory: number | undefined
  readonly concurrency: number | undefined
  /** Milliseconds from here on. */
  readonly taskTimeout: number | undefined
  readonly keepSucceeded: number | undefined
  readonly keepDead: number | undefined
  readonly startupTimeout: number
  readonly drainTimeout: number
  readonly killAfter: number
  readonly verbose: boolean
  /** A line for people. */
  readonly print: (line: string) => void
}

/** What runs, for whoever prints it. */
export interface Running {
  readonly port: number
  readonly database: string
  readonly runners: ReadonlyArray<Start & { readonly _tag: "Ready" }>
  readonly definitions: ReadonlyArray<TaskStore.TaskDefinition>
}

/** A payload of 1 MiB, and room for what stands around it. */
export const bodyLimit = 1024 * 1024 + 64 * 1024
/** Requests at work when the agent stops, ms. */
const closeGrace = 1000

const now = () => performance.now()

const makeHealth = (hosts: Hosts, print: AgentOptions["print"]) => Effect.acquireRelease(
  Effect.sync(() => new AgentHealth({ hosts, log: (level, line) => { if (level === "warn") print(line) } })),
  (health) => Effect.promise(() => health.close())
)

const openApi = (front: Front, health: AgentHealth, hosts: Hosts, { store }: Database) => Effect.gen(function*() {
  const { makeHandler } = yield* Effect.promise(() => import("./http/handler.ts"))
  const definitions = new Definitions(store, now)
  front.open(yield* makeHandler({ store, definitions, hosts, bodyLimit, report: () => health.current() }))
})

const settler = (store: TaskStore.Service, print: AgentOptions["print"]) => (worker: string, verdict: Verdict): Promise<void> =>
  Effect.runPromise(settleDead(store, worker, verdict).pipe(Effect.match({
    onSuccess: (spent) => {
      for (const { attempt, id, name } of spent) print(`Attempt ${attempt} of task ${name} (${id}) is spent: ${verdict.failure.message}`)
    },
    onFailure: ({ message }) => print(`What a dead runner left could not be settled, and will be reaped when its lease is over: ${message}`)
  })))

const startRunners = (options: AgentOptions, { pooler, schema, store, url }: Database) => Effect.acquireRelease(
  Effect.sync(() => {
    const { concurrency, drainTimeout, keepDead, keepSucceeded, killAfter, print, runnerMemory, taskTimeout, tasks, verbose } = options
    if (tasks === undefined) return []
    return Array.from({ length: options.runners }, (_, index) => new Supervisor({
      settings: {
        name: `runner-${index + 1}`, tasks, databaseUrl: url, schema, pooler, concurrency, taskTimeout, drainTimeout, killAfter, verbose,
        retention: { succeeded: keepSucceeded, unsuccessful: keepDead }
      },
      nodeOptions: runnerMemory === undefined ? [] : [`--max-old-space-size=${runnerMemory}`],
      now,
      log: (_, line) => print(line),
      print,
      settle: settler(store, print)
    }))
  }),
  (supervisors) => Effect.promise(() => Promise.all(supervisors.map((supervisor) => supervisor.drain())))
)

const awaitStart = (supervisors: ReadonlyArray<Supervisor>) => Effect.forEach(supervisors, (supervisor) => Effect.gen(function*() {
  const start = yield* Effect.promise(() => supervisor.start)
  return start._tag === "Ready" ? start : yield* new StartupError({ message: start.message })
}))

/**
 * Starts everything, and gives what runs; closing the scope stops it in order.
 *
 * `onForce` is told of ends that must be made when there is no time to stop in order.
 */
export const startAgent = (
  options: AgentOptions, onForce: (end: () => void) => void
): Effect.Effect<Running, Error | ListenError | StartupError, Scope.Scope> => Effect.gen(function*() {
  const { print } = options
  const hosts = new Hosts(now)
  const health = yield* makeHealth(hosts, print)
  const front = yield* openFront({
    host: options.host,
    port: options.port,
    token: options.token,
    hosts: new Set([...options.allowHosts, options.host.toLowerCase()]),
    bodyLimit,
    probe: health.probe
  })
  print(`Listening on http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${front.port}`)
  health.waitFor("the database is opened")
  const database = yield* openDatabase({
    url: options.databaseUrl, schema: options.schema, data: options.data, startupTimeout: options.startupTimeout, print
  })
  yield* Effect.addFinalizer(() => Effect.promise(() => front.close(closeGrace)))
  watchDatabase(health, database)
  yield* openApi(front, health, hosts, database)

  yield* Effect.provideService(Scheduler.make(), TaskStore.TaskStore, database.store)
  health.waitFor("the runner loads the handlers")
  const supervisors = yield* startRunners(options, database)
  onForce(() => {
    for (const supervisor of supervisors) supervisor.end()
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => health.enter("draining")))
  watchRunners(health, supervisors)
  const runners = yield* awaitStart(supervisors)
  health.enter("serving")
  return { port: front.port, database: database.shown, runners, definitions: yield* database.store.definitions }
})
