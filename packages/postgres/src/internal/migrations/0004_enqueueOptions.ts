/**
 * What an enqueue may say beyond the first release of the schema: a moment instead of a delay, an expiry, a timeout of its own,
 * concurrency keys, and unique keys that hold for a time or in other states.
 *
 * A unique key is held by one row of `unique_hold`, which names the newest task of that key. Whether that task still holds it is
 * asked of the task itself when somebody else wants the key: ending a task touches no key, and no task can wedge one.
 */

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

/** An option that is there must make sense: SQLSTATE OR422 names it. */
const checkOption = `create function outrigger.check_option(option text, value double precision, lowest double precision, highest double precision, allowed text)
  returns double precision language plpgsql immutable as $$
  begin
    if not (value between lowest and highest) then
      raise exception '% is %, but must be %', option, value, allowed using errcode = 'OR422', column = option;
    end if;
    return value;
  end $$`

const century = "3153600000000"

/** As before, with the options above; whoever waits for a key that is in use sees how that ended. */
const enqueueTask = `create or replace function outrigger.enqueue_task(
    task_name text, task_payload jsonb, options jsonb, out id bigint, out duplicate boolean) language plpgsql as $$
  declare
    defined outrigger.definition;
    chosen_queue text; chosen_priority int; chosen_version int;
    delay double precision := outrigger.check_option('delay', (options ->> 'delay')::float8, 0, ${century}, 'from 0 to 100 years, in milliseconds');
    run_at double precision := outrigger.check_option('runAt', (options ->> 'runAt')::float8, 0, 253402300799999, 'a moment from 1970 to the end of the year 9999, in epoch milliseconds');
    expires_after double precision := outrigger.check_option('expiresAfter', (options ->> 'expiresAfter')::float8, 1, ${century}, 'from 1 ms to 100 years, in milliseconds');
    own_timeout double precision := outrigger.check_option('timeout', (options ->> 'timeout')::float8, 1, 2147483647, 'from 1 to 2147483647 ms');
    unique_for double precision := outrigger.check_option('uniqueFor', (options ->> 'uniqueFor')::float8, 1, ${century}, 'from 1 ms to 100 years, in milliseconds');
    key_limit double precision := outrigger.check_option('keyConcurrency', (options ->> 'keyConcurrency')::float8, 1, 1000, 'a whole number from 1 to 1000');
    due timestamptz;
    idem text := options ->> 'idempotencyKey';
    own text := task_name || ':' || (options ->> 'uniqueKey');
    hash text := md5(task_payload::text);
    known outrigger.idempotency;
    holder bigint;
    -- null: until the task is over
    unique_until timestamptz := case when unique_for is not null then clock_timestamp() + unique_for * interval '1 ms' when options ? 'uniqueStates' then 'infinity' end;
  begin
    if task_name is null or task_name !~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$' then
      raise exception 'task name % must be 1 to 100 letters, digits, ".", "_", ":" or "-"', task_name using errcode = 'OR422', column = 'name';
    end if;
    if task_payload is null then raise exception 'the payload is missing' using errcode = 'OR422', column = 'payload'; end if;
    if length(task_payload::text) > 1100000 then
      raise exception 'the payload is over the limit of 1 MiB' using errcode = 'OR422', column = 'payload';
    end if;
    if delay > 0 and run_at is not null then
      raise exception 'delay is %, but must be left out where runAt is given', delay using errcode = 'OR422', column = 'delay';
    end if;
    select * into defined from outrigger.definition d
      where d.name = task_name and d.version = coalesce((options ->> 'version')::int, d.version) order by d.version desc limit 1;
    chosen_version := coalesce((options ->> 'version')::int, defined.version, 1);
    chosen_queue := coalesce(options ->> 'queue', defined.queue, 'default');
    chosen_priority := coalesce((options ->> 'priority')::int, defined.priority, 5);
    perform outrigger.check_option('priority', chosen_priority, 0, 9, 'from 0 (first) to 9 (last)');
    due := greatest(clock_timestamp(), coalesce(to_timestamp(run_at / 1000), clock_timestamp() + coalesce(delay, 0) * interval '1 ms'));
    expires_after := coalesce(expires_after, defined.expires_after);
    loop
      id := nextval(pg_get_serial_sequence('outrigger.task', 'id'));
      if idem is not null then
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
        case when due > clock_timestamp() then 'scheduled' else 'ready' end, due, due, due + expires_after * interval '1 ms', own_timeout,
        options ->> 'concurrencyKey', key_limit, own, task_payload, options -> 'metadata');
    duplicate := false;
  end $$`

export const statements: ReadonlyArray<string> = [...columns, ...uniqueHolds, checkOption, enqueueTask]
