/** What keeps the line moving: any number of workers may do it at any time. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PgClient } from "@effect/sql-pg"
import { TaskStore } from "@outrigger/sdk"
import { carried } from "./finished.ts"
import { forget, type Retention } from "./forget.ts"

const promoteSql = `
  update outrigger.task set state = 'ready', seq = outrigger.task_place()
  where ctid = any(array(select ctid from outrigger.task where state = 'scheduled' and run_at <= clock_timestamp() order by run_at limit 1000 for update skip locked))
  returning id`

/** What began no attempt in its time is dead. */
const expireSql = `
  with late as (select ctid from outrigger.task where expires_at <= clock_timestamp() and attempt = 0 and state <> 'running' order by expires_at limit 1000 for update skip locked),
  gone as (delete from outrigger.task where ctid = any(array(select ctid from late)) returning ${carried}, fence)
  insert into outrigger.finished (${carried}, fence, failure, state) select ${carried}, fence + 1, $1::jsonb, 'dead' from gone returning id::text`

/**
 * One transaction's worth: the worker is marked and its tasks are ready again, together. Workers reaped in the last minutes
 * are looked at again, for a claim that was on its way while its worker was reaped.
 */
const reapSql = `
  with gone as (update outrigger.worker set reaped_at = clock_timestamp() where reaped_at is null and expires_at < clock_timestamp() returning id),
  lost as (select id from gone union select id from outrigger.worker where reaped_at > now() - interval '10 minutes'),
  asleep as (delete from outrigger.sleeper where worker in (select id from gone))
  update outrigger.task set state = 'ready', seq = outrigger.task_place(), worker = null
  where state = 'running' and worker = any(array(select id from lost)) returning id`

/** Runs at each call what must be quick, and only now and then what may wait. */
export const makeUpkeep = (sql: PgClient.PgClient, retention: Retention): Effect.Effect<TaskStore.Upkeep, SqlError> => {
  let rounds = 0
  return Effect.gen(function*() {
    const promoted = yield* sql.unsafe(promoteSql)
    yield* sql.unsafe(expireSql, [JSON.stringify(TaskStore.expired)])
    const reaped = rounds % 5 === 0 ? yield* sql.unsafe(reapSql) : []
    if (rounds % 300 === 0) yield* forget(sql, retention)
    rounds++
    return { promoted: promoted.length, reaped: reaped.length }
  })
}
