/**
 * What an enqueue may say beyond the first release of the schema: a moment instead of a delay, an expiry, a timeout of its own,
 * concurrency keys, and unique keys that hold for a time or in other states.
 *
 * A unique key is held by one row of `unique_hold`, which names the newest task of that key. Whether that task still holds it is
 * asked of the task itself when somebody else wants the key: ending a task touches no key, and no task can wedge one.
 */
import { checks } from "./0004_checks.ts"

const columns: ReadonlyArray<string> = [
  `alter table outrigger.task add column expires_at timestamptz, add column timeout int, add column key text, add column key_limit int2,
    add column errors jsonb, drop constraint task_state_check,
    add constraint task_state_check check (state in ('scheduled', 'ready', 'running', 'parked'))`,
  `alter table outrigger.finished add column expires_at timestamptz, add column key text, add column errors jsonb`,
  `alter table outrigger.definition add column expires_after bigint`,
  `create index task_expiry on outrigger.task (expires_at) where expires_at is not null`
]

const uniqueHolds: ReadonlyArray<string> = [
  `create table outrigger.unique_hold (key text primary key, task bigint not null, until timestamptz) with (fillfactor = 70)`,
  `insert into outrigger.unique_hold (key, task) select unique_key, id from outrigger.task where unique_key is not null`,
  `drop index outrigger.task_unique`,
  // Whether the task that has the key keeps it: it is young enough, and in a state that counts.
  `create function outrigger.holds_unique(holder bigint, hold_for double precision, states jsonb) returns boolean language plpgsql as $$
    declare state_now text; since timestamptz;
    begin
      select case t.state when 'parked' then 'ready' else t.state end, t.created_at into state_now, since from outrigger.task t where t.id = holder;
      if not found then select f.state, f.created_at into state_now, since from outrigger.finished f where f.id = holder; end if;
      return state_now is not null
        and (hold_for is null or clock_timestamp() - since < hold_for * interval '1 ms')
        and coalesce(states ? state_now, state_now in ('scheduled', 'ready', 'running'));
    end $$`
]

/** As before, with the options above; whoever waits for a key that is in use sees how that ended. */
const enqueueTask = `create or replace function outrigger.enqueue_task(
    task_name text, task_payload jsonb, options jsonb, out id bigint, out duplicate boolean) language plpgsql as $$
  declare
    defined outrigger.definition;
    chosen_queue text; chosen_priority int; chosen_version int;
    delay double precision; run_at double precision; due timestamptz; expires_after double precision;
    idem text; hash text; known outrigger.idempotency;
    own text; unique_for double precision; unique_until timestamptz; holder bigint;
  begin
    perform outrigger.check_name(task_name), outrigger.check_options(options), outrigger.check_payload(task_payload),
      outrigger.check_queue(task_name, options);
    options := jsonb_strip_nulls(options);
    delay := options ->> 'delay';
    run_at := options ->> 'runAt';
    if delay > 0 and run_at is not null then
      raise exception 'delay is %, but must be left out where runAt is given', delay using errcode = 'OR422', column = 'delay';
    end if;
    select * into defined from outrigger.definition d
      where d.name = task_name and d.version = coalesce((options ->> 'version')::int, d.version) order by d.version desc limit 1;
    chosen_version := coalesce((options ->> 'version')::int, defined.version, 1);
    chosen_queue := coalesce(options ->> 'queue', defined.queue, 'default');
    chosen_priority := coalesce((options ->> 'priority')::int, defined.priority, 5);
    due := greatest(clock_timestamp(), coalesce(to_timestamp(run_at / 1000), clock_timestamp() + coalesce(delay, 0) * interval '1 ms'));
    expires_after := coalesce((options ->> 'expiresAfter')::float8, defined.expires_after);
    idem := options ->> 'idempotencyKey';
    own := task_name || ':' || (options ->> 'uniqueKey');
    unique_for := options ->> 'uniqueFor';
    unique_until := case when unique_for is not null then clock_timestamp() + unique_for * interval '1 ms'
      when options ? 'uniqueStates' then 'infinity' end; -- null: until the task is over
    loop
      id := nextval('outrigger.task_id_seq');
      if idem is not null then
        hash := md5(task_payload::text);
        insert into outrigger.idempotency (key, name, payload_hash, task) values (idem, task_name, hash, enqueue_task.id) on conflict do nothing;
        if not found then
          select * into known from outrigger.idempotency i where i.key = idem;
          continue when known.key is null; -- its day was just over
          if known.name <> task_name or known.payload_hash <> hash then
            raise exception 'the idempotency key % was used with another payload', idem using errcode = 'OR409', detail = idem;
          end if;
          id := known.task; duplicate := true;
          return;
        end if;
      end if;
      exit when own is null;
      insert into outrigger.unique_hold (key, task, until) values (own, enqueue_task.id, unique_until) on conflict do nothing;
      exit when found;
      select h.task into holder from outrigger.unique_hold h where h.key = own for update;
      if not found then -- it was just forgotten: from the beginning
        delete from outrigger.idempotency i where i.key = idem;
        continue;
      end if;
      if outrigger.holds_unique(holder, unique_for, options -> 'uniqueStates') then
        update outrigger.idempotency i set task = holder where i.key = idem;
        id := holder; duplicate := true;
        return;
      end if;
      update outrigger.unique_hold h set task = enqueue_task.id, until = unique_until where h.key = own;
      exit;
    end loop;
    insert into outrigger.task (id, route, priority, state, due_at, run_at, expires_at, timeout, key, key_limit, unique_key, payload, metadata)
      overriding system value
      values (enqueue_task.id, outrigger.route_of(chosen_queue, task_name, chosen_version), chosen_priority,
        case when due > clock_timestamp() then 'scheduled' else 'ready' end, due, due, due + expires_after * interval '1 ms', (options ->> 'timeout')::float8,
        options ->> 'concurrencyKey', (options ->> 'keyConcurrency')::int, own, task_payload, options -> 'metadata');
    duplicate := false;
  end $$`

/** Many tasks in one statement, all or none: an array of {"name", "payload", "options"}. The ids come in their order. */
const enqueueMany = `create function outrigger.enqueue_many(tasks jsonb) returns setof text language plpgsql as $$
  begin
    if tasks is null or jsonb_typeof(tasks) <> 'array' then
      raise exception 'tasks is %, but must be an array of {"name", "payload", "options"}', coalesce(left(tasks::text, 100), 'missing')
        using errcode = 'OR422', column = 'tasks';
    end if;
    return query select e.id::text from jsonb_array_elements(tasks) with ordinality t(task, place)
      cross join lateral outrigger.enqueue_task(task ->> 'name', task -> 'payload', coalesce(nullif(task -> 'options', 'null'), '{}')) e order by place;
  end $$`

/** For after the commit of a host's transaction: goes out only when somebody sleeps. */
const wake = `create function outrigger.wake() returns void language sql as
  $$ select pg_notify('outrigger_wake', '') where exists (select from outrigger.sleeper) $$`

export const statements: ReadonlyArray<string> = [...columns, ...uniqueHolds, ...checks, enqueueTask, enqueueMany, wake]
