/** Enqueuing: one statement for many tasks, all or none. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PgClient } from "@effect/sql-pg"
import { type Task, TaskStore } from "@outrigger/sdk"
import { enqueueError } from "./errors.ts"

/** Goes out only when somebody sleeps: every NOTIFY takes a lock of the whole database at commit. */
const wake = `(select case when exists (select from outrigger.sleeper) then pg_notify('outrigger_wake', '') end)::text as woken`

/** Without keys, tasks of one route are plain rows. (An empty text stands for null: an array of nulls alone has no type.) */
const plain = (notify: boolean) => `
  with r as materialized (select outrigger.route_of($1, $2, $3) as id), made as (
    insert into outrigger.task (route, priority, state, due_at, run_at, payload, metadata)
    select r.id, p.priority, case when p.delay > 0 then 'scheduled' else 'ready' end,
      clock_timestamp() + p.delay * interval '1 ms', clock_timestamp() + p.delay * interval '1 ms', p.payload::jsonb, nullif(p.metadata, '')::jsonb
    from r cross join unnest($4::text[], $5::int[], $6::float8[], $7::text[]) with ordinality p(payload, priority, delay, metadata, place)
    order by p.place returning id)
  select id::text, false as duplicate${notify ? `, ${wake}` : ""} from made order by made.id`

/** With keys, each goes through the function that knows them; still one statement, and so all or none. */
const keyed = (notify: boolean) => `
  select e.id::text, e.duplicate${notify ? `, ${wake}` : ""}
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality p(name, payload, options, place)
  cross join lateral outrigger.enqueue_task(p.name, p.payload::jsonb, p.options::jsonb) e order by p.place`

type Enqueue = (tasks: ReadonlyArray<TaskStore.NewTask>) => Effect.Effect<ReadonlyArray<TaskStore.Enqueued>, Task.EnqueueError>

const isPlain = (tasks: ReadonlyArray<TaskStore.NewTask>): boolean => {
  const [{ name, queue, version } = {}] = tasks as [TaskStore.NewTask?]
  return tasks.every((task) => task.name === name && task.queue === queue && task.version === version
    && task.idempotencyKey === undefined && task.uniqueKey === undefined)
}

/** `notify` is off in a transaction of the host, whose commit must not wait for it. */
export const makeEnqueue = (sql: PgClient.PgClient, notify: boolean): Enqueue => (tasks) => {
  const [first] = tasks
  if (first === undefined) return Effect.succeed([])
  for (const task of tasks) {
    const fault = TaskStore.newTaskFault(task)
    if (fault !== undefined) return Effect.fail(fault)
  }
  const rows: Effect.Effect<ReadonlyArray<TaskStore.Enqueued>, SqlError> = isPlain(tasks)
    ? sql.unsafe<TaskStore.Enqueued>(plain(notify), [
      first.queue, first.name, first.version,
      tasks.map(({ payload }) => JSON.stringify(payload ?? null)),
      tasks.map(({ priority }) => priority),
      tasks.map(({ delay }) => delay),
      tasks.map(({ metadata }) => metadata === undefined ? "" : JSON.stringify(metadata))
    ])
    : sql.unsafe<TaskStore.Enqueued>(keyed(notify), [
      tasks.map(({ name }) => name),
      tasks.map(({ payload }) => JSON.stringify(payload ?? null)),
      tasks.map(({ delay, idempotencyKey, metadata, priority, queue, uniqueKey, version }) =>
        JSON.stringify({ delay, idempotencyKey, metadata, priority, queue, uniqueKey, version }))
    ])
  return rows.pipe(
    Effect.map((all) => all.map(({ duplicate, id }) => ({ id, duplicate }))),
    Effect.mapError(enqueueError(first.name))
  )
}
