/**
 * Tasks on PostgreSQL.
 *
 * `task` holds only what is not over; what is over moves to `finished` in the very statement that ends it. `id` is public and
 * never changes; `seq` is the place in line, drawn anew whenever a row becomes ready again. A route is one version of one task
 * in one queue: what a worker can run, and the first column of the line's index.
 */
const routeOf = `create function outrigger.route_of(q text, n text, v int) returns int2 language plpgsql as $$
  declare known int2;
  begin
    loop
      select id into known from outrigger.route where queue = q and name = n and version = v;
      if known is not null then return known; end if;
      insert into outrigger.route (queue, name, version) values (q, n, v) on conflict do nothing;
    end loop;
  end $$`

/**
 * One task, with its keys, in the transaction at hand. It waits for whoever is just using the same key, and then sees the
 * outcome: a duplicate when they committed, a new task when they rolled back. SQLSTATE OR409: the key has another payload;
 * OR422: an option makes no sense.
 */
const enqueueTask = `create function outrigger.enqueue_task(
    task_name text, task_payload jsonb, options jsonb, out id bigint, out duplicate boolean) language plpgsql as $$
  declare
    defined outrigger.definition;
    chosen_queue text; chosen_priority int; chosen_version int; delay double precision; due timestamptz;
    idem text := options ->> 'idempotencyKey';
    own text := task_name || ':' || (options ->> 'uniqueKey');
    hash text := md5(task_payload::text);
    known outrigger.idempotency;
  begin
    if task_name is null or task_name !~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$' then
      raise exception 'task name % must be 1 to 100 letters, digits, ".", "_", ":" or "-"', task_name using errcode = 'OR422', column = 'name';
    end if;
    if task_payload is null then raise exception 'the payload is missing' using errcode = 'OR422', column = 'payload'; end if;
    if length(task_payload::text) > 1100000 then
      raise exception 'the payload is over the limit of 1 MiB' using errcode = 'OR422', column = 'payload';
    end if;
    select * into defined from outrigger.definition d
      where d.name = task_name and d.version = coalesce((options ->> 'version')::int, d.version) order by d.version desc limit 1;
    chosen_version := coalesce((options ->> 'version')::int, defined.version, 1);
    chosen_queue := coalesce(options ->> 'queue', defined.queue, 'default');
    chosen_priority := coalesce((options ->> 'priority')::int, defined.priority, 5);
    delay := coalesce((options ->> 'delay')::double precision, 0);
    if chosen_priority not between 0 and 9 then
      raise exception 'priority is %, but must be from 0 (first) to 9 (last)', chosen_priority using errcode = 'OR422', column = 'priority';
    end if;
    if not (delay >= 0 and delay <= 3153600000000) then
      raise exception 'delay is %, but must be from 0 to 100 years, in milliseconds', delay using errcode = 'OR422', column = 'delay';
    end if;
    due := clock_timestamp() + delay * interval '1 ms';
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
      insert into outrigger.task (id, route, priority, state, due_at, run_at, unique_key, payload, metadata)
        overriding system value
        values (enqueue_task.id, outrigger.route_of(chosen_queue, task_name, chosen_version), chosen_priority,
          case when delay > 0 then 'scheduled' else 'ready' end, due, due, own, task_payload, options -> 'metadata')
        on conflict (unique_key) where unique_key is not null do nothing;
      duplicate := not found;
      if not duplicate then return; end if;
      select t.id into enqueue_task.id from outrigger.task t where t.unique_key = own;
      if enqueue_task.id is not null then
        update outrigger.idempotency i set task = enqueue_task.id where i.key = idem;
        return;
      end if;
      delete from outrigger.idempotency i where i.key = idem; -- the other one has just ended: from the beginning
    end loop;
  end $$`

/** For any client: enqueues in the transaction at hand, and gives the id. It wakes nobody: workers find it within their poll. */
const enqueue = `create function outrigger.enqueue(name text, payload jsonb, options jsonb default '{}') returns text language sql as
  $$ select (outrigger.enqueue_task(name, payload, coalesce(options, '{}'))).id::text $$`

export const statements: ReadonlyArray<string> = [
  `create sequence outrigger.task_place_seq cache 1`,
  // The transaction id is taken before the place is drawn, so that only late commits can appear behind a place already seen.
  `create function outrigger.task_place() returns bigint language sql volatile as
    $$ select nextval(case when pg_current_xact_id() is not null then 'outrigger.task_place_seq'::regclass end) $$`,
  `create table outrigger.route (
    id int2 generated always as identity primary key,
    queue text not null, name text not null, version int2 not null, unique (queue, name, version))`,
  `create table outrigger.definition (
    name text not null, version int2 not null, queue text not null, priority int2 not null, timeout bigint not null,
    retry jsonb not null, needs text[] not null, payload_schema jsonb, updated_at timestamptz not null default now(),
    primary key (name, version))`,
  `create table outrigger.worker (
    id int generated always as identity primary key, name text not null,
    started_at timestamptz not null default now(), expires_at timestamptz not null, reaped_at timestamptz)`,
  // Who waits for work, so that an enqueue knows whether to wake anybody. It may be lost: workers poll as well.
  `create unlogged table outrigger.sleeper (worker int primary key) with (fillfactor = 20)`,
  `create table outrigger.task (
    id bigint generated always as identity primary key,
    seq bigint not null default outrigger.task_place(),
    fence bigint not null default 0,
    created_at timestamptz not null default now(), due_at timestamptz not null default now(), run_at timestamptz not null default now(),
    started_at timestamptz,
    worker int, attempt int not null default 0, handbacks int not null default 0,
    route int2 not null, priority int2 not null,
    state text not null default 'ready' check (state in ('scheduled', 'ready', 'running')),
    unique_key text, payload jsonb not null, metadata jsonb, failure jsonb, progress jsonb) with (fillfactor = 70)`,
  `create index task_ready on outrigger.task (route, priority, seq) where state = 'ready'`,
  `create index task_due on outrigger.task (run_at) where state = 'scheduled'`,
  `create index task_running on outrigger.task (worker) where state = 'running'`,
  `create unique index task_unique on outrigger.task (unique_key) where unique_key is not null`,
  `create table outrigger.finished (
    id bigint primary key, fence bigint not null, route int2 not null, priority int2 not null,
    state text not null check (state in ('succeeded', 'dead', 'cancelled')), attempt int not null,
    created_at timestamptz not null, run_at timestamptz not null, started_at timestamptz,
    finished_at timestamptz not null default clock_timestamp(),
    unique_key text, payload jsonb not null, metadata jsonb, result jsonb, failure jsonb, progress jsonb)`,
  // The key outlives the task by a day, so it cannot lie with it.
  `create table outrigger.idempotency (
    key text primary key, name text not null, payload_hash text not null, task bigint not null,
    created_at timestamptz not null default now())`,
  `create index idempotency_age on outrigger.idempotency (created_at)`,
  routeOf,
  enqueueTask,
  enqueue
]
