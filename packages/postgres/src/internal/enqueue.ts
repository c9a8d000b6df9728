/** Enqueuing: one statement for many tasks, all or none. */
import * as Effect from "effect/Effect"
import { type Task, TaskStore } from "@outrigger/sdk"
import { bulkInsert } from "./bulkInsert.ts"
import { enqueueError, isDeadlock } from "./errors.ts"
import { keyLocks, lockSql } from "./keyLocks.ts"
import type { Sql } from "./sql.ts"

/** Goes out only when somebody sleeps: every NOTIFY takes a lock of the whole database at commit. */
export const wake = `(select case when exists (select from outrigger.sleeper) then pg_notify('outrigger_wake', '') end)::text as woken`

/** With keys, each goes through the function that knows them; still one statement, and so all or none. */
const keyed = (notify: boolean) => `
  with locked as materialized (${lockSql(4)})
  select e.id::text, e.duplicate${notify ? `, ${wake}` : ""}
  from locked cross join lateral unnest($1::text[], $2::text[], $3::text[]) with ordinality p(name, payload, options, place)
  cross join lateral outrigger.enqueue_task(p.name, p.payload::jsonb, p.options::jsonb) e order by p.place`

type Enqueue = (tasks: ReadonlyArray<TaskStore.NewTask>) => Effect.Effect<ReadonlyArray<TaskStore.Enqueued>, Task.EnqueueError>

const isPlain = (tasks: ReadonlyArray<TaskStore.NewTask>): boolean => {
  const [{ name, queue, version } = {}] = tasks as [TaskStore.NewTask?]
  return tasks.every((task) => task.name === name && task.queue === queue && task.version === version
    && task.idempotencyKey === undefined && task.uniqueKey === undefined)
}

/** `notify` is off in a transaction of the host, whose commit must not wait for it. */
export const makeEnqueue = (sql: Sql, notify: boolean): Enqueue => (tasks) => {
  const [first] = tasks
  if (first === undefined) return Effect.succeed([])
  for (const task of tasks) {
    const fault = TaskStore.newTaskFault(task)
    if (fault !== undefined) return Effect.fail(fault)
  }
  const [text, values] = isPlain(tasks)
    ? bulkInsert(tasks, notify ? `, ${wake}` : "")
    : [keyed(notify), [
      tasks.map(({ name }) => name),
      tasks.map(({ payload }) => JSON.stringify(payload ?? null)),
      tasks.map((task) => JSON.stringify(TaskStore.sqlOptionsOf(task))),
      keyLocks(tasks)
    ]] as const
  return sql.unsafe<TaskStore.Enqueued>(text, values).pipe(
    Effect.retry({ times: 3, while: (error) => notify && isDeadlock(error) }),
    Effect.map((all) => all.map(({ duplicate, id }) => ({ id, duplicate }))),
    Effect.mapError(enqueueError(first.name))
  )
}
