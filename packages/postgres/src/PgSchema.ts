/**
 * In which schema of the database Outrigger lives: `outrigger` unless said. Two schemas of one database know nothing of each
 * other: each has its own tasks, workers, wake-ups, breakers, limits and migrations.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { TaskStore } from "@outrigger/sdk"

/** Read by every layer of this package when it is built, and by `Migrations.run`. */
export const PgSchema = Context.Reference<string>("@outrigger/postgres/PgSchema", { defaultValue: () => TaskStore.defaultSchema })

/**
 * Another name, for all layers that it is provided to: up to 40 lower-case letters, digits and `_`, so that it needs no quotes
 * anywhere. Throws a `RangeError` for any other.
 *
 * @example
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 * import { PgClient } from "@effect/sql-pg"
 * import { PgSchema, PgTasks } from "@outrigger/postgres"
 *
 * const tasks = PgTasks.layer.pipe(
 *   Layer.provide(PgClient.layer({ url: Redacted.make("postgres://localhost/app") })),
 *   Layer.provide(PgSchema.layer("jobs"))
 * )
 */
export const layer = (name: string): Layer.Layer<never> => Layer.succeed(PgSchema, TaskStore.schemaName(name))
