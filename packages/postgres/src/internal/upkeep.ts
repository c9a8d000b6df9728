/** What keeps the line moving: any number of workers may do it at any time. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { TaskStore } from "@outrigger/sdk"
import { pastTurnsSql } from "./claim/turns.ts"
import { carried } from "./finished.ts"
import { forget, type Retention } from "./forget.ts"
import { paced } from "./pace.ts"
import type { Sql } from "./sql.ts"

const most = 1000

const recent = (column: string, all: boolean, age = "5 seconds") => all ? "" : ` and ${column} > clock_timestamp() - interval '${age}'`

/** Usually only what fell due of late, so as not to wade through what was promoted before; now and then from the beginning. */
export const promoteSql = (all: boolean) => `
  update outrigger.task set state = 'ready', seq = outrigger.task_place()
  where ctid = any(array(select ctid from outrigger.task where state = 'scheduled' and run_at <= clock_timestamp()${recent("run_at", all)}
    order by run_at limit ${most} for update skip locked))
  returning id`

/** What began no attempt in its time is dead. */
export const expireSql = (all: boolean) => `
  with gone as (delete from outrigger.task where ctid = any(array(select ctid from outrigger.task
      where expires_at <= clock_timestamp()${recent("expires_at", all)} and attempt = 0 and state <> 'running'
      order by expires_at limit ${most} for update skip locked)) returning ${carried}, fence)
  insert into outrigger.finished (${carried}, fence, failure, state) select ${carried}, fence + 1, $1::jsonb, 'dead' from gone returning id::text`

/**
 * One transaction's worth: the worker is marked and its tasks are ready again, together. Workers reaped in the last minutes
 * are looked at again, for a claim that was on its way while its worker was reaped.
 */
export const reapSql = `
  with gone as (update outrigger.worker set reaped_at = clock_timestamp() where reaped_at is null and expires_at < clock_timestamp() returning id),
  lost as (select id from gone union select id from outrigger.worker where reaped_at > now() - interval '10 minutes'),
  asleep as (delete from outrigger.sleeper where worker in (select id from gone))
  update outrigger.task set state = 'ready', seq = outrigger.task_place(), worker = null,
    failure = $1::jsonb, errors = outrigger.with_error(errors, attempt, worker, $1::jsonb)
  where ctid = any(array(select ctid from outrigger.task where state = 'running' and worker = any(array(select id from lost)) for update skip locked))
  returning id`

/** Full batches follow one another at once, up to so many. */
const rounds = 20

/** Runs at each call what must be quick, and only now and then what may wait or be slow. */
export const makeUpkeep = (sql: Sql, retention: Retention): Effect.Effect<TaskStore.Upkeep, SqlError> => {
  const [fully, reaping, turning, forgetting] = [paced(2000), paced(1000), paced(1000), paced(60_000)]
  const count = (text: string, values: ReadonlyArray<unknown> = []) => Effect.map(sql.unsafe(text, values), (rows) => rows.length)
  const drained = (text: string, values: ReadonlyArray<unknown> = []) => Effect.gen(function*() {
    let sum = 0
    for (let round = 0; round < rounds; round++) {
      const some = yield* count(text, values)
      sum += some
      if (some < most) break
    }
    return sum
  })
  const due = (all: boolean) => Effect.andThen(drained(expireSql(all), [JSON.stringify(TaskStore.expired)]), drained(promoteSql(all)))
  const pastTurns = (all: boolean) => drained(pastTurnsSql(recent("taken_at", all, "70 seconds")))
  return Effect.gen(function*() {
    const promoted = (yield* due(false)) + (yield* fully(due(true), 0))
    const reaped = yield* reaping(count(reapSql, [JSON.stringify(TaskStore.workerLost)]), 0)
    yield* turning(pastTurns(false), 0)
    yield* forgetting(Effect.andThen(forget(sql, retention), pastTurns(true)), 0)
    return { promoted, reaped }
  })
}
