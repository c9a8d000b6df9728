/**
 * The runner: a child of the agent that holds the executor and the handlers. Whatever a handler does to it, the agent lives.
 *
 *   start --handlers loaded, store reached--> ready --drain--> drained, exit 0
 *
 * When the agent dies, the channel closes: the runner hands back what it has within seconds, and ends.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import { Executor } from "@outrigger/executor"
import { PgTaskStore } from "@outrigger/postgres"
import { Registry, TaskHandlers, TaskStore } from "@outrigger/sdk"
import { Worker } from "node:worker_threads"
import { currentKey, enter, refOf } from "./current.ts"
import { loadHandlers } from "./load.ts"
import type { AgentMessage, RunnerMessage, RunnerSettings } from "./protocol.ts"
import { allChecks, layerJoined } from "./registries.ts"
import { leaveLastWords } from "./words.ts"

/** Milliseconds. */
const tickEvery = 20
const reportEvery = 1000
/** Once the agent is gone. */
const orphanDrain = 3000

const lastWords = leaveLastWords()
// The agent reads what is printed here. When it is gone, a line more must not be what ends the orphan before it has drained.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
const tell = (message: RunnerMessage) => {
  if (process.connected) process.send!(message, undefined, {}, () => {}) // an agent that just died is noticed elsewhere
}

const startWatchdog = () => {
  const ticks = new Int32Array(new SharedArrayBuffer(4))
  setInterval(() => Atomics.add(ticks, 0, 1), tickEvery).unref()
  const file = new URL(import.meta.url.endsWith(".ts") ? "./watchdog.ts" : "./watchdog.js", import.meta.url)
  new Worker(file, { workerData: { currentKey, ticks } }).unref()
}

const report = (executor: Executor.Service, registry: Registry.Service): RunnerMessage => {
  const { failed, handedBack, snoozed, succeeded, timedOut } = executor.counts()
  return {
    _tag: "Report",
    worker: executor.worker(),
    running: executor.running().length,
    stuck: draining ? [] : executor.stuck().map(({ task }) => refOf(task)), // a drain hands back what does not end
    checks: allChecks(registry),
    counts: { ended: succeeded + failed + handedBack + snoozed, timedOut }
  }
}

/** Claims and runs, until it is interrupted: then it drains. */
const work = Effect.gen(function*() {
  const executor = yield* Executor.Executor
  const registry = yield* Registry.Registry
  const handlers = yield* TaskHandlers.TaskHandlers
  startWatchdog()
  tell({ _tag: "Ready", worker: executor.worker() ?? "", tasks: handlers.all().filter(({ older }) => older !== true).map(({ definition: { name, queue } }) => ({ name, queue })) })
  setInterval(() => tell(report(executor, registry)), reportEvery).unref() // to the very end: an agent takes silence for death
  const fork = Effect.runForkWith(yield* Effect.context<TaskStore.TaskStore>())
  process.once("disconnect", () => {
    fork(Effect.andThen(orphaned(executor), Effect.sync(() => process.exit(1))))
  })
  return yield* Effect.never
})

/** The agent is gone: a short drain, and whatever still runs goes back unspent; its fence keeps it from writing. */
const orphaned = (executor: Executor.Service) => Effect.gen(function*() {
  lastWords.silence()
  yield* Effect.logWarning("The agent is gone: handing back what runs")
  const worker = executor.worker()
  const drained = yield* Effect.timeoutOption(executor.drain, orphanDrain)
  if (drained._tag === "None" && worker !== undefined) {
    yield* TaskStore.TaskStore.use((store) => store.deregister(worker)).pipe(Effect.timeout("2 seconds"), Effect.ignore)
  }
})

const run = ({ concurrency, databaseUrl, drainTimeout, killAfter, name, pooler, retention, schema, taskTimeout, tasks, verbose }: RunnerSettings) => Effect.gen(function*() {
  process.env["DATABASE_URL"] ??= databaseUrl // handlers of a quick start have no other way to the sidecar's own database
  if (schema !== undefined) process.env["OUTRIGGER_SCHEMA"] ??= schema
  const { around, layers: [first, ...rest] } = yield* Effect.tryPromise({ try: () => loadHandlers(tasks), catch: (error) => error as Error })
  const store = PgTaskStore.layer({ url: Redacted.make(databaseUrl), applicationName: `outrigger ${name}`, schema, pooler, retention })
  const executor = Executor.layer({ name, concurrency, timeout: taskTimeout, drainTimeout, killAfter, enter, middleware: around.effect, hooks: around.hooks }).pipe(
    Layer.provide([Layer.mergeAll(first!, ...rest), layerJoined]),
    Layer.provideMerge(store)
  )
  return yield* Effect.scoped(Effect.provide(work, executor))
}).pipe(Effect.provide(logging(verbose)))

const logging = (verbose: boolean) => Layer.mergeAll(
  Logger.layer([Logger.consoleLogFmt]),
  Layer.succeed(References.MinimumLogLevel, verbose ? "Debug" : "Info")
)

let fiber: Fiber.Fiber<never, unknown> | undefined

const start = (settings: RunnerSettings) => {
  fiber = Effect.runFork(run(settings))
  fiber.addObserver((exit) => {
    lastWords.silence()
    if (exit._tag === "Success" || draining) return process.exit(0)
    const error = Cause.squash(exit.cause)
    const message: RunnerMessage = { _tag: "Failed", message: error instanceof Error ? error.message : String(error) }
    // When it is written, and not before: an exit at once would lose it.
    process.send?.(message, undefined, {}, () => process.exit(1))
  })
}

let draining = false
const drain = () => {
  draining = true
  if (fiber === undefined) process.exit(0)
  fiber.interruptUnsafe()
}

process.on("message", (message) => {
  const told = message as AgentMessage
  if (told._tag === "Start") start(told.settings)
  else drain()
})
// Terminals and service managers stop the agent, which then drains this process; asked directly, it drains as well.
process.on("SIGTERM", drain)
process.on("SIGINT", () => {})
