/**
 * The writes of a worker on what it claimed. Every one is fenced: it touches only rows that still have this fence and this
 * worker, and the ids that come back are those it touched.
 *
 * - One probe of the primary key for each id, by LATERAL and LIMIT: a plain join turns into a scan of all dead rows once
 *   ANALYZE has met a table that was mostly dead.
 * - Ownership is tested on `worker`, never on `state = 'running'`, which would offer the index of running rows. It stands
 *   outside too, where it is tested again if the row was reaped or cancelled in between.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PgClient } from "@effect/sql-pg"
import type { TaskStore } from "@outrigger/sdk"

/** $1 ids, $2 fences, $3 the worker. */
const owned = `ctid = any(array(select mine.ctid from unnest($1::bigint[], $2::bigint[]) a(id, fence) cross join lateral
    (select ctid from outrigger.task t where t.id = a.id and t.fence = a.fence and t.worker = $3 limit 1) mine)) and worker = $3`

/** $4 states, $5 results, $6 failures; an empty text stands for null, for an array of nulls alone has no type. */
export const endSql = `
  with gone as (delete from outrigger.task where ${owned}
    returning id, fence, route, priority, attempt, created_at, run_at, started_at, unique_key, key, expires_at, errors, payload, metadata, failure, progress)
  insert into outrigger.finished (id, fence, route, priority, state, attempt, created_at, run_at, started_at, unique_key, key, expires_at, errors, payload, metadata, progress, result, failure)
  select g.id, g.fence, g.route, g.priority, e.state, g.attempt, g.created_at, g.run_at, g.started_at, g.unique_key, g.key, g.expires_at, g.errors, g.payload, g.metadata, g.progress,
    nullif(e.result, '')::jsonb, nullif(e.failure, '')::jsonb
  from gone g join unnest($1::bigint[], $4::text[], $5::text[], $6::text[]) e(id, state, result, failure) using (id)
  returning id::text`

/** $4 delays in ms, $5 failures (empty keeps the last), $6 how many attempts are given back, $7 how many hand-backs count. */
export const againSql = `
  with back as materialized (select * from unnest($1::bigint[], $4::float8[], $5::text[], $6::int[], $7::int[]) b(id, delay, failure, unspent, counted))
  update outrigger.task set worker = null, seq = outrigger.task_place(),
    (state, run_at, failure, attempt, handbacks) = (
      select case when b.delay > 0 then 'scheduled' else 'ready' end, clock_timestamp() + b.delay * interval '1 ms',
        coalesce(nullif(b.failure, '')::jsonb, task.failure), task.attempt - b.unspent, task.handbacks + b.counted
      from back b where b.id = task.id)
  where ${owned} returning id::text`

type Ending = Extract<TaskStore.Settlement, { readonly _tag: "Succeed" | "Die" }>
type Again = Extract<TaskStore.Settlement, { readonly _tag: "Retry" | "HandBack" }>

const isEnding = (settlement: TaskStore.Settlement): settlement is Ending => settlement._tag === "Succeed" || settlement._tag === "Die"

const json = (value: unknown): string => JSON.stringify(value ?? null)

/** Applies what still may be applied, all in one transaction, and gives those ids. */
export const settle = (
  sql: PgClient.PgClient, worker: TaskStore.WorkerId, settlements: ReadonlyArray<TaskStore.Settlement>
): Effect.Effect<ReadonlyArray<TaskStore.TaskId>, SqlError> => {
  const places = new Map(settlements.map(({ id }, index) => [id, index]))
  if (places.size === settlements.length) return settleEach(sql, worker, settlements)
  // Two of one task, of which only one fence can hold: the later ones after the others.
  const last = settlements.filter(({ id }, index) => places.get(id) === index)
  const before = settlements.filter(({ id }, index) => places.get(id) !== index)
  return sql.withTransaction(Effect.zipWith(settle(sql, worker, before), settle(sql, worker, last), (a, b) => [...a, ...b]))
}

const settleEach = (
  sql: PgClient.PgClient, worker: TaskStore.WorkerId, settlements: ReadonlyArray<TaskStore.Settlement>
): Effect.Effect<ReadonlyArray<TaskStore.TaskId>, SqlError> => {
  const endings = settlements.filter(isEnding)
  const again = settlements.filter((settlement): settlement is Again => !isEnding(settlement))
  const keys = (all: ReadonlyArray<TaskStore.Settlement>) => [all.map(({ id }) => id), all.map(({ fence }) => fence), Number(worker)]
  const ended = sql.unsafe<{ id: string }>(endSql, [
    ...keys(endings),
    endings.map(({ _tag }) => _tag === "Succeed" ? "succeeded" : "dead"),
    endings.map((ending) => ending._tag === "Succeed" ? json(ending.result) : ""),
    endings.map((ending) => ending._tag === "Die" ? json(ending.failure) : "")
  ])
  const returned = sql.unsafe<{ id: string }>(againSql, [
    ...keys(again),
    again.map(({ delay }) => delay),
    again.map((one) => one._tag === "Retry" ? json(one.failure) : ""),
    again.map(({ _tag }) => _tag === "HandBack" ? 1 : 0),
    again.map((one) => one._tag === "HandBack" && one.counted !== false ? 1 : 0)
  ])
  if (again.length === 0) return Effect.map(ended, (rows) => rows.map(({ id }) => id))
  if (endings.length === 0) return Effect.map(returned, (rows) => rows.map(({ id }) => id))
  return sql.withTransaction(Effect.zipWith(ended, returned, (a, b) => [...a, ...b].map(({ id }) => id)))
}
