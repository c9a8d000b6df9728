/** How a task that is over moves to the finished ones, and back: in one statement, so that it is never in both, nor in none. */
import * as Effect from "effect/Effect"
import type { Task, TaskStore } from "@outrigger/sdk"

type Query = (text: string, values?: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<any>, Task.StoreUnavailable>

/** What goes along as it is. */
export const carried = `id, route, priority, attempt, created_at, run_at, started_at, unique_key, key, key_limit, timeout, expires_at, payload, metadata, progress`

/** Ends one that is not over, whoever has it: the fence moves on, so that a worker's late word is refused. */
export const cancelSql = `
  with gone as (delete from outrigger.task where id = $1::bigint returning ${carried}, errors, fence, failure)
  insert into outrigger.finished (${carried}, errors, fence, failure, state) select ${carried}, errors, fence + 1, failure, 'cancelled' from gone returning id`

/** What is the same after as before; its attempts are its own again, and so is its time. */
const kept = `id, fence, route, priority, created_at, unique_key, key, key_limit, timeout, errors, payload, metadata, failure`

const back = (gone: string) => `
  with back as (${gone} returning ${kept})
  insert into outrigger.task (${kept}) overriding system value select ${kept} from back returning id::text`

/** Of a dead or cancelled one. */
export const redriveSql = back(`delete from outrigger.finished where id = $1::bigint and state in ('dead', 'cancelled')`)

/** In one statement. */
const batch = 1000

const redriveManySql = back(`
  delete from outrigger.finished_unsuccessful where ctid = any(array(
    select f.ctid from outrigger.finished_unsuccessful f join outrigger.route r on r.id = f.route
    where f.state = $1 and ($2::text is null or r.queue = $2) and ($3::text is null or r.name = $3) and ($4::text is null or f.failure ->> 'name' = $4)
      and ($5::float8 is null or f.finished_at >= to_timestamp($5 / 1000)) and ($6::float8 is null or f.finished_at < to_timestamp($6 / 1000))
    order by f.finished_at limit ${batch} for update of f skip locked))`)

/** Batch after batch, the oldest first, until none is left; each batch is whole, whatever happens to the next. */
export const redriveMany = (query: Query, { error, finishedAfter, finishedBefore, name, queue, state = "dead" }: TaskStore.RedriveFilter): Effect.Effect<number, Task.StoreUnavailable> => {
  const values = [state, queue ?? null, name ?? null, error ?? null, finishedAfter ?? null, finishedBefore ?? null]
  const next = (before: number): Effect.Effect<number, Task.StoreUnavailable> => Effect.flatMap(query(redriveManySql, values), (rows) =>
    rows.length < batch ? Effect.succeed(before + rows.length) : next(before + rows.length))
  return next(0)
}
