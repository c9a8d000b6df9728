/**
 * The writes of a worker on what it claimed. Every one is fenced: it touches only rows that still have this fence and this
 * worker, and the ids that come back are those it touched.
 *
 * - The ids are one scan of the primary key; no join offers another plan, and so statistics that were taken while the table was
 *   mostly dead rows cannot turn it into a scan of them all. That each id has its fence is asked of a hash (within `case`,
 *   for else the planner makes a join of it).
 * - Ownership is tested on `worker`, never on `state = 'running'`, which would offer the index of running rows.
 * - Whoever waits for a row that is just being written (its progress, say) tests all of it again when that is over.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { TaskStore } from "@outrigger/sdk"
import { carried } from "./finished.ts"
import type { Sql } from "./sql.ts"

/** $1 is the worker throughout. */
const owned = (ids: string, fences: string) => `id = any(${ids}::bigint[]) and worker = $1
    and case when (id, fence) in (select * from unnest(${ids}::bigint[], ${fences}::bigint[])) then true end`

/** $2 ids, $3 fences, $4 states, $5 results, $6 failures; an empty text stands for null, for an array of nulls alone has no type. */
const ended = `
  ended as (delete from outrigger.task where ${owned("$2", "$3")} returning ${carried}, fence, errors),
  moved as (
    insert into outrigger.finished (${carried}, fence, errors, state, result, failure)
    select ${carried}, fence, case e.failure when '' then errors else outrigger.with_error(errors, attempt, $1, e.failure::jsonb) end,
      e.state, nullif(e.result, '')::jsonb, nullif(e.failure, '')::jsonb
    from ended join unnest($2::bigint[], $4::text[], $5::text[], $6::text[]) e(id, state, result, failure) using (id))`

/** Ids and fences, and by id what changes: `delay` in ms, `failure` (absent keeps the last), `unspent` attempts, `counted` hand-backs. */
const again = (ids: string, fences: string, changes: string) => `
  again as (
    update outrigger.task set worker = null, seq = outrigger.task_place(),
      (state, run_at, failure, errors, attempt, handbacks) = (
        select case when delay > 0 then 'scheduled' else 'ready' end, clock_timestamp() + delay * interval '1 ms',
          coalesce(change -> 'failure', failure),
          case when change ? 'failure' then outrigger.with_error(errors, attempt, $1, change -> 'failure') else errors end,
          attempt - unspent, handbacks + counted
        from (select change, (change ->> 'delay')::float8 as delay, (change ->> 'unspent')::int as unspent, (change ->> 'counted')::int as counted
          from (select ${changes}::jsonb -> id::text as change) c) c)
    where ${owned(ids, fences)} returning id, key)`

export const endSql = `with ${ended} select id::text, key from ended`
export const againSql = `with ${again("$2", "$3", "$4")} select id::text, key from again`
export const bothSql = `with ${ended}, ${again("$7", "$8", "$9")} select id::text, key from ended union all select id::text, key from again`

type Ending = Extract<TaskStore.Settlement, { readonly _tag: "Succeed" | "Die" }>
type Again = Extract<TaskStore.Settlement, { readonly _tag: "Retry" | "HandBack" }>

const isEnding = (settlement: TaskStore.Settlement): settlement is Ending => settlement._tag === "Succeed" || settlement._tag === "Die"
const isAgain = (settlement: TaskStore.Settlement): settlement is Again => !isEnding(settlement)

const json = (value: unknown): string => JSON.stringify(value ?? null)

const owners = (all: ReadonlyArray<TaskStore.Settlement>) => [all.map(({ id }) => id), all.map(({ fence }) => fence)]

const endValues = (endings: ReadonlyArray<Ending>) => [
  ...owners(endings),
  endings.map(({ _tag }) => _tag === "Succeed" ? "succeeded" : "dead"),
  endings.map((ending) => ending._tag === "Succeed" ? json(ending.result) : ""),
  endings.map((ending) => ending._tag === "Die" ? json(ending.failure) : "")
]

const changeOf = (one: Again) => one._tag === "Retry"
  ? { delay: one.delay, unspent: 0, counted: 0, failure: one.failure }
  : { delay: one.delay, unspent: 1, counted: one.counted === false ? 0 : 1 }

const againValues = (all: ReadonlyArray<Again>) => [...owners(all), JSON.stringify(Object.fromEntries(all.map((one) => [one.id, changeOf(one)])))]

/** What a settle touched; a key may be somebody else's turn now. */
export interface Settled {
  readonly id: TaskStore.TaskId
  readonly key: string | null
}

const settleEach = (
  sql: Sql, worker: TaskStore.WorkerId, settlements: ReadonlyArray<TaskStore.Settlement>
): Effect.Effect<ReadonlyArray<Settled>, SqlError> => {
  const [endings, others] = [settlements.filter(isEnding), settlements.filter(isAgain)]
  const run = (text: string, values: ReadonlyArray<unknown>) => sql.unsafe<Settled>(text, [Number(worker), ...values])
  if (others.length === 0) return run(endSql, endValues(endings))
  if (endings.length === 0) return run(againSql, againValues(others))
  return run(bothSql, [...endValues(endings), ...againValues(others)])
}

/** Applies what still may be applied, all of it together: in one statement, unless a task is in it twice. */
export const settle = (
  sql: Sql, worker: TaskStore.WorkerId, settlements: ReadonlyArray<TaskStore.Settlement>
): Effect.Effect<ReadonlyArray<Settled>, SqlError> => {
  if (settlements.length === 0) return Effect.succeed([])
  const places = new Map(settlements.map(({ id }, index) => [id, index]))
  if (places.size === settlements.length) return settleEach(sql, worker, settlements)
  // Two of one task, of which only one fence can hold: the later ones after the others.
  const last = settlements.filter(({ id }, index) => places.get(id) === index)
  const before = settlements.filter(({ id }, index) => places.get(id) !== index)
  return sql.withTransaction(Effect.zipWith(settle(sql, worker, before), settle(sql, worker, last), (a, b) => [...a, ...b]))
}
