/**
 * Concurrency keys. A claim parks what has a key: out of the line that claims walk, into the line of its key. A *turn* then
 * takes a key's oldest, parked or not, to run; it is asked for when somebody has parked a task of that key, and when somebody
 * has ended one.
 *
 *   ready --claim--> parked --turn--> running      hold  k │ slot 1 │ turn 1 │ task 7 under fence 1   over
 *     └───────────────turn───────────────┘               k │ slot 1 │ turn 2 │ task 9 under fence 4   runs: the slot is taken
 *
 * Who holds a key is a ledger (`hold`): a slot is taken while the claim that took its last turn goes on, that is, while that
 * task still has that fence and a worker. So whatever ends a claim frees the key in that very write: an end, a retry, a
 * hand-back, a reaped worker, a cancel. Whoever finds a slot free inserts its next turn, and the primary key lets one of them:
 * `on conflict do nothing` and in key order, so that nobody waits for somebody who waits for him.
 *
 * No turn is missed: who parks asks afterwards, and who ends asks afterwards, each with a snapshot that is younger than its
 * write; one of the two sees both. Only a process that dies in between, or that may not run the next one, leaves a key
 * waiting, for a second at most: `waitingSql` looks at every key that has parked tasks.
 *
 * A key's tasks run in the order of their places, whatever their priority; one that failed and is tried again has a new
 * place. `mark` is below the oldest of the line when the turn was taken, so that the next need not read what is over; a task
 * that comes in behind it (its enqueuer committed late) gets a new place within a second.
 *
 * Turns of the past are deleted after a minute; so that nobody takes one of those again by an old snapshot, a statement that
 * has gone on for half of that takes none.
 */
import { claimedColumns, type Limit, run } from "./statements.ts"

const line = "key = k.key and state in ('ready', 'parked')"
const last = (slot: string) => `from outrigger.hold where key = k.key and slot = ${slot} order by turn desc limit 1`
const mark = `coalesce((select mark ${last("1")}), 0)`

/** The slots of key `k` that nobody holds; a task that still has the fence and a worker is a claim that goes on. */
const free = (width: string) => `
  select g.slot, coalesce(h.turn, 0) + 1 as turn, row_number() over () as nth
  from generate_series(1, ${width}) g(slot) left join lateral (select turn, task, fence ${last("g.slot")}) h on true
  where (select worker from outrigger.task where id = h.task and fence = h.fence limit 1) is null`

/** $1 keys: gives each key's free slots, `most` of each and `limit` in all, to the oldest tasks of these routes. */
export const turnSql = (worker: number, routes: ReadonlyArray<number>, most: number, limit: Limit): string => `
  with next as materialized (
    select k.key, s.slot, s.turn, t.id, t.fence, w.oldest - 1 as mark
    from unnest($1::text[]) k(key)
      cross join lateral (select ${mark} as mark) m
      cross join lateral (select coalesce(key_limit, 1) as width, seq as oldest from outrigger.task where ${line} and seq > m.mark order by seq limit 1) w
      cross join lateral (${free("w.width")} limit ${most}) s
      cross join lateral (select id, fence from outrigger.task
        where ${line} and seq >= w.oldest and route = any('{${routes}}'::int2[]) order by seq offset s.nth - 1 limit 1) t
    limit ${limit}),
  mine as materialized (select id, fence from outrigger.task
    where id = any(array(select id from next)) and state in ('ready', 'parked') for update skip locked),
  held as (insert into outrigger.hold (key, slot, turn, task, fence, mark)
    select next.key, next.slot, next.turn, id, fence + 1, next.mark from next join mine using (id, fence)
    where clock_timestamp() < statement_timestamp() + interval '30 seconds' order by next.key, next.slot on conflict do nothing returning task, fence)
  update outrigger.task set ${run(worker)}
  where id = any(array(select task from held)) and case when (id, fence + 1) in (select task, fence from held) then true end
  returning ${claimedColumns}`

/** The keys that have parked tasks and a free slot; and what lies behind a key's mark gets a new place. */
export const waitingSql = `
  with recursive k as (
    (select key, key_limit from outrigger.task where state = 'parked' order by key, seq limit 1)
    union all
    select n.* from k cross join lateral
      (select key, key_limit from outrigger.task where state = 'parked' and key > k.key order by key, seq limit 1) n),
  behind as (update outrigger.task set seq = outrigger.task_place() where ctid = any(array(
    select t.ctid from k cross join lateral (select ${mark} as mark offset 0) m cross join lateral
      (select ctid from outrigger.task where state = 'parked' and key = k.key and seq <= m.mark order by seq limit 100 for update skip locked) t)))
  select k.key from k cross join lateral (${free("coalesce(k.key_limit, 1)")} limit 1) s limit 1000`

/** Turns that are over or were followed by another, a minute later. */
export const pastTurnsSql = (recent: string): string => `
  delete from outrigger.hold where ctid = any(array(select h.ctid from outrigger.hold h
    where taken_at < clock_timestamp() - interval '1 minute'${recent}
      and (exists (select from outrigger.hold n where n.key = h.key and n.slot = h.slot and n.turn > h.turn)
        or (select worker from outrigger.task where id = h.task and fence = h.fence limit 1) is null)
    order by taken_at limit 1000 for update skip locked)) returning turn`
