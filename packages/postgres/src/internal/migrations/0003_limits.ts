/**
 * Limits that processes share: one row a limit, one row for each who shares it. Every question locks the row of its limit,
 * and then no other, so questions queue and cannot deadlock. The same machine in TypeScript, with the essay that says why it
 * never lets too much pass: `SharedBucket` in the sdk.
 *
 * Unlogged: what is here changes many times a second and is worthless after a minute. A crash of the server empties it, and
 * limits begin anew, as after any outage.
 */

/** The clock of all limits, in milliseconds. Functions read it after they have locked their row, so a row's time does not go back. */
const clock = `create function outrigger.clock_millis() returns float8 language sql volatile as
  $$ select extract(epoch from clock_timestamp())::float8 * 1000 $$`

const refilled = `create function outrigger.refilled(bucket outrigger.shared_limit, moment float8) returns outrigger.shared_limit language plpgsql as $$
  declare room float8;
  begin
    if moment <= bucket.at then return bucket; end if;
    select (bucket.capacity - coalesce(sum(a.held), 0)) * bucket.period into room from outrigger.allotment a where a.name = bucket.name;
    bucket.level := least(room, bucket.level + (moment - bucket.at) * bucket.amount);
    bucket.at := moment;
    return bucket;
  end $$`

/** Of limits that nobody has asked for since they were full again. Rows in use are left alone: it waits for nobody. */
const sweep = `create function outrigger.sweep_limits() returns void language sql as $$
  with gone as (
    delete from outrigger.shared_limit where name in (
      select l.name from outrigger.shared_limit l where l.expires_at <= outrigger.clock_millis() for update skip locked)
    returning name)
  delete from outrigger.allotment a using gone where a.name = gone.name $$`

const take = `create function outrigger.take_allotment(
    limit_name text, new_amount float8, new_period float8, new_capacity float8, asker text, asked float8,
    holds float8, back float8, needed float8, want float8, lease float8,
    out granted float8, out kept float8, out retry_after float8, out processes int) language plpgsql as $$
  declare
    bucket outrigger.shared_limit; known outrigger.allotment; gone outrigger.allotment;
    moment float8; place float8; line float8; free float8;
  begin
    loop
      select * into bucket from outrigger.shared_limit l where l.name = limit_name for update;
      exit when found;
      perform outrigger.sweep_limits();
      insert into outrigger.shared_limit values (limit_name, new_amount, new_period, new_capacity, new_capacity * new_period, outrigger.clock_millis(), 'infinity')
      on conflict do nothing;
    end loop;

    moment := outrigger.clock_millis();
    if bucket.at - moment > bucket.period then bucket.at := moment; end if;
    for gone in select * from outrigger.allotment a where a.name = limit_name and a.expires_at <= moment order by a.expires_at loop
      bucket := outrigger.refilled(bucket, gone.expires_at);
      delete from outrigger.allotment a where a.name = limit_name and a.process = gone.process;
    end loop;
    bucket := outrigger.refilled(bucket, moment);
    moment := bucket.at;
    bucket.level := bucket.level * (new_period / bucket.period) + (new_capacity - bucket.capacity) * new_period;
    bucket.capacity := new_capacity;
    bucket.amount := new_amount;
    bucket.period := new_period;

    granted := 0; kept := 0; retry_after := 0;
    select * into known from outrigger.allotment a where a.name = limit_name and a.process = asker;
    if known.turn is null or asked > known.turn then
      kept := least(holds, coalesce(known.held, 0));
      bucket.level := bucket.level + least(back, coalesce(known.held, 0) - kept) * new_period;
      if lease = 0 then
        kept := 0;
        delete from outrigger.allotment a where a.name = limit_name and a.process = asker;
      else
        place := case when known.waits > 0 and known.until > moment then known.since else moment end;
        select coalesce(sum(a.waits), 0) into line from outrigger.allotment a
          where a.name = limit_name and a.process <> asker and a.until > moment
            and (needed = 0 or a.since < place or (a.since = place and a.process collate "C" < asker));
        free := greatest(0, floor(bucket.level / new_period - line));
        if free >= needed then granted := least(want, free); end if;
        bucket.level := bucket.level - granted * new_period;
        if granted < want then
          retry_after := greatest(0, ceil(((line + greatest(1, needed)) * new_period - bucket.level) / new_amount));
        end if;
        insert into outrigger.allotment values (limit_name, asker, asked, kept + granted, moment + lease,
          case when granted < needed then needed else 0 end, place, moment + retry_after + 1000)
        on conflict (name, process) do update set turn = excluded.turn, held = excluded.held, expires_at = excluded.expires_at,
          waits = excluded.waits, since = excluded.since, until = excluded.until;
      end if;
    end if;
    update outrigger.shared_limit l set amount = bucket.amount, period = bucket.period, capacity = bucket.capacity,
      level = bucket.level, at = bucket.at,
      expires_at = greatest(bucket.at, moment) + lease + (new_capacity * new_period - bucket.level) / new_amount
    where l.name = limit_name;
    select count(*) into processes from outrigger.allotment a where a.name = limit_name;
  end $$`

export const statements: ReadonlyArray<string> = [
  clock,
  // amount for each period, ms; at and expires_at on the clock above; level in credits, period of
  // them a weight of 1; it may be below zero after the capacity was lowered.
  `create unlogged table outrigger.shared_limit (
    name text primary key, amount float8 not null, period float8 not null, capacity float8 not null,
    level float8 not null, at float8 not null, expires_at float8 not null) with (fillfactor = 50)`,
  // turn: of its last question. held: what it may still spend, as far as it told. waits, since, until: its place in line.
  `create unlogged table outrigger.allotment (
    name text not null, process text not null, turn float8 not null, held float8 not null, expires_at float8 not null,
    waits float8 not null, since float8 not null, until float8 not null, primary key (name, process)) with (fillfactor = 50)`,
  refilled,
  sweep,
  take
]
