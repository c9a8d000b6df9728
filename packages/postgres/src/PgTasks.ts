/**
 * Enqueue in the host's own transaction: a task that is saved together with the change that needs it, or not at all.
 *
 * Over the `PgClient` at hand: inside `sql.withTransaction` it takes part in it. Outside, concurrent single enqueues are
 * gathered: whoever comes while a statement is on its way joins the next.
 *
 * Through PgBouncer and its like give the client `prepare: false`.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { PgClient } from "@effect/sql-pg"
import { Tasks, TaskStore } from "@outrigger/sdk"
import { makeEnqueue } from "./internal/enqueue.ts"
import { gather } from "./internal/gather.ts"
import { currentSql } from "./internal/sql.ts"
import * as PgTaskStore from "./PgTaskStore.ts"

/**
 * `Tasks` over the client at hand.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { PgClient } from "@effect/sql-pg"
 * import { Task } from "@outrigger/sdk"
 *
 * const Welcome = Task.make("welcome", { payload: { user: Schema.String } })
 * const signUp = Effect.gen(function*() {
 *   const sql = yield* PgClient.PgClient
 *   yield* sql.withTransaction(Effect.andThen(sql`insert into users (name) values ('ada')`, Welcome.enqueue({ user: "ada" })))
 * })
 */
export const layer: Layer.Layer<Tasks.Tasks, never, PgClient.PgClient> = Layer.effect(
  Tasks.Tasks,
  Effect.gen(function*() {
    const sql = yield* currentSql
    const store = yield* TaskStore.TaskStore
    const tasks = yield* Tasks.Tasks
    const inside = makeEnqueue(sql, false)
    const outside = gather(store.enqueue)
    const inTransaction = Effect.map(Effect.serviceOption(sql.transactionService), Option.isSome)
    return Tasks.Tasks.of({
      ...tasks,
      wake: Effect.flatMap(inTransaction, (open) => open ? Effect.void : tasks.wake),
      enqueue: (all) => Effect.flatMap(inTransaction, (open) => {
        if (open) return inside(all)
        return all.length === 1 ? Effect.map(outside(all[0]!), (one) => [one]) : store.enqueue(all)
      })
    })
  })
).pipe(Layer.provide(Tasks.layerStore), Layer.provide(PgTaskStore.layerClient))
