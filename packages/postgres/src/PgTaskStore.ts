/**
 * The task store on PostgreSQL.
 *
 * PostgreSQL decides order (`task_place`), ownership (`for update skip locked`, the fence) and time (`clock_timestamp()`); a
 * worker's clock only says when to look again and when its own lease is too old to trust. A task that is over moves to another
 * table in the statement that ends it, so the line holds only what waits or runs. Wake-ups are hints (`NOTIFY`, sent only
 * while somebody sleeps); every worker polls as well. Through a pooler there are none, and statements bring along how they are
 * to be planned (`internal/planned.ts`).
 *
 * How claims find their way past what is over is told in `internal/claim/lanes.ts`, whose turn a concurrency key is in
 * `internal/claim/turns.ts`, why writes are exact in `internal/settle.ts`.
 *
 * Survived: a worker that dies (lease, reaping, fence), PostgreSQL restarting (errors are retryable, LISTEN comes back), a
 * client that hears an error though its enqueue was committed (idempotency keys).
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import { Task, TaskStore } from "@outrigger/sdk"
import { Claims } from "./internal/claim/claims.ts"
import { planner } from "./internal/claim/statements.ts"
import { makeEnqueue } from "./internal/enqueue.ts"
import { isDeadlock, storeUnavailable } from "./internal/errors.ts"
import { QueueGate } from "./internal/queueGate.ts"
import { cancelSql, redriveMany, redriveSql } from "./internal/finished.ts"
import type { Retention as Kept } from "./internal/forget.ts"
import { planned } from "./internal/planned.ts"
import { findPooler } from "./internal/pooler.ts"
import { makeHeld } from "./internal/held.ts"
import { makeQueues } from "./internal/queues.ts"
import { listTasks, recordOf, type Row, selectTasks } from "./internal/records.ts"
import { makeSchedules } from "./internal/schedules.ts"
import { settle } from "./internal/settle.ts"
import { currentSql, type Sql } from "./internal/sql.ts"
import { makeUpkeep } from "./internal/upkeep.ts"
import { Waiters } from "./internal/waiters.ts"
import * as PgSchema from "./PgSchema.ts"

const isId = (id: string): boolean => /^\d{1,18}$/.test(id)

const listWhere = `
  ($1::bigint is null or t.id < $1::bigint) and ($2::text is null or t.state = $2 or (t.state = 'parked' and $2 = 'ready')) and ($3::text is null or r.queue = $3)
  and ($4::text is null or r.name = $4)`

const definitionsSql = `
  select d.name, d.version, d.queue, nullif(q.declared, '{}') as "queueLimits", d.priority, d.timeout::float8 as timeout, d.retry, d.needs,
    d.expires_after::float8 as "expiresAfter", d.payload_schema as "payloadSchema"
  from outrigger.definition d join outrigger.queue q on q.name = d.queue order by d.name, d.version`

const renewSql = `
  update outrigger.worker set expires_at = clock_timestamp() + $2::float8 * interval '1 ms' where id = $1 and reaped_at is null returning id`

const progressSql = `
  update outrigger.task set progress = jsonb_build_object('ratio', $4::float8, 'text', $5::text)
  where id = $1::bigint and fence = $2::bigint and worker = $3 returning id`

const defineSql = `
  with q as (insert into outrigger.queue (name, declared) values ($3, coalesce($10::jsonb, '{}'))
    on conflict (name) do update set declared = excluded.declared where $10 is not null and queue.declared <> excluded.declared)
  insert into outrigger.definition (name, version, queue, priority, timeout, retry, needs, payload_schema, expires_after)
  values ($1, $2, $3, $4, $5, $6::jsonb, $7::text[], $8::jsonb, $9)
  on conflict (name, version) do update set queue = excluded.queue, priority = excluded.priority, timeout = excluded.timeout,
    retry = excluded.retry, needs = excluded.needs, payload_schema = excluded.payload_schema, expires_after = excluded.expires_after, updated_at = now() returning name`

const deregisterSql = `
  with gone as (update outrigger.worker set reaped_at = clock_timestamp() where id = $1 and reaped_at is null),
  asleep as (delete from outrigger.sleeper where worker = $1)
  update outrigger.task set state = 'ready', seq = outrigger.task_place(), worker = null, attempt = attempt - 1, handbacks = handbacks + 1
  where state = 'running' and worker = $1 returning id`

const ask = <A>(effect: Effect.Effect<A, SqlError>) => Effect.mapError(effect, storeUnavailable)

/** What writes many tasks in one transaction can meet another that does, from the other end: the one that was undone goes again. */
const again = <A>(effect: Effect.Effect<A, SqlError>) => Effect.retry(effect, { times: 3, while: isDeadlock })

/** Statements whose rows are read right where they are asked for. */
type Query = (text: string, values?: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<any>, Task.StoreUnavailable>

const enqueuingSide = (sql: Sql, query: Query, waiters: Waiters, gate: QueueGate) => {
  const find = (id: TaskStore.TaskId) => isId(id)
    ? Effect.map(query(selectTasks("t.id = $1::bigint"), [id]), ([row]) => row === undefined ? Option.none() : Option.some(recordOf(row as Row)))
    : Effect.succeed(Option.none<TaskStore.TaskRecord>())
  const get = (id: TaskStore.TaskId) => Effect.flatMap(find(id), Option.match({
    onNone: () => Effect.fail(new Task.NotFound(id)),
    onSome: (task) => Effect.succeed(task)
  }))
  const list = ({ cursor, limit, name, queue, state }: TaskStore.ListRequest) => {
    const rows = query(listTasks(listWhere, Math.min(500, Math.max(1, limit)) + 1, state), [
      cursor !== undefined && isId(cursor) ? cursor : null, state ?? null, queue ?? null, name ?? null
    ])
    return Effect.map(rows, (found) => {
      const tasks = found.slice(0, limit).map((row) => recordOf(row as Row))
      return { tasks, cursor: found.length > limit ? tasks.at(-1)!.id : undefined }
    })
  }
  const change = (statement: string) => (id: TaskStore.TaskId) => Effect.andThen(isId(id) ? query(statement, [id]) : Effect.void, get(id))
  return {
    enqueue: makeEnqueue(sql, true),
    find,
    list,
    await: (id: TaskStore.TaskId, timeout: number) => Effect.flatMap(get(id), (task) => task.finishedAt !== undefined
      ? Effect.succeed(task)
      : Effect.andThen(Effect.timeoutOption(waiters.ended(id), timeout), get(id))),
    cancel: (id: TaskStore.TaskId) => Effect.tap(change(cancelSql)(id), () => Effect.sync(() => waiters.announce([id]))),
    redrive: change(redriveSql),
    redriveMany: (filter: TaskStore.RedriveFilter) => redriveMany(query, filter),
    ...makeQueues(query, () => gate.forget())
  }
}

const workerSide = (sql: Sql, query: Query) => ({
  define: (definitions: ReadonlyArray<TaskStore.TaskDefinition>) => Effect.forEach(definitions, (d) => query(defineSql, [
    d.name, d.version, d.queue, d.priority, d.timeout, JSON.stringify(d.retry), d.needs,
    d.payloadSchema === undefined ? null : JSON.stringify(d.payloadSchema), d.expiresAfter ?? null,
    d.queueLimits === undefined ? null : JSON.stringify(d.queueLimits)
  ]), { discard: true }),
  definitions: Effect.map(query(definitionsSql), (rows) =>
    rows.map(({ expiresAfter, queueLimits, ...row }) => ({
      ...row, payloadSchema: row.payloadSchema ?? undefined, ...(expiresAfter !== null && { expiresAfter }), ...(queueLimits !== null && { queueLimits })
    }) as TaskStore.TaskDefinition)),
  register: ({ lease, name }: { readonly name: string; readonly lease: number }) => Effect.map(
    query(`insert into outrigger.worker (name, expires_at) values ($1, clock_timestamp() + $2::float8 * interval '1 ms') returning id::text`, [name, lease]),
    ([row]) => row.id as string
  ),
  renew: (worker: TaskStore.WorkerId, lease: number) => Effect.map(query(renewSql, [Number(worker), lease]), (rows) => rows.length > 0),
  deregister: (worker: TaskStore.WorkerId) => Effect.asVoid(ask(again(sql.unsafe(deregisterSql, [Number(worker)])))),
  held: makeHeld(query),
  sleeping: (worker: TaskStore.WorkerId, asleep: boolean) => Effect.asVoid(asleep
    ? query(`insert into outrigger.sleeper (worker) values ($1) on conflict do nothing`, [Number(worker)])
    : query(`delete from outrigger.sleeper where worker = $1`, [Number(worker)]))
})

/** Notifications of enqueues, for as long as the scope lives. Through a pooler there are none: nobody sleeps there, and workers poll. */
const notifications = (sql: Sql, wake: () => void) => sql.pooled
  ? Effect.logInfo("The database is reached through a pooler: notifications fall back to polling")
  : Effect.forkScoped(Effect.scoped(Effect.gen(function*() {
    const heard = yield* sql.listen(sql.render("outrigger_wake"))
    wake() // what came while nobody listened
    yield* Effect.forever(Effect.map(Queue.take(heard), wake))
  })).pipe(Effect.retry(Schedule.spaced("1 second")), Effect.ignore))

/** Among those who are woken from within this process, until the scope closes. */
const here = (wakes: Set<() => void>, wake: () => void) => Effect.acquireRelease(
  Effect.sync(() => wakes.add(wake)),
  () => Effect.sync(() => wakes.delete(wake))
)

const taskSide = (sql: Sql, query: Query, waiters: Waiters, gate: QueueGate, retention: Kept): Pick<TaskStore.Service, "claim" | "settle" | "progress" | "upkeep" | "wake" | "onWake"> => {
  const claims = new Claims(sql, gate)
  const wakes = new Set<() => void>()
  const wakeHere = Effect.sync(() => { for (const wake of wakes) wake() })
  return {
    claim: (request) => ask(claims.claim(request)),
    settle: (worker, settlements) => Effect.map(ask(again(settle(sql, worker, settlements))), (settled) => {
      const ids = settled.map(({ id }) => id)
      const keys = settled.flatMap(({ key }) => key ?? [])
      waiters.announce(ids)
      if (keys.length > 0) {
        claims.ask(keys)
        for (const wake of wakes) wake()
      }
      return ids
    }),
    progress: (worker, { fence, id, ratio, text }) =>
      Effect.map(query(progressSql, [id, fence, Number(worker), ratio, text]), (rows) => rows.length > 0),
    upkeep: ask(again(makeUpkeep(sql, retention))),
    // Through a pooler nobody hears it but who is in this process.
    wake: Effect.andThen(sql.pooled ? wakeHere : Effect.void, Effect.asVoid(query(`select outrigger.wake()::text`))),
    onWake: (wake) => Effect.asVoid(Effect.andThen(here(wakes, wake), notifications(sql, wake)))
  }
}

/** How long finished tasks are kept. */
export interface RetentionOptions {
  /** 7 days unless said. */
  readonly succeeded?: Duration.Input | undefined
  /** Dead and cancelled ones: 30 days unless said. */
  readonly unsuccessful?: Duration.Input | undefined
}

/** How long finished tasks are kept by whatever store is built with it; `layer` takes it as an option. */
export const Retention = Context.Reference<RetentionOptions>("@outrigger/postgres/PgTaskStore/Retention", { defaultValue: () => ({}) })

const keptFor = (option: string, input: Duration.Input): number => {
  const duration = Duration.fromInput(input)
  if (duration._tag === "Some" && Duration.toMillis(duration.value) >= 0) return Duration.toMillis(duration.value)
  throw new RangeError(`PgTaskStore: retention.${option} is ${JSON.stringify(input)}, but must be a duration, such as "7 days"`)
}

const retained = Effect.map(Retention, ({ succeeded = "7 days", unsuccessful = "30 days" }): Kept => ({
  succeeded: keptFor("succeeded", succeeded), unsuccessful: keptFor("unsuccessful", unsuccessful)
}))

/**
 * The store over the client at hand: one of `layerPool`, or one that is told `prepare: false`, which counts as one that goes
 * through a pooler. Without a pooler its LISTEN takes a connection.
 */
export const make: Effect.Effect<TaskStore.Service, never, PgClient.PgClient | Scope.Scope> = Effect.gen(function*() {
  const direct = yield* currentSql
  const sql = planned(direct)
  const waiters = new Waiters()
  const gate = new QueueGate(sql)
  const query: Query = (text, values = []) => ask(sql.unsafe<any>(text, values))
  const over = (ids: ReadonlyArray<TaskStore.TaskId>) => Effect.map(
    sql.unsafe<{ id: string }>(`select id::text from outrigger.finished where id = any($1::bigint[])`, [ids]),
    (rows) => rows.map(({ id }) => id)
  )
  yield* Effect.forkScoped(waiters.poll(over))
  return TaskStore.TaskStore.of({
    ...enqueuingSide(direct, query, waiters, gate), ...workerSide(sql, query), ...(sql.pooled && { sleeping: () => Effect.void }),
    ...taskSide(sql, query, waiters, gate, yield* retained), schedules: makeSchedules(query)
  })
})

/** Over the client at hand. */
export const layerClient: Layer.Layer<TaskStore.TaskStore, never, PgClient.PgClient> = Layer.effect(TaskStore.TaskStore, make)

export interface Options {
  readonly url: Redacted.Redacted
  /** Connections; 10 unless said. One more is kept for LISTEN. */
  readonly maxConnections?: number | undefined
  readonly applicationName?: string | undefined
  readonly retention?: RetentionOptions | undefined
  /** In which schema of the database it lies; `PgSchema` unless said, which is `outrigger` unless said. */
  readonly schema?: string | undefined
  /**
   * Whether the URL leads to PgBouncer or its like, which shares sessions: then statements carry their settings with them, and
   * notifications fall back to polling. Found out by a connection when the pool is made, unless it is said here, or by
   * `?pgbouncer=true` in the URL.
   */
  readonly pooler?: boolean | undefined
}

/** Whether a pooler stands before this database, by its URL or by a connection that is made for it. */
export const poolerBefore: (url: Redacted.Redacted) => Effect.Effect<boolean, SqlError> = findPooler

/** The pool that the store wants. Unless `pooler` is said it makes a connection to find that out, and fails when it cannot. */
export const layerPool = ({ applicationName = "outrigger", maxConnections = 10, pooler, url }: Options): Layer.Layer<PgClient.PgClient, SqlError> =>
  PgClient.layerFrom(Effect.flatMap(pooler === undefined ? findPooler(url) : Effect.succeed(pooler), (pooled) => PgClient.make({
    url, applicationName, connectTimeout: "5 seconds",
    ...(pooled ? { maxConnections, prepare: false } : { maxConnections: maxConnections + 1, startupParameters: planner })
  })))

/**
 * A store with a pool of its own. The schema must be there: see `Migrations`.
 *
 * @example
 * import * as Redacted from "effect/Redacted"
 * import { PgTaskStore } from "@outrigger/postgres"
 *
 * const store = PgTaskStore.layer({ url: Redacted.make("postgres://localhost/app") })
 */
export const layer = (options: Options): Layer.Layer<TaskStore.TaskStore, SqlError> =>
  layerClient.pipe(Layer.provide([
    layerPool(options),
    Layer.succeed(Retention, options.retention ?? {}),
    options.schema === undefined ? Layer.empty : PgSchema.layer(options.schema)
  ]))
