/** A task store over an empty database of a test's own, for what several of its clients do at once. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import pg from "pg"
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import { TaskStore } from "@outrigger/sdk"
import { freshDatabase } from "../database.ts"

/** One host or worker: a pool of its own. */
const clientOf = (url: string, maxConnections: number): Effect.Effect<TaskStore.Service, unknown, Scope.Scope> => Effect.map(
  Layer.build(Layer.fresh(PgTaskStore.layer({ url: Redacted.make(url), maxConnections }))),
  Context.get(TaskStore.TaskStore)
)

/** A session of `pg`, for what is seen and done from outside. */
export const session = (url: string) => Effect.map(
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new pg.Client(url)
      client.on("error", () => {}) // it may be ended from outside
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end().catch(() => {}))
  ),
  (client) => (text: string, values: Array<unknown> = []): Effect.Effect<ReadonlyArray<any>> =>
    Effect.promise(async () => (await client.query(text, values)).rows)
)

/** The schema, with as many stores as are asked for, and a session beside them. */
export const taskStores = (count: number, maxConnections = 4) => Effect.gen(function*() {
  const url = yield* freshDatabase
  yield* Effect.provide(Migrations.run(), PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 1 }))
  const stores = yield* Effect.forEach(Array.from({ length: count }), () => clientOf(url, maxConnections))
  return { url, stores, query: yield* session(url) }
})

/** Looks again until there is something to see. */
export const eventually = <A, E>(look: Effect.Effect<A | undefined, E>): Effect.Effect<A, E> => Effect.flatMap(look, (found) =>
  found === undefined ? Effect.andThen(Effect.sleep(10), eventually(look)) : Effect.succeed(found))

export const route: TaskStore.Route = { name: "charge", version: 1, queue: "default" }

/** One to be enqueued. */
export const newTask = (changes: Partial<TaskStore.NewTask> = {}): TaskStore.NewTask => ({ ...route, payload: 1, priority: 5, delay: 0, ...changes })
