/** Queues as operators see and change them: depth, age, pause, limits. */
import * as Effect from "effect/Effect"
import { Task, TaskStore } from "@outrigger/sdk"

type Query = (text: string, values?: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<any>, Task.StoreUnavailable>

/** What is counted, of a lane or of a state; beyond it the planner's estimate must do. */
const most = 1000

/**
 * Never counts the table: at most `most` rows of each lane, by the index, and the age of each lane's head. What is scheduled or
 * runs, or waits for its key, is bounded alike, over all queues.
 */
const statesSql = `
  with ready as (
    select r.queue, case when c.n > ${most} then greatest(c.n, outrigger.estimated_ready(r.id, p.priority)) else c.n end as n, c.n > ${most} as more, h.run_at
    from outrigger.route r cross join generate_series(0, 9) p(priority)
    cross join lateral (select count(*) as n from (
      select from outrigger.task where state = 'ready' and route = r.id and priority = p.priority limit ${most + 1}) rows) c
    left join lateral (
      select run_at from outrigger.task where state = 'ready' and route = r.id and priority = p.priority order by seq limit 1) h on true),
  others as (
    select r.queue, o.state, count(*) as n, count(*) filter (where o.last) > 0 as more from (
      (select route, 'scheduled' as state, row_number() over () > ${10 * most} as last from (select route from outrigger.task where state = 'scheduled' order by run_at limit ${10 * most + 1}) s)
      union all
      (select route, 'running', row_number() over () > ${10 * most} from (select route from outrigger.task where state = 'running' order by worker limit ${10 * most + 1}) s)
      union all
      (select route, 'parked', row_number() over () > ${10 * most} from (select route from outrigger.task where state = 'parked' order by key, seq limit ${10 * most + 1}) s)
    ) o join outrigger.route r on r.id = o.route group by r.queue, o.state)
  select q.name as queue, (extract(epoch from q.paused_at) * 1000)::float8 as "pausedAt", coalesce(q.chosen, q.declared) as limits,
    (coalesce((select sum(n) from ready where ready.queue = q.name), 0) + coalesce((select n from others o where o.queue = q.name and o.state = 'parked'), 0))::float8 as ready,
    coalesce((select n from others o where o.queue = q.name and o.state = 'scheduled'), 0)::float8 as scheduled,
    coalesce((select n from others o where o.queue = q.name and o.state = 'running'), 0)::float8 as running,
    coalesce((select bool_or(more) from ready where ready.queue = q.name), false) or coalesce((select bool_or(more) from others o where o.queue = q.name), false) as estimated,
    (select extract(epoch from clock_timestamp() - min(run_at)) * 1000 from ready where ready.queue = q.name)::float8 as oldest
  from outrigger.queue q where $1::text is null or q.name = $1 order by q.name`

const stateOf = ({ oldest, pausedAt, ...row }: any): TaskStore.QueueState => ({ ...row, oldest: oldest ?? undefined, pausedAt: pausedAt ?? undefined })

/** Sent so that whoever sleeps looks at once. */
const wakeSql = `select pg_notify('outrigger_wake', '') where exists (select from outrigger.sleeper)`

/** `onChange` is called after each change. */
export const makeQueues = (query: Query, onChange: () => void): Pick<TaskStore.Service, "queues" | "pauseQueue" | "resumeQueue" | "limitQueue"> => {
  const changed = (queue: string, change: string, values: ReadonlyArray<unknown> = []) => Effect.gen(function*() {
    const known = yield* query(`update outrigger.queue set ${change} where name = $1 returning name`, [queue, ...values])
    onChange()
    if (known.length === 0) return yield* Effect.fail(new Task.QueueNotFound(queue))
    return stateOf((yield* query(statesSql, [queue]))[0])
  })
  return {
    queues: Effect.map(query(statesSql, [null]), (rows) => rows.map(stateOf)),
    pauseQueue: (queue) => changed(queue, "paused_at = coalesce(paused_at, clock_timestamp())"),
    resumeQueue: (queue) => Effect.tap(changed(queue, "paused_at = null"), () => query(wakeSql)),
    limitQueue: (queue, limits) => {
      const fault = limits && TaskStore.queueLimitsFault(queue, limits)
      return fault === undefined ? changed(queue, "chosen = $2::jsonb", [limits === undefined ? null : JSON.stringify(limits)]) : Effect.fail(fault)
    }
  }
}
