/**
 * What is let go: finished tasks whose time is over, keys that nobody can ask for any more, workers of long ago. Days of succeeded
 * tasks are dropped whole; everything else goes in batches. Nothing waits for a lock: whoever is busy is asked again in a minute.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Sql } from "./sql.ts"

/** How long finished tasks are kept, ms. */
export interface Retention {
  readonly succeeded: number
  /** Dead and cancelled ones. */
  readonly unsuccessful: number
}

/** Of one statement. */
const batch = 1000

const deleteOld = (table: string) => `
  delete from outrigger.${table} where ctid = any(array(
    select ctid from outrigger.${table} where finished_at < clock_timestamp() - $1::float8 * interval '1 ms' order by finished_at limit ${batch} for update skip locked))`

/** A key lives until a day after its task has ended: whoever repeats an enqueue by then gets that task. */
const forgetKeys = `
  delete from outrigger.idempotency where key = any(array(
    select i.key from outrigger.idempotency i where i.created_at < now() - interval '24 hours'
      and not exists (select from outrigger.task t where t.id = i.task)
      and not exists (select from outrigger.finished f where f.id = i.task and f.finished_at > now() - interval '24 hours') limit ${batch}))`

/** What holds a unique key no more: its task is over, and its time too. */
const releaseKeys = `
  delete from outrigger.unique_hold where key = any(array(
    select h.key from outrigger.unique_hold h where not exists (select from outrigger.task t where t.id = h.task)
      and (coalesce(h.until, now()) <= now() or not exists (select from outrigger.finished f where f.id = h.task)) limit ${batch}))`

const buryWorkers = `delete from outrigger.worker where reaped_at < now() - interval '1 day' returning id`

/** Again and again while a statement finds a whole batch. */
const exhaust = (sql: Sql, statement: string, values: ReadonlyArray<unknown>): Effect.Effect<void, SqlError> =>
  Effect.flatMap(sql.unsafe(`with gone as (${statement} returning 1) select count(*)::int as n from gone`, values), ([row]) =>
    (row as { readonly n: number }).n < batch ? Effect.void : exhaust(sql, statement, values))

/** Days that are over, one by one. */
const dropDays = (sql: Sql, keep: number): Effect.Effect<void, SqlError> =>
  Effect.flatMap(sql.unsafe(`select outrigger.drop_day($1::float8 * interval '1 ms') as day`, [keep]), ([row]) =>
    (row as { readonly day: string | null }).day === null ? Effect.void : dropDays(sql, keep))

/** One round; any number of workers may do it at once. */
export const forget = (sql: Sql, retention: Retention): Effect.Effect<void, SqlError> => Effect.gen(function*() {
  yield* sql.unsafe(`select outrigger.prepare_days()`)
  yield* dropDays(sql, retention.succeeded)
  yield* exhaust(sql, deleteOld("finished_rest"), [retention.succeeded])
  yield* exhaust(sql, deleteOld("finished_unsuccessful"), [retention.unsuccessful])
  for (const statement of [forgetKeys, releaseKeys]) yield* exhaust(sql, statement, [])
  yield* sql.unsafe(buryWorkers)
})
