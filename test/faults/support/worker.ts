/**
 * A worker as a process of its own, as a host has one: an executor over PostgreSQL whose handler hands its fence to what it
 * writes. It prints `ready`, and at its end (SIGTERM) what it counted.
 *
 *   node test/faults/support/worker.ts '{ "databaseUrl": ..., ... }'
 */
import { appendFileSync } from "node:fs"
import { once } from "node:events"
import pg from "pg"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { Executor } from "@outrigger/executor"
import { PgTaskStore } from "@outrigger/postgres"
import { PromiseTask, TaskHandlers } from "@outrigger/sdk"
import { Charge, type WorkerOptions } from "./charge.ts"
import { chargeSql } from "./ledger.ts"

const { databaseUrl, journal, lease, ledgerUrl, name, queue } = JSON.parse(process.argv[2]!) as WorkerOptions

const ledger = new pg.Pool({ connectionString: ledgerUrl, max: 8 })
ledger.on("error", () => {}) // an idle connection was lost: the pool takes another

const freeze = () => process.kill(process.pid, "SIGSTOP")

const handler = Charge(queue).handle(async ({ failures = 0, freezes }, { attempt, fence, id }) => {
  appendFileSync(journal, `${id} ${fence}\n`)
  if (freezes === "before its side effect" && fence === "1") freeze()
  await ledger.query(chargeSql, [id, fence])
  if (attempt <= failures) throw new Error(`attempt ${attempt} of ${id} fails`)
  if (freezes === "before its acknowledgement" && fence === "1") freeze()
  return { at: Date.now(), by: name }
})

const layer = Executor.layer({ name, lease, concurrency: 50, drainTimeout: "5 seconds" }).pipe(
  Layer.provide(PromiseTask.fromHandler(handler)),
  Layer.provide(PgTaskStore.layer({ url: Redacted.make(databaseUrl), applicationName: `faults ${name}`, maxConnections: 4 })),
  Layer.provide(TaskHandlers.layer)
)

const scope = Scope.makeUnsafe()
const executor = Context.get(await Effect.runPromise(Layer.buildWithScope(layer, scope)), Executor.Executor)
process.stdout.write("ready\n")
await once(process, "SIGTERM")
await Effect.runPromise(Scope.close(scope, Exit.void))
process.stdout.write(`${JSON.stringify(executor.counts())}\n`)
await ledger.end()
