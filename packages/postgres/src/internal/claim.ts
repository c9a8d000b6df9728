/**
 * Claiming. A *lane* is one route at one priority: a line ordered by `seq`, one probe of the index `task_ready`. A claim is one
 * statement of literal probes over the lanes that are known to have something, best priority first; every tenth takes the
 * oldest heads first, so that nothing starves. A lane that gave less than it was asked for is empty until a look says
 * otherwise; a look is one probe a lane.
 *
 * The probes are literals, and the pool is told to plan by the index alone (`planner`), because statistics taken while the
 * table was all dead rows make the planner read and sort the whole line behind a claim.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PgClient } from "@effect/sql-pg"
import type { TaskStore } from "@outrigger/sdk"
import type { QueueGate } from "./queueGate.ts"

/** Startup parameters of a pool that claims. */
export const planner = {
  plan_cache_mode: "force_custom_plan",
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_sort: "off"
} as const

interface Lane {
  readonly route: number
  readonly priority: number
  /** Of its head when it was last looked at. */
  head: number
  live: boolean
}

interface ClaimedRow {
  readonly id: string
  readonly route: number
  readonly priority: number
  readonly payload: unknown
  readonly attempt: number
  readonly handbacks: number
  readonly fence: string
  readonly waited: number
  readonly timeout: number | null
  readonly key: string | null
  readonly metadata: Readonly<Record<string, string>> | null
}

const probe = ({ priority, route }: Lane, limit: Limit): string =>
  `array(select ctid from outrigger.task where state = 'ready' and route = ${route} and priority = ${priority} order by seq limit ${limit} for update skip locked)`

/** `{limit}` is put in by `claim_limited`. */
type Limit = number | "{limit}"

/** The statement that takes at most `limit` from each of these lanes. */
export const claimSql = (worker: number, lanes: ReadonlyArray<Pick<Lane, "route" | "priority">>, limit: Limit): string => `
  update outrigger.task set state = 'running', fence = fence + 1, attempt = attempt + 1, worker = ${worker}, started_at = clock_timestamp()
  where ctid = any((${lanes.map((lane) => probe(lane as Lane, limit)).join(" || ")})[:${limit}])
  returning id::text, state, route, priority, payload, attempt, handbacks, fence::text,
    (extract(epoch from clock_timestamp() - due_at) * 1000)::float8 as waited, timeout, key, metadata`

const lookSql = `
  select coalesce((select seq from outrigger.task where state = 'ready' and route = l.route and priority = l.priority order by seq limit 1), 0)::float8 as head
  from unnest($1::int2[], $2::int2[]) with ordinality l(route, priority, place) order by l.place`

const routesSql = `
  select outrigger.route_of(w.queue, w.name, w.version) as id
  from unnest($1::text[], $2::text[], $3::int[]) with ordinality w(queue, name, version, place) order by w.place`

const priorities = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
const keyOf = ({ name, queue, version }: TaskStore.Route) => JSON.stringify([queue, name, version])

/** What one process knows of the lines; hints, never truths. */
export class Claims {
  private readonly sql: PgClient.PgClient
  private readonly gate: QueueGate
  private readonly ids = new Map<string, number>()
  private readonly routes = new Map<number, TaskStore.Route>()
  private readonly lanes = new Map<number, ReadonlyArray<Lane>>()
  private turn = 0

  constructor(sql: PgClient.PgClient, gate: QueueGate) {
    this.sql = sql
    this.gate = gate
  }

  /** From queues that are open at once, from those with limits one by one. */
  claim(request: TaskStore.ClaimRequest): Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, SqlError> {
    return Effect.gen({ self: this }, function*() {
      const { limited, open } = yield* this.gate.admit(request.routes)
      const claimed: Array<TaskStore.ClaimedTask> = []
      for (const [queue, routes] of limited) {
        const limit = request.limit - claimed.length
        if (limit > 0) claimed.push(...yield* this.take({ ...request, routes, limit }, (statement) => this.limited(queue, limit, statement("{limit}"))))
      }
      const limit = request.limit - claimed.length
      if (limit < 1 || open.length === 0) return claimed
      const rest = yield* this.take({ ...request, routes: open, limit }, (statement) => this.sql.unsafe<ClaimedRow>(statement(limit)).unprepared)
      return claimed.length === 0 ? rest : [...claimed, ...rest]
    })
  }

  private limited(queue: string, want: number, statement: string): Effect.Effect<ReadonlyArray<ClaimedRow>, SqlError> {
    const rows = this.sql.unsafe<{ task: ClaimedRow }>("select outrigger.claim_limited($1, $2, $3) as task", [queue, want, statement])
    return Effect.map(rows, (all) => all.map(({ task }) => task))
  }

  private take(
    { limit, routes, worker }: TaskStore.ClaimRequest,
    run: (statement: (limit: Limit) => string) => Effect.Effect<ReadonlyArray<ClaimedRow>, SqlError>
  ): Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, SqlError> {
    return Effect.gen({ self: this }, function*() {
      const lanes = yield* this.lanesOf(routes)
      if (!lanes.some(({ live }) => live)) yield* this.look(lanes)
      const chosen = this.inOrder(lanes.filter(({ live }) => live))
      if (chosen.length === 0 || limit < 1) return []
      const rows = yield* run((most) => claimSql(Number(worker), chosen, most))
      this.learn(chosen, rows, limit)
      return rows.map((row) => this.taskOf(row))
    })
  }

  private lanesOf(routes: ReadonlyArray<TaskStore.Route>): Effect.Effect<ReadonlyArray<Lane>, SqlError> {
    const unknown = routes.filter((route) => !this.ids.has(keyOf(route)))
    const learn = unknown.length === 0 ? Effect.void : Effect.map(
      this.sql.unsafe<{ id: number }>(routesSql, [unknown.map(({ queue }) => queue), unknown.map(({ name }) => name), unknown.map(({ version }) => version)]),
      (rows) => rows.forEach(({ id }, index) => {
        this.ids.set(keyOf(unknown[index]!), id)
        this.routes.set(id, unknown[index]!)
        this.lanes.set(id, priorities.map((priority) => ({ route: id, priority, head: 0, live: false })))
      })
    )
    return Effect.map(learn, () => routes.flatMap((route) => this.lanes.get(this.ids.get(keyOf(route))!)!))
  }

  private look(lanes: ReadonlyArray<Lane>): Effect.Effect<void, SqlError> {
    const heads = this.sql.unsafe<{ head: number }>(lookSql, [lanes.map(({ route }) => route), lanes.map(({ priority }) => priority)])
    return Effect.map(heads, (rows) => rows.forEach(({ head }, index) => {
      lanes[index]!.head = head
      lanes[index]!.live = head > 0
    }))
  }

  private inOrder(lanes: ReadonlyArray<Lane>): ReadonlyArray<Lane> {
    this.turn++
    return this.turn % 10 === 0
      ? lanes.toSorted((a, b) => a.head - b.head)
      : lanes.toSorted((a, b) => a.priority - b.priority || a.head - b.head)
  }

  /** With fewer rows than asked for, every lane was read to its end; with as many, the later lanes may not have been. */
  private learn(chosen: ReadonlyArray<Lane>, rows: ReadonlyArray<ClaimedRow>, limit: number): void {
    if (rows.length < limit) for (const lane of chosen) lane.live = false
    else if (this.turn % 10 === 0) for (const lane of chosen) lane.live = false // the heads are old: look again
  }

  private taskOf({ attempt, fence, handbacks, id, key, metadata, payload, route, timeout, waited }: ClaimedRow): TaskStore.ClaimedTask {
    const { name, queue, version } = this.routes.get(route)!
    return {
      id, name, version, queue, payload, attempt, fence, handbacks, waited,
      timeout: timeout ?? undefined, concurrencyKey: key ?? undefined, metadata: metadata ?? undefined
    }
  }
}
