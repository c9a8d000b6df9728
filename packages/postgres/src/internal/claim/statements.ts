/**
 * What a claim asks of PostgreSQL. The probes are literals and walk the index `task_ready` in its order; the pool is told to
 * plan nothing else (`planner`), because statistics taken while the table was all dead rows make the planner read and sort
 * the whole line behind a claim.
 */
import type { Pick } from "./lanes.ts"

/** Startup parameters of a pool that claims. */
export const planner = {
  plan_cache_mode: "force_custom_plan",
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_sort: "off",
  // Before PostgreSQL 18 what is off counts as dear, and what is dear is compiled, each time anew.
  jit: "off"
} as const

/** As it comes back from a claim. Of what was parked only its place and its key are told. */
export interface ClaimedRow {
  readonly id: string
  readonly route: number
  readonly priority: number
  readonly seq: number
  readonly payload: unknown
  readonly attempt: number
  readonly handbacks: number
  readonly fence: string
  readonly waited: number
  readonly timeout: number | null
  readonly key: string | null
  readonly state: "running" | "parked"
  readonly metadata: Readonly<Record<string, string>> | null
}

const columns = (payload: string, metadata: string) => `id::text, route, priority, seq::float8, ${payload} as payload, attempt, handbacks, fence::text,
    date_part('epoch', clock_timestamp() - due_at) * 1000 as waited, timeout, key, state, ${metadata} as metadata`

export const claimedColumns = columns("payload", "metadata")

/** What becomes of a task that is claimed. */
export const run = (worker: number): string =>
  `state = 'running', fence = fence + 1, attempt = attempt + 1, worker = ${worker}, started_at = clock_timestamp()`

const probe = ({ after, lane: { priority, route }, limit, upTo }: Pick): string =>
  `array(select ctid from outrigger.task where state = 'ready' and route = ${route} and priority = ${priority} and seq > ${after}${
    upTo === undefined ? "" : ` and seq <= ${upTo}`
  } order by seq limit ${limit} for update skip locked)`

/** How many a statement takes in all; `{limit}` is put in by `claim_limited`. */
export type Limit = number | "{limit}"

/** Takes what these picks find, but not more than `limit`; what has a key is parked. */
export const claimSql = (worker: number, picks: ReadonlyArray<Pick>, limit: Limit): string => `
  update outrigger.task set state = case when key is null then 'running' else 'parked' end,
    fence = fence + (key is null)::int, attempt = attempt + (key is null)::int,
    worker = case when key is null then ${worker} end, started_at = case when key is null then clock_timestamp() else started_at end
  where ctid = any((${picks.map(probe).join(" || ")})[:${limit}])
  returning ${columns("case when key is null then payload end", "case when key is null then metadata end")}`

/**
 * $1 routes, $2 priorities, $3 marks, $4 and $5 the sample's place and transaction id (null in a look). The place is read
 * before the id is taken, and the id only when it will be used: when the last sample is closed and the line has moved.
 */
export const lookSql = `
  select s.place::float8 as place, s.oldest,
    case when s.place <> $4::bigint and s.oldest >= $5::float8 then pg_current_xact_id()::text::float8 end as xid,
    array(select coalesce((select seq from outrigger.task where state = 'ready' and route = l.route and priority = l.priority and seq > l.mark
      order by seq limit 1), 0)::float8 from unnest($1::int2[], $2::int2[], $3::bigint[]) with ordinality l(route, priority, mark, i) order by i) as heads
  from (select case when is_called then last_value else 0 end as place, pg_snapshot_xmin(pg_current_snapshot())::text::float8 as oldest
    from outrigger.task_place_seq offset 0) s`

/** Ids of routes, in the order asked; a new one is written down. */
export const routesSql = `
  select outrigger.route_of(w.queue, w.name, w.version) as id
  from unnest($1::text[], $2::text[], $3::int[]) with ordinality w(queue, name, version, place) order by w.place`
