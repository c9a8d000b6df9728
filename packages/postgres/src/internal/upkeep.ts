/** What keeps the line moving: any number of workers may do it at any time. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PgClient } from "@effect/sql-pg"
import type { TaskStore } from "@outrigger/sdk"

const promoteSql = `
  update outrigger.task set state = 'ready', seq = outrigger.task_place()
  where ctid = any(array(select ctid from outrigger.task where state = 'scheduled' and run_at <= clock_timestamp() order by run_at limit 1000 for update skip locked))
  returning id`

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

/** Keys live until a day after their task has ended. */
const forgetSql = `
  delete from outrigger.idempotency where key = any(array(
    select i.key from outrigger.idempotency i join outrigger.finished f on f.id = i.task
    where i.created_at < now() - interval '24 hours' and f.finished_at < now() - interval '24 hours' limit 1000))`

/** Workers of long ago serve nobody. */
const buryWorkersSql = `delete from outrigger.worker where reaped_at < now() - interval '1 day'`

/** Runs at each call what must be quick, and only now and then what may wait. */
export const makeUpkeep = (sql: PgClient.PgClient): Effect.Effect<TaskStore.Upkeep, SqlError> => {
  let rounds = 0
  return Effect.gen(function*() {
    const promoted = yield* sql.unsafe(promoteSql)
    const reaped = rounds % 5 === 0 ? yield* sql.unsafe(reapSql) : []
    if (rounds % 300 === 0) {
      yield* sql.unsafe(forgetSql)
      yield* sql.unsafe(buryWorkersSql)
    }
    rounds++
    return { promoted: promoted.length, reaped: reaped.length }
  })
}
