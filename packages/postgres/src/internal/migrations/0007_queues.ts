/**
 * Queues: which are paused, and what each lets through over all workers.
 *
 * A claim from a queue with limits goes through `claim_limited`, which holds the queue's row while it counts, claims and pays: two
 * workers cannot both take the last place. What runs is known by slots, one for each claim; a slot whose task does not run under
 * that fence any more is free, whoever ended it and however, so nothing has to give one back.
 */
const tables: ReadonlyArray<string> = [
  `create table outrigger.queue (
    name text primary key, paused_at timestamptz, declared jsonb not null default '{}', chosen jsonb,
    tokens double precision, refilled_at timestamptz) with (fillfactor = 50)`,
  `create table outrigger.queue_slot (queue text not null, task bigint not null, fence bigint not null, primary key (queue, task)) with (fillfactor = 50)`,
  `insert into outrigger.queue (name) select distinct queue from outrigger.route`,
  `create function outrigger.know_queue() returns trigger language plpgsql as $$
    begin
      insert into outrigger.queue (name) values (new.queue) on conflict do nothing;
      return null;
    end $$`,
  `create trigger know_queue after insert on outrigger.route for each row execute function outrigger.know_queue()`
]

/** How many rows the planner expects: good enough beyond what is counted. */
const estimate = `create function outrigger.estimated_ready(of_route int2, of_priority int) returns bigint language plpgsql as $$
  declare plan json;
  begin
    execute format('explain (format json) select from outrigger.task where state = %L and route = %s and priority = %s', 'ready', of_route, of_priority) into plan;
    return (plan -> 0 -> 'Plan' ->> 'Plan Rows')::bigint;
  end $$`

/**
 * At most `want` tasks of one queue, as its limits allow now: `statement` claims as many as stand where it says {limit}, of
 * `keys` as its $1, and gives rows with `id`, `fence` and `state`. Nothing when another worker is at it: it takes what there is.
 */
const claimLimited = `create function outrigger.claim_limited(queue_name text, want int, statement text, keys text[] default '{}') returns setof jsonb language plpgsql
  set plan_cache_mode = force_custom_plan set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
  declare
    q outrigger.queue; limits jsonb; room int := want; bucket double precision; claimed record; began int := 0;
  begin
    select * into q from outrigger.queue where name = queue_name for update skip locked;
    if not found or q.paused_at is not null then return; end if;
    limits := coalesce(q.chosen, q.declared);
    if limits ? 'concurrency' then
      delete from outrigger.queue_slot s where s.queue = queue_name
        and not exists (select from outrigger.task t where t.id = s.task and t.fence = s.fence and t.worker is not null);
      room := least(room, (limits ->> 'concurrency')::int - (select count(*) from outrigger.queue_slot s where s.queue = queue_name));
    end if;
    if limits ? 'rateLimit' then
      bucket := (limits -> 'rateLimit' ->> 'limit')::float8;
      bucket := least(bucket, coalesce(q.tokens, bucket) + bucket * 1000 * extract(epoch from clock_timestamp() - coalesce(q.refilled_at, clock_timestamp()))::float8
        / (limits -> 'rateLimit' ->> 'per')::float8);
      room := least(room, floor(bucket)::int);
    end if;
    if room <= 0 then return; end if;
    for claimed in execute replace(statement, '{limit}', room::text) using keys loop
      return next to_jsonb(claimed);
      continue when claimed.state <> 'running';
      began := began + 1;
      continue when not limits ? 'concurrency';
      insert into outrigger.queue_slot (queue, task, fence) values (queue_name, claimed.id::bigint, claimed.fence::bigint)
        on conflict (queue, task) do update set fence = excluded.fence;
    end loop;
    if limits ? 'rateLimit' then
      update outrigger.queue set refilled_at = clock_timestamp(), tokens = bucket - began where name = queue_name;
    end if;
  end $$`

export const statements: ReadonlyArray<string> = [...tables, estimate, claimLimited]
