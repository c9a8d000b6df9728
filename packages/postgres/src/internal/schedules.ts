/**
 * Schedules on PostgreSQL. Every write names the revision that was read and reads the row count; who finds another one reads again,
 * or, when it is about firing, leaves it to whoever was first. The time is the server's.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ScheduleStore, Task, TaskStore } from "@outrigger/sdk"
import { wake } from "./enqueue.ts"

type Query = (text: string, values?: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<any>, Task.StoreUnavailable>
type Standing = ScheduleStore.Standing

interface Row {
  readonly name: string
  readonly revision: number
  readonly task: string
  readonly payload: unknown
  readonly options: Omit<TaskStore.NewTask, "name" | "payload">
  readonly cron: string | null
  readonly every: number | null
  readonly zone: string | null
  readonly catchUp: ScheduleStore.CatchUp
  readonly declared: ScheduleStore.Declared
  readonly declaredAt: number
  readonly next: number | null
  readonly last: number | null
  readonly lastTask: string | null
  readonly paused: boolean
  readonly removed: boolean
}

const millis = (expression: string) => `(extract(epoch from ${expression}) * 1000)::float8`
const instant = (parameter: string) => `to_timestamp(${parameter}::float8 / 1000)`
const now = `${millis("clock_timestamp()")} as now`
const ruleColumns = `s.name, s.revision::float8 as revision, s.cron, s.every::float8 as every, s.time_zone as zone, s.catch_up as "catchUp", ${millis("s.next_slot")} as next`
const columns = `${ruleColumns}, s.task, s.payload, s.options, s.declared, ${millis("s.declared_at")} as "declaredAt",
  ${millis("s.last_slot")} as last, s.last_task::text as "lastTask", s.paused_at is not null as paused, s.removed_at is not null as removed`

/** One row at least, for the time alone when there is no such schedule. */
const readSql = `select ${now}, ${columns} from (select 1) one left join outrigger.schedule s on s.name = $1`
const listSql = `select ${now}, ${columns} from outrigger.schedule s where s.removed_at is null order by s.name`

const fires = `s.paused_at is null and s.removed_at is null and s.next_slot is not null
  and s.declared_at > clock_timestamp() - ${ScheduleStore.orphanedAfter} * interval '1 ms'`
/** The first that is not due shows how long to wait; what is due beyond these is so again when they have fired. */
export const dueSql = `select ${now}, ${ruleColumns} from outrigger.schedule s where ${fires} order by s.next_slot limit 500`

const written = `task = $3, payload = $4::jsonb, options = $5::jsonb, cron = $6, every = $7::float8, time_zone = $8, catch_up = $9, declared = $10::jsonb,
  declared_at = ${instant("$11")}, next_slot = ${instant("$12")}, paused_at = case when $13 then coalesce(paused_at, clock_timestamp()) end,
  removed_at = case when $14 then coalesce(removed_at, clock_timestamp()) end`
const updateSql = `update outrigger.schedule set revision = revision + 1, ${written} where name = $1 and revision = $2::float8 returning revision::float8 as revision`
const insertSql = `
  insert into outrigger.schedule (name, revision, task, payload, options, cron, every, time_zone, catch_up, declared, declared_at, next_slot, paused_at, removed_at)
  values ($1, $2::float8, $3, $4::jsonb, $5::jsonb, $6, $7::float8, $8, $9, $10::jsonb, ${instant("$11")}, ${instant("$12")},
    case when $13 then clock_timestamp() end, case when $14 then clock_timestamp() end)
  on conflict do nothing returning revision::float8 as revision`
const deleteSql = `delete from outrigger.schedule where name = $1 and revision = $2::float8 returning revision::float8 as revision`

/** However many workers say so, a row is written twice a minute at most. */
const touchSql = `
  update outrigger.schedule s set declared_at = clock_timestamp() from unnest($1::text[], $2::text[]) d(name, task)
  where s.name = d.name and s.declared -> 'task' ->> 'name' = d.task and s.declared_at < clock_timestamp() - interval '30 seconds' returning s.name`
/** Nobody declares it any more, so nobody would bring it back. */
const forgetSql = `
  delete from outrigger.schedule where removed_at is not null and declared_at < clock_timestamp() - ${ScheduleStore.orphanedAfter} * interval '1 ms' returning name`

const fireSql = `
  select f.slot, f.id::text, f.duplicate, ${wake} from outrigger.schedule_fire($1, $2::float8::bigint, $3::float8[], $4::float8) f`

const ruleOf = ({ catchUp, cron, every, zone }: Row): ScheduleStore.Rule =>
  ({ rhythm: cron === null ? { every: every! } : { cron, timeZone: zone! }, catchUp })

const standingOf = (row: Row): Standing => ({
  name: row.name, revision: row.revision, rule: ruleOf(row), task: { ...row.options, name: row.task, payload: row.payload },
  declared: row.declared, declaredAt: row.declaredAt, next: row.next ?? undefined, lastSlot: row.last ?? undefined,
  lastTask: row.lastTask ?? undefined, paused: row.paused, removed: row.removed
})

const valuesOf = ({ declared, declaredAt, name, next, paused, removed, revision, rule, task }: Standing): ReadonlyArray<unknown> => {
  const { cron, every, timeZone } = rule.rhythm
  return [
    name, revision, task.name, JSON.stringify(task.payload ?? null), JSON.stringify(TaskStore.sqlOptionsOf(task)), cron ?? null, every ?? null, timeZone ?? null,
    rule.catchUp, JSON.stringify(declared), declaredAt, next ?? null, paused, removed
  ]
}

interface Read {
  readonly now: number
  readonly standing: Standing | undefined
}

/** The operations over one connection pool. */
export const makeSchedules = (query: Query): ScheduleStore.Service => {
  const read = (name: string): Effect.Effect<Read, Task.StoreUnavailable> => Effect.map(query(readSql, [name]), ([row]) =>
    ({ now: row.now, standing: row.name === null ? undefined : standingOf(row) }))
  const done = (rows: Effect.Effect<ReadonlyArray<unknown>, Task.StoreUnavailable>) => Effect.map(rows, ({ length }) => length > 0)
  const insert = (standing: Standing) => done(query(insertSql, valuesOf(standing)))
  const update = (standing: Standing) => done(query(updateSql, valuesOf(standing)))
  const touch: ScheduleStore.Service["touch"] = (schedules) =>
    Effect.asVoid(Effect.andThen(query(touchSql, [schedules.map(({ name }) => name), schedules.map(({ task }) => task)]), query(forgetSql)))

  const declareOne = (declaration: ScheduleStore.Declaration): Effect.Effect<ReadonlyArray<ScheduleStore.Refused>, Task.StoreUnavailable> =>
    Effect.flatMap(read(declaration.name), ({ now, standing }) => {
      const { name, task } = declaration
      const verdict = ScheduleStore.declared(standing, declaration, now)
      const unlessBeaten = (write: Effect.Effect<boolean, Task.StoreUnavailable>) =>
        Effect.flatMap(write, (was) => was ? Effect.succeed([]) : declareOne(declaration))
      switch (verdict._tag) {
        case "Nothing": return Effect.succeed([])
        case "Same": return Effect.as(touch([{ name, task: task.name }]), [])
        case "Refused": return Effect.succeed([{ name, task: task.name, owner: verdict.owner }])
        case "Delete": return unlessBeaten(done(query(deleteSql, [name, standing!.revision])))
        case "Write": return unlessBeaten(standing === undefined ? insert(verdict.standing) : update(verdict.standing))
      }
    })

  /** `transition` throws what it refuses. */
  const alter = <E = never>(
    name: string, transition: (before: Standing, now: number) => Standing, removedToo = false
  ): Effect.Effect<ScheduleStore.ScheduleRecord, Task.ScheduleNotFound | Task.StoreUnavailable | E> =>
    Effect.flatMap(read(name), ({ now, standing }) => {
      if (standing === undefined || (standing.removed && !removedToo)) return Effect.fail(new Task.ScheduleNotFound(name))
      return Effect.flatMap(Effect.try({ try: () => transition(standing, now), catch: (error) => error as E }), (after) =>
        after === standing
          ? Effect.succeed(ScheduleStore.recordOf(standing, now))
          : Effect.flatMap(update(after), (was) => was ? Effect.succeed(ScheduleStore.recordOf(after, now)) : alter<E>(name, transition, removedToo)))
    })

  return {
    declare: (declarations) => Effect.map(Effect.forEach(declarations, declareOne), (refused) => refused.flat()),
    touch,
    list: Effect.map(query(listSql), (rows) => rows.map((row) => ScheduleStore.recordOf(standingOf(row), row.now))),
    find: (name) => Effect.map(read(name), ({ now, standing }) =>
      standing === undefined || standing.removed ? Option.none() : Option.some(ScheduleStore.recordOf(standing, now))),
    change: (name, change) => alter<Task.InvalidOption>(name, (before, now) => ScheduleStore.changed(before, change, now)),
    pause: (name) => alter(name, ScheduleStore.paused),
    resume: (name) => alter(name, ScheduleStore.resumed, true),
    remove: (name) => Effect.asVoid(alter(name, ScheduleStore.removed)),
    due: Effect.map(query(dueSql), (rows): ScheduleStore.DueSchedules => {
      const at: number = rows[0]?.now ?? 0
      const later = rows.find((row) => row.next > at)
      return {
        now: at,
        schedules: rows.filter((row) => row.next <= at).map((row) => ({ name: row.name, revision: row.revision, ...ruleOf(row), next: row.next })),
        wait: later === undefined ? undefined : later.next - at
      }
    }),
    fire: ({ name, next, revision, slots }) => Effect.map(query(fireSql, [name, revision, slots, next ?? null]), (rows) =>
      rows.map(({ duplicate, id, slot }): ScheduleStore.Fired => ({ slot, id, duplicate })))
  }
}
