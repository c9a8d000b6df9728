/**
 * What is over, kept by how it is looked for and let go: tasks that succeeded in one partition a day, dropped whole when its time
 * is over; dead and cancelled ones, which people look at and retry, in a partition of their own, where they are deleted in batches.
 *
 *   finished --state--> finished_succeeded --day--> finished_20270131, ... , finished_rest (a day that nobody has prepared)
 *                 \---> finished_unsuccessful
 */
const columns = `id bigint not null, fence bigint not null, route int2 not null, priority int2 not null, state text not null, attempt int not null,
    created_at timestamptz not null, run_at timestamptz not null, started_at timestamptz, finished_at timestamptz not null default clock_timestamp(),
    unique_key text, payload jsonb not null, metadata jsonb, result jsonb, failure jsonb, progress jsonb, expires_at timestamptz, timeout int, key text, key_limit int2, errors jsonb`

/** The days from today to the day after next; a day that is there already, or that others prepare right now, is left alone. */
const prepare = `create function outrigger.prepare_days() returns void language plpgsql set lock_timeout = '200ms' as $$
  declare day date; part text;
  begin
    for day in select d::date from generate_series((now() at time zone 'UTC')::date, (now() at time zone 'UTC')::date + 2, '1 day') d loop
      part := 'finished_' || to_char(day, 'YYYYMMDD');
      continue when to_regclass('outrigger.' || part) is not null;
      begin
        execute format('create table outrigger.%I partition of outrigger.finished_succeeded for values from (%L) to (%L)',
          part, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
      exception when duplicate_table or check_violation or lock_not_available then null; -- rows of that day lie in finished_rest: they stay there
      end;
    end loop;
  end $$`

/** One day's partition that is older than `keep`, dropped; its name, or null when there is none, or somebody reads it just now. */
const dropDay = `create function outrigger.drop_day(keep interval) returns text language plpgsql set lock_timeout = '200ms' as $$
  declare part text;
  begin
    select c.relname into part from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'outrigger.finished_succeeded'::regclass and c.relname ~ '^finished_[0-9]{8}$'
        and to_date(right(c.relname, 8), 'YYYYMMDD') + 1 <= (now() - keep) at time zone 'UTC'
      order by c.relname limit 1;
    if part is not null then execute format('drop table outrigger.%I', part); end if;
    return part;
  exception when lock_not_available or undefined_table then return null;
  end $$`

export const statements: ReadonlyArray<string> = [
  `alter table outrigger.finished rename to finished_before`,
  `alter table outrigger.finished_before drop constraint finished_pkey`,
  `create table outrigger.finished (${columns}, primary key (id, state, finished_at),
    check (state in ('succeeded', 'dead', 'cancelled'))) partition by list (state)`,
  `create table outrigger.finished_succeeded partition of outrigger.finished for values in ('succeeded') partition by range (finished_at)`,
  `create table outrigger.finished_rest partition of outrigger.finished_succeeded default`,
  `create table outrigger.finished_unsuccessful partition of outrigger.finished for values in ('dead', 'cancelled')`,
  `create index finished_unsuccessful_age on outrigger.finished_unsuccessful (finished_at)`,
  prepare,
  dropDay,
  `select outrigger.prepare_days()`,
  `insert into outrigger.finished (id, fence, route, priority, state, attempt, created_at, run_at, started_at, finished_at, unique_key, payload, metadata, result, failure, progress)
    select id, fence, route, priority, state, attempt, created_at, run_at, started_at, finished_at, unique_key, payload, metadata, result, failure, progress
    from outrigger.finished_before`,
  `drop table outrigger.finished_before`
]
