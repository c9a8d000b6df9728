/**
 * Breakers that processes share, on PostgreSQL: `breaker/shared.ts` of the sdk in SQL, which draws it. The two are held together
 * by one suite.
 *
 * `breaker` has a row for each breaker. Each change of state is one UPDATE with the generation that the asker has seen in its
 * WHERE; whether it gave a row is whether it was done. Who votes takes the row's lock first, and counts after it: of two who
 * vote at once the second sees the first. Who only tells that it is alive, or asks to probe before it is time, locks nothing.
 * Requests are done in the order of names, whoever sends them: no two can wait for each other.
 *
 * `breaker_member` has a row for each process that has calls. It is unlogged: after a crash of the server everybody is known
 * again an interval later. The isolation by hand is in `breaker`, and survives.
 */
const rowOf = `create function outrigger.breaker_row(n text, k text) returns outrigger.breaker language plpgsql as $$
  declare found_row outrigger.breaker;
  begin
    loop
      select * into found_row from outrigger.breaker b where b.name = n and b.key = k;
      if found then return found_row; end if;
      insert into outrigger.breaker (name, key) values (n, k) on conflict do nothing;
    end loop;
  end $$`

/** How long an opening lasts. The power is bounded, since too large a number is an error here. */
const openTime = `create function outrigger.breaker_open_time(q jsonb, reopenings int) returns interval language sql immutable as $$
  select least((q -> 'growth' ->> 'max')::float8, (q ->> 'openFor')::float8 * case
    when (q -> 'growth' ->> 'factor')::float8 > 1
    then power((q -> 'growth' ->> 'factor')::float8, least(reopenings, floor(100 / log((q -> 'growth' ->> 'factor')::float8))))
    else 1 end) * interval '1 ms' $$`

/** One change of state, in the generation that was seen; whether it was done. */
const move = `create function outrigger.breaker_move(
    of_id bigint, seen bigint, to_state text, why text, failed int, ends timestamptz, who text) returns boolean language plpgsql as $$
  declare moved int;
  begin
    update outrigger.breaker set generation = generation + 1, state = to_state, reason = why, reopenings = failed, until = ends, prober = who,
        changed_at = clock_timestamp()
      where id = of_id and generation = seen;
    get diagnostics moved = row_count;
    return moved = 1;
  end $$`

/** The asker's row; false when a newer request of the same asker has been here. */
const hear = `create function outrigger.breaker_hear(of_id bigint, q jsonb) returns boolean language plpgsql as $$
  declare
    me text := q ->> 'instance'; my_turn bigint := (q ->> 'turn')::bigint; lease float8 := (q ->> 'lease')::float8;
    seen bigint := case when (q ->> 'vote')::boolean then (q ->> 'generation')::bigint end;
    ends timestamptz := clock_timestamp() + lease * interval '1 ms';
  begin
    if q ->> 'action' = 'leave' then
      delete from outrigger.breaker_member m where m.breaker = of_id and m.instance = me and m.turn < my_turn;
    elsif lease > 0 then
      update outrigger.breaker_member m set turn = my_turn, vote = seen, until = ends where m.breaker = of_id and m.instance = me and m.turn < my_turn;
      if found then return true; end if;
      delete from outrigger.breaker_member m where m.ctid = any(array(
        select d.ctid from outrigger.breaker_member d where d.breaker = of_id and d.until < clock_timestamp() - interval '1 minute' for update skip locked));
      insert into outrigger.breaker_member as m (breaker, instance, turn, vote, until) values (of_id, me, my_turn, seen, ends)
        on conflict (breaker, instance) do update set turn = excluded.turn, vote = excluded.vote, until = excluded.until where m.turn < excluded.turn;
      return found;
    end if;
    return not exists (select from outrigger.breaker_member m where m.breaker = of_id and m.instance = me and m.turn >= my_turn);
  end $$`

/** Whether the votes are enough: of one process that is alone its own, of more at least `minimumVotes` of them. */
const carried = `create function outrigger.breaker_carried(of_id bigint, seen bigint, q jsonb) returns boolean language sql volatile as $$
  select votes > 0 and votes >= least((q ->> 'minimumVotes')::int, live) and votes::float8 / greatest(live, 1) >= (q ->> 'quorum')::float8
  from (select count(*) as live, count(*) filter (where m.vote = seen) as votes
    from outrigger.breaker_member m where m.breaker = of_id and m.until > clock_timestamp()) counted $$`

/** What is asked of the row \`b\`, which is locked and of the generation that was seen. */
const decide = `create function outrigger.breaker_decide(b outrigger.breaker, q jsonb) returns void language plpgsql as $$
  declare
    action text := q ->> 'action'; me text := q ->> 'instance'; t timestamptz := clock_timestamp();
    mine boolean := b.state = 'half-open' and b.prober = me;
    lease_end timestamptz := t + (q ->> 'lease')::float8 * interval '1 ms';
  begin
    if action = 'isolate' and b.state <> 'isolated' then
      perform outrigger.breaker_move(b.id, b.generation, 'isolated', 'isolated', 0, null, null);
    elsif action = 'restore' then
      perform outrigger.breaker_move(b.id, b.generation, 'closed', 'restored', 0, null, null);
    elsif action = 'succeeded' and mine then
      perform outrigger.breaker_move(b.id, b.generation, 'closed', 'probes-succeeded', 0, null, null);
    elsif action = 'failed' and mine then
      perform outrigger.breaker_move(b.id, b.generation, 'open', 'probe-failed', b.reopenings + 1, t + outrigger.breaker_open_time(q, b.reopenings + 1), null);
    elsif action = 'probe' and b.state in ('open', 'half-open') and b.until <= t then
      perform outrigger.breaker_move(b.id, b.generation, 'half-open', 'open-over', b.reopenings, lease_end, me);
    elsif action in ('probe', 'leave') and mine then
      update outrigger.breaker set until = case action when 'probe' then lease_end else t end where id = b.id and generation = b.generation;
    elsif action = 'none' and (q ->> 'vote')::boolean and b.state = 'closed' and outrigger.breaker_carried(b.id, b.generation, q) then
      perform outrigger.breaker_move(b.id, b.generation, 'open', 'votes', 0, t + outrigger.breaker_open_time(q, 0), null);
    end if;
  end $$`

const exchangeOne = `create function outrigger.breaker_exchange_one(q jsonb) returns jsonb language plpgsql as $$
  declare
    b outrigger.breaker := outrigger.breaker_row(q ->> 'name', q ->> 'key');
    asks boolean := (q ->> 'vote')::boolean or q ->> 'action' <> 'none';
  begin
    if q ->> 'action' = 'probe' and b.prober is distinct from q ->> 'instance' and coalesce(b.until > clock_timestamp(), true) then
      asks := false; -- not yet
    end if;
    if asks then
      select * into b from outrigger.breaker where id = b.id for update;
      if not found then return outrigger.breaker_exchange_one(q); end if; -- nobody had used it for long, and it was just removed
    end if;
    if outrigger.breaker_hear(b.id, q) and asks and b.generation = (q ->> 'generation')::bigint then
      perform outrigger.breaker_decide(b, q);
      select * into b from outrigger.breaker where id = b.id;
    end if;
    return jsonb_build_object('state', b.state, 'generation', b.generation, 'reason', b.reason, 'reopenings', b.reopenings,
      'left', coalesce(greatest(0, extract(epoch from b.until - clock_timestamp()) * 1000), 0)::float8,
      'probing', b.state = 'half-open' and b.prober = q ->> 'instance');
  end $$`

/** Any number of breakers in one round trip. The answers come in the order of the requests. Nobody waits for a lock for long. */
const exchange = `create function outrigger.breaker_exchange(requests jsonb) returns jsonb language plpgsql set lock_timeout = '1s' as $$
  declare
    answers jsonb := '{}'; fresh boolean := false; one record;
  begin
    for one in
      select e.q, e.place, not exists (select from outrigger.breaker b where b.name = e.q ->> 'name' and b.key = e.q ->> 'key') as is_new
      from jsonb_array_elements(requests) with ordinality e(q, place) order by (e.q ->> 'name') collate "C", (e.q ->> 'key') collate "C", e.place
    loop
      answers := answers || jsonb_build_object(one.place::text, outrigger.breaker_exchange_one(one.q));
      fresh := fresh or one.is_new;
    end loop;
    if fresh then perform outrigger.breaker_forget(); end if;
    return (select coalesce(jsonb_agg(a.value order by a.key::int), '[]') from jsonb_each(answers) a);
  end $$`

/** Whenever a breaker is new, some of those go that are closed and had no calls for a day. */
const forget = `create function outrigger.breaker_forget() returns void language sql as $$
  with old as (
    select b.id from outrigger.breaker b
    where b.state = 'closed' and b.changed_at < now() - interval '1 day'
      and not exists (select from outrigger.breaker_member m where m.breaker = b.id and m.until > now() - interval '1 day')
    limit 10 for update skip locked),
  gone as (delete from outrigger.breaker b using old where b.id = old.id)
  delete from outrigger.breaker_member m using old where m.breaker = old.id $$`

export const statements: ReadonlyArray<string> = [
  `create table outrigger.breaker (
    id bigint generated always as identity primary key,
    name text not null, key text not null, generation bigint not null default 0,
    state text not null default 'closed' check (state in ('closed', 'open', 'half-open', 'isolated')),
    reason text, reopenings int not null default 0,
    until timestamptz, prober text, changed_at timestamptz not null default clock_timestamp(),
    unique (name, key)) with (fillfactor = 50)`,
  `create unlogged table outrigger.breaker_member (
    breaker bigint not null, instance text not null, turn bigint not null, vote bigint, until timestamptz not null,
    primary key (breaker, instance)) with (fillfactor = 30)`,
  rowOf, openTime, move, hear, carried, decide, exchangeOne, forget, exchange
]
