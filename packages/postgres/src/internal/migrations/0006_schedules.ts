/**
 * Schedules on PostgreSQL.
 *
 * `schedule` has a row for each; `revision` grows with every write but a worker's "still there". `schedule_slot` has the slots that
 * fired in the last day: its key is what lets no slot fire twice, whatever became of the row above it.
 */

/**
 * These slots of a schedule, enqueued, and the schedule moved on, in one statement: only if it is still at the revision that was
 * read. Of any number that call it at once the first has the row, and the others find another revision.
 */
const fire = `create function outrigger.schedule_fire(of_name text, seen bigint, slots double precision[], following double precision)
  returns table (slot double precision, id bigint, duplicate boolean) language plpgsql as $$
  declare
    s outrigger.schedule;
    at timestamptz; made record;
  begin
    update outrigger.schedule set revision = revision + 1, next_slot = to_timestamp(following / 1000)
      where name = of_name and revision = seen and paused_at is null and removed_at is null returning * into s;
    if not found then return; end if;
    delete from outrigger.schedule_slot f where f.schedule = of_name and f.fired_at < clock_timestamp() - interval '1 day';
    foreach slot in array slots loop
      at := to_timestamp(slot / 1000);
      insert into outrigger.schedule_slot (schedule, slot) values (of_name, at) on conflict do nothing;
      continue when not found;
      select e.id, e.duplicate into made from outrigger.enqueue_task(s.task, s.payload, jsonb_set(s.options, '{metadata}',
        coalesce(s.options -> 'metadata', '{}') || jsonb_build_object('schedule', of_name,
          'slot', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))) e;
      id := made.id; duplicate := made.duplicate;
      update outrigger.schedule set last_slot = at, last_task = made.id where name = of_name;
      return next;
    end loop;
  end $$`

export const statements: ReadonlyArray<string> = [
  `create table outrigger.schedule (
    name text primary key, revision bigint not null default 1,
    task text not null, payload jsonb not null, options jsonb not null,
    cron text, every bigint, time_zone text, catch_up text not null check (catch_up in ('skip', 'one', 'all')),
    declared jsonb not null, declared_at timestamptz not null default clock_timestamp(), created_at timestamptz not null default clock_timestamp(),
    next_slot timestamptz, last_slot timestamptz, last_task bigint, paused_at timestamptz, removed_at timestamptz,
    check ((cron is null) <> (every is null)), check ((cron is null) = (time_zone is null))) with (fillfactor = 50)`,
  `create index schedule_next on outrigger.schedule (next_slot) where paused_at is null and removed_at is null`,
  `create table outrigger.schedule_slot (
    schedule text not null references outrigger.schedule on delete cascade, slot timestamptz not null,
    fired_at timestamptz not null default clock_timestamp(), primary key (schedule, slot))`,
  fire
]
