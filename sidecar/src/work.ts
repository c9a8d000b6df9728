/**
 * The executor in the host itself: for whoever wants durable tasks without a second process. A handler that loops then stops
 * the host too; the sidecar's runner exists so that it does not.
 */
import { Executor, type Hooks, Scheduler } from "@outrigger/executor"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { PromiseTask, TaskHandlers } from "@outrigger/sdk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { layerJoined } from "./runner/registries.ts"

/** Where the tasks are, and how they are worked on. */
export interface WorkOptions {
  /** `postgres://user:password@host:5432/database` */
  readonly databaseUrl: string
  /** In which schema of the database they are; `outrigger` unless said. */
  readonly schema?: string | undefined
  /** Whether the URL leads to PgBouncer or its like; found out unless said here, or by `?pgbouncer=true` in the URL. Tasks are then polled for. */
  readonly pooler?: boolean | undefined
  /** For people: shows in the store and in logs. "work" unless said. */
  readonly name?: string | undefined
  /** How many attempts run at once; 100 unless said. */
  readonly concurrency?: number | undefined
  /** How long running attempts have to end in `close`, ms; 25 000 unless said. */
  readonly drainTimeout?: number | undefined
  /** How long an attempt may take whose task says nothing else; 15 minutes unless said. */
  readonly timeout?: Duration.Input | undefined
  /** How long finished tasks are kept: 7 days succeeded ones, 30 days dead and cancelled ones, unless said. */
  readonly retention?: PgTaskStore.RetentionOptions | undefined
  /** Stands around every handler: tracing, logging, the tenant. The first is the outermost. */
  readonly middleware?: ReadonlyArray<PromiseTask.PromiseMiddleware> | undefined
  /** Told what happens, as data. */
  readonly hooks?: Hooks.Hooks | undefined
}

/** A worker at work. */
export interface Work {
  /** Claims no more, lets what runs end within the drain timeout, hands back the rest. May be called twice. */
  readonly close: () => Promise<void>
}

/**
 * Runs these handlers in this process, and fires schedules, until `close`. Rejects when the database cannot be reached or its schema is too new.
 *
 * @example
 * import { Task } from "@outrigger/sdk/promise"
 * import { work } from "@outrigger/sidecar/work"
 * import { z } from "zod"
 *
 * const SendMail = Task.make("send-mail", { payload: z.object({ to: z.string() }) })
 * const worker = await work([SendMail.handle(async ({ to }) => `mailed ${to}`)], {
 *   databaseUrl: "postgres://localhost/app"
 * })
 * process.once("SIGTERM", () => void worker.close())
 */
export const work = async (
  handlers: ReadonlyArray<PromiseTask.PromiseHandler | PromiseTask.PromiseSchedule>, options: WorkOptions
): Promise<Work> => {
  const { concurrency, databaseUrl, drainTimeout, hooks, middleware, name = "work", pooler, retention, schema, timeout } = options
  const url = Redacted.make(databaseUrl)
  const [first, ...rest] = handlers.map((one) =>
    PromiseTask.isTaskSchedule(one) ? PromiseTask.fromSchedule(one) : PromiseTask.fromHandler(one, middleware))
  if (first === undefined) throw new TypeError("work: there are no handlers; give it at least one")
  const executor = Layer.mergeAll(Executor.layer({ name, concurrency, drainTimeout, timeout, hooks }), Scheduler.layer()).pipe(
    Layer.provide([Layer.mergeAll(first, ...rest), layerJoined]),
    Layer.provide(PgTaskStore.layer({ url, applicationName: `outrigger ${name}`, schema, pooler, retention })),
    Layer.provide(TaskHandlers.layer)
  )
  const scope = Scope.makeUnsafe()
  try {
    await Effect.runPromise(Migrations.run({ schema }).pipe(Effect.provide(PgTaskStore.layerPool({ url, maxConnections: 1, pooler }))))
    await Effect.runPromise(Layer.buildWithScope(executor, scope))
  } catch (error) {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    throw error
  }
  let closing: Promise<void> | undefined
  return { close: () => closing ??= Effect.runPromise(Scope.close(scope, Exit.void)) }
}
