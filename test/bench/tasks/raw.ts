/**
 * The bare statements of our own scheme, on our own tables, in a loop: what a runner could reach at most. Claims of 500 are
 * taken one after the other from one line, from the last place seen on; three acknowledgements are on their way at once.
 */
import { Migrations, PgTaskStore } from "@outrigger/postgres"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { PgClient } from "@effect/sql-pg"
import type { Payload, Queue, Queues } from "./queue.ts"

const worker = 1
const route = 1
const batch = 500
const inFlight = 3

const insertSql = `
  insert into outrigger.task (route, priority, payload)
  select ${route}, 5, p.payload::jsonb from unnest($1::text[]) p(payload) returning id::text`

const claimSql = (mark: string) => `
  update outrigger.task set state = 'running', fence = fence + 1, attempt = attempt + 1, worker = ${worker}, started_at = clock_timestamp()
  where ctid = any(array(select ctid from outrigger.task
    where state = 'ready' and route = ${route} and priority = 5 and seq > ${mark} order by seq limit ${batch} for update skip locked))
  returning id::text, fence::text, seq::text, attempt, payload`

const endSql = `
  with gone as (delete from outrigger.task
    where ctid = any(array(select mine.ctid from unnest($1::bigint[], $2::bigint[]) a(id, fence) cross join lateral
      (select ctid from outrigger.task t where t.id = a.id and t.fence = a.fence and t.worker = ${worker} limit 1) mine)) and worker = ${worker}
    returning id, fence, route, priority, attempt, created_at, run_at, started_at, payload)
  insert into outrigger.finished (id, fence, route, priority, state, attempt, created_at, run_at, started_at, payload, result)
  select g.id, g.fence, g.route, g.priority, 'succeeded', g.attempt, g.created_at, g.run_at, g.started_at, g.payload, e.result::jsonb
  from gone g join unnest($1::bigint[], $3::text[]) e(id, result) using (id) returning id::text`

interface Claimed {
  readonly id: string
  readonly fence: string
  readonly seq: string
  readonly payload: Payload
}

const connect = (url: string) => ManagedRuntime.make(PgTaskStore.layerPool({ url: Redacted.make(url) }))

const ask = <A extends object>(statement: string, values?: ReadonlyArray<unknown>) =>
  Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe<A>(statement, values))

const raw: Queue = {
  prepare: async (url) => {
    const runtime = connect(url)
    await runtime.runPromise(Effect.andThen(Migrations.run(), ask(`select outrigger.route_of('default', 'noop-0', 1)`)))
    await runtime.dispose()
  },
  produce: async (url) => {
    const runtime = connect(url)
    const insert = (payloads: ReadonlyArray<Payload>) =>
      runtime.runPromise(ask(insertSql, [payloads.map((payload) => JSON.stringify(payload))]))
    return {
      many: (specs) => insert(specs.map(({ payload }) => payload)),
      one: ({ payload }) => insert([payload]),
      close: () => runtime.dispose()
    }
  },
  run: async (url, _, handle) => {
    const runtime = connect(url)
    const stopping = new AbortController()
    const claim = (mark: string) =>
      Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe<Claimed>(claimSql(mark)).unprepared)
    const end = (rows: ReadonlyArray<Claimed>) =>
      ask(endSql, [rows.map(({ id }) => id), rows.map(({ fence }) => fence), rows.map(() => "null")])
    const loop = async () => {
      let mark = "0"
      const flying: Array<Promise<unknown>> = []
      while (!stopping.signal.aborted) {
        const rows = await runtime.runPromise(claim(mark))
        if (rows.length === 0) break
        mark = rows.reduce((last, { seq }) => BigInt(seq) > BigInt(last) ? seq : last, mark)
        for (const { payload } of rows) handle(payload)
        flying.push(runtime.runPromise(end(rows)))
        if (flying.length >= inFlight) await flying.shift()
      }
      await Promise.all(flying)
    }
    const done = loop()
    return {
      stop: () => {
        stopping.abort()
        return done
      },
      close: () => runtime.dispose()
    }
  }
}

export default { raw } satisfies Queues
