/**
 * State behind Effect's own `RateLimiter` and `CircuitBreaker`. Each operation is one function that locks one row, and reads
 * the clock after it has the lock. Unlogged, as in `0003_limits.ts`: a crash of the server empties them.
 *
 * Times are milliseconds of `outrigger.clock_millis()`, as doubles, for that is what Effect's stores count with.
 */
const fixedWindow = `create function outrigger.effect_fixed_window(
    of_key text, tokens float8, refill float8, most float8, out count float8, out ttl float8) language plpgsql as $$
  declare counter outrigger.effect_window; moment float8;
  begin
    loop
      select * into counter from outrigger.effect_window w where w.key = of_key for update;
      exit when found;
      insert into outrigger.effect_window values (of_key, 0, 0) on conflict do nothing;
    end loop;
    moment := outrigger.clock_millis();
    if counter.expires_at <= moment then
      counter.count := 0;
      counter.expires_at := moment;
    end if;
    count := counter.count + tokens;
    if most is null or count <= most then
      counter.expires_at := counter.expires_at + refill * tokens;
      update outrigger.effect_window w set count = effect_fixed_window.count, expires_at = counter.expires_at where w.key = of_key;
    end if;
    ttl := counter.expires_at - moment;
  end $$`

/**
 * The refill goes on in whole intervals from the last, so that fractions are not lost. Division may round up to a whole interval
 * that is not over yet, or down from one that is: both are put right, for less than an interval must remain.
 */
const tokenBucket = `create function outrigger.effect_token_bucket(
    of_key text, tokens float8, most float8, refill float8, overflow boolean, out remaining float8, out elapsed float8) language plpgsql as $$
  declare bucket outrigger.effect_bucket; moment float8; steps float8;
  begin
    loop
      select * into bucket from outrigger.effect_bucket b where b.key = of_key for update;
      exit when found;
      insert into outrigger.effect_bucket values (of_key, most, outrigger.clock_millis(), 'infinity') on conflict do nothing;
    end loop;
    moment := outrigger.clock_millis();
    if bucket.expires_at <= moment then
      bucket.tokens := most;
      bucket.refilled_at := moment;
    end if;
    steps := greatest(0, floor((moment - bucket.refilled_at) / refill));
    if bucket.refilled_at + steps * refill > moment then steps := greatest(0, steps - 1); end if;
    if bucket.refilled_at + (steps + 1) * refill <= moment then steps := steps + 1; end if;
    if steps > 0 then
      bucket.tokens := least(most, bucket.tokens + steps);
      bucket.refilled_at := bucket.refilled_at + steps * refill;
    end if;
    if bucket.tokens >= most then bucket.refilled_at := moment; end if;
    remaining := bucket.tokens - tokens;
    elapsed := greatest(0, moment - bucket.refilled_at);
    if overflow or remaining >= 0 then bucket.tokens := remaining; end if;
    update outrigger.effect_bucket b set tokens = bucket.tokens, refilled_at = bucket.refilled_at,
      expires_at = bucket.refilled_at + ceil(most - bucket.tokens) * refill where b.key = of_key;
  end $$`

/** Without a row the limiter is inactive, and without a lock: only feedback makes one. */
const adaptiveConsume = `create function outrigger.effect_adaptive_consume(
    of_key text, tokens float8, fallback_window float8, out delay float8, out epoch float8, out phase text) language plpgsql as $$
  declare a outrigger.effect_adaptive; moment float8; refill float8;
  begin
    delay := 0; epoch := 0; phase := 'inactive';
    if not exists (select from outrigger.effect_adaptive x where x.key = of_key) then return; end if;
    select * into a from outrigger.effect_adaptive x where x.key = of_key for update;
    moment := outrigger.clock_millis();
    if a.key is null or a.expires_at <= moment then return; end if;
    if a.phase = 'cooldown' and a.cooldown_until > moment then
      delay := a.cooldown_until - moment;
    elsif a.phase = 'cooldown' then
      a.phase := 'learning';
      a.epoch := a.epoch + 1;
      a.learning_since := moment;
      a.observed := tokens;
      a.expires_at := moment + fallback_window + 60000;
    elsif a.phase = 'learning' then
      a.observed := a.observed + tokens;
    else
      refill := a.learned_window / a.learned_limit;
      if a.cooldown_until <= moment then
        a.observed := 0;
        a.cooldown_until := moment;
      end if;
      a.observed := a.observed + tokens;
      a.cooldown_until := a.cooldown_until + refill * tokens;
      delay := greatest(0, floor((a.observed - 1) / a.learned_limit) * a.learned_window - (a.observed * refill - (a.cooldown_until - moment)));
    end if;
    epoch := a.epoch; phase := a.phase;
    update outrigger.effect_adaptive x set phase = a.phase, epoch = a.epoch, cooldown_until = a.cooldown_until,
      learning_since = a.learning_since, observed = a.observed, expires_at = a.expires_at where x.key = of_key;
  end $$`

/** What a 429 teaches: how many passed since learning began, and how long that many take. */
const adaptiveFeedback = `create function outrigger.effect_adaptive_feedback(of_key text, of_epoch float8, tokens float8, retry_after float8)
  returns void language plpgsql as $$
  declare a outrigger.effect_adaptive; moment float8; accepted float8;
  begin
    loop
      select * into a from outrigger.effect_adaptive x where x.key = of_key for update;
      moment := outrigger.clock_millis();
      exit when found;
      if of_epoch <> 0 then return; end if;
      insert into outrigger.effect_adaptive values (of_key, 'cooldown', 0, 0, 0, 0, 0, 0, 0) on conflict do nothing;
    end loop;
    if a.expires_at <= moment then
      if of_epoch <> 0 then return; end if;
      a := (of_key, 'cooldown', 0, 0, 0, 0, 0, 0, 0);
    end if;
    if a.epoch <> of_epoch then return; end if;
    accepted := a.observed - tokens;
    if a.phase = 'cooldown' then
      a.cooldown_until := greatest(a.cooldown_until, moment + retry_after);
      a.expires_at := a.cooldown_until + 60000;
    elsif a.phase = 'learning' and accepted > 0 then
      a.learned_window := least(3600000, greatest(1, moment - a.learning_since + retry_after));
      a.phase := 'learned';
      a.epoch := a.epoch + 1;
      a.cooldown_until := a.learning_since + a.learned_window;
      a.observed := accepted;
      a.learned_limit := accepted;
      a.expires_at := moment + a.learned_window + 60000;
    else
      a := (of_key, 'cooldown', a.epoch, moment + retry_after, 0, 0, 0, 0, moment + retry_after + 60000);
    end if;
    update outrigger.effect_adaptive x set phase = a.phase, epoch = a.epoch, cooldown_until = a.cooldown_until,
      learning_since = a.learning_since, observed = a.observed, learned_limit = a.learned_limit, learned_window = a.learned_window,
      expires_at = a.expires_at where x.key = of_key;
  end $$`

/**
 * A closed circuit that was touched lately is only read. So its idle time is written down to within a hundredth, and it is kept
 * up to that much longer than it must be.
 */
const admit = `create function outrigger.effect_circuit_admit(of_key text, lease float8, idle float8,
    out verdict text, out generation float8, out probe boolean, out openings int, out moved boolean, out remaining float8) language plpgsql as $$
  declare c outrigger.effect_circuit; moment float8 := outrigger.clock_millis();
  begin
    verdict := 'ok'; probe := false; moved := false; remaining := 0;
    select * into c from outrigger.effect_circuit x where x.key = of_key;
    if c.state = 'Closed' and c.openings = 0 and c.expires_at > moment + idle and c.expires_at <= moment + idle * 1.01 then
      generation := c.generation; openings := 0;
      return;
    end if;
    loop
      select * into c from outrigger.effect_circuit x where x.key = of_key for update;
      moment := outrigger.clock_millis();
      exit when found;
      insert into outrigger.effect_circuit (key, generation, expires_at) values (of_key, nextval('outrigger.effect_generation'), moment + idle * 1.01)
      on conflict do nothing;
    end loop;
    if c.expires_at <= moment then
      c := (of_key, 'Closed', nextval('outrigger.effect_generation'), 0, '', 0, 0, 0, 0, 0, 0);
    end if;
    if c.state = 'Closed' then
      if c.openings > 0 and moment >= c.reset_at then c.openings := 0; end if;
      c.expires_at := moment + idle * 1.01;
    elsif c.state = 'Open' and moment < c.open_until then
      verdict := 'open'; remaining := c.open_until - moment;
      return;
    elsif c.state = 'HalfOpen' and c.lease_until > moment then
      verdict := 'halfopen';
      return;
    else
      moved := c.state = 'Open';
      probe := true;
      c.state := 'HalfOpen';
      c.generation := nextval('outrigger.effect_generation');
      c.lease_until := moment + lease;
      c.expires_at := c.lease_until + idle;
    end if;
    generation := c.generation; openings := c.openings;
    update outrigger.effect_circuit x set state = c.state, generation = c.generation, streak = c.streak, ring = c.ring, openings = c.openings,
      lease_until = c.lease_until, expires_at = c.expires_at, reset_at = c.reset_at, open_until = c.open_until, last_open_for = c.last_open_for
    where x.key = of_key;
  end $$`

/** Outcomes of an older generation change nothing. Neither does a success where nothing failed: that one is only read. */
const record = `create function outrigger.effect_circuit_record(of_key text, of_generation float8, outcome text, policy text, a float8, b int, size int,
    open_for float8, idle float8, out moved text, out openings int) language plpgsql as $$
  declare c outrigger.effect_circuit; moment float8 := outrigger.clock_millis(); failed boolean := outcome = 'Failure'; trips boolean; failures int;
  begin
    moved := 'none'; openings := 0;
    select * into c from outrigger.effect_circuit x where x.key = of_key;
    if c.key is null or c.generation <> of_generation or c.expires_at <= moment then return; end if;
    if c.state = 'Closed' and c.expires_at > moment + idle and (outcome = 'Ignored' or (outcome = 'Success' and policy = 'Consecutive' and c.streak = 0)) then return; end if;
    select * into c from outrigger.effect_circuit x where x.key = of_key for update;
    moment := outrigger.clock_millis();
    if c.key is null or c.generation <> of_generation or c.expires_at <= moment then return; end if;
    if c.state = 'HalfOpen' and outcome = 'Ignored' then
      c.generation := nextval('outrigger.effect_generation'); -- a renewal of its lease that is on its way must not take the slot again
      c.lease_until := 0;
      c.expires_at := moment + idle;
    elsif c.state = 'HalfOpen' and outcome = 'Success' then
      moved := 'halfopen-closed';
      c := (of_key, 'Closed', nextval('outrigger.effect_generation'), 0, '', 0, c.openings, c.last_open_for, moment + c.last_open_for, 0, moment + idle * 1.01);
    elsif c.state = 'Closed' then
      c.expires_at := moment + idle * 1.01;
      if outcome <> 'Ignored' then
        c.streak := case when failed then c.streak + 1 else 0 end;
        if policy = 'Consecutive' then trips := c.streak >= a;
        else
          c.ring := right(c.ring || case when failed then '1' else '0' end, size);
          failures := length(replace(c.ring, '0', ''));
          trips := length(c.ring) >= b and failures > 0 and failures::float8 / length(c.ring) >= a;
        end if;
      end if;
    elsif c.state = 'Open' then return;
    end if;
    if trips or (c.state = 'HalfOpen' and failed) then
      moved := case when trips then 'closed-open' else 'halfopen-open' end;
      c := (of_key, 'Open', nextval('outrigger.effect_generation'), 0, '', moment + open_for, c.openings + 1, open_for, 0, 0, moment + open_for + idle);
    end if;
    openings := c.openings;
    update outrigger.effect_circuit x set state = c.state, generation = c.generation, streak = c.streak, ring = c.ring, open_until = c.open_until,
      openings = c.openings, last_open_for = c.last_open_for, reset_at = c.reset_at, lease_until = c.lease_until, expires_at = c.expires_at
    where x.key = of_key;
  end $$`

const renew = `create function outrigger.effect_circuit_renew(of_key text, of_generation float8, lease float8, idle float8) returns boolean language sql as $$
  with renewed as (
    update outrigger.effect_circuit set lease_until = outrigger.clock_millis() + lease, expires_at = outrigger.clock_millis() + lease + idle
    where key = of_key and generation = of_generation and state = 'HalfOpen' returning 1)
  select exists (select from renewed) $$`

const state = `create function outrigger.effect_circuit_state(of_key text, out state text, out remaining float8, out openings int, out probing boolean)
  language sql as $$
  select x.state, greatest(0, x.open_until - t.moment), x.openings, x.lease_until > t.moment
  from outrigger.effect_circuit x, (select outrigger.clock_millis() as moment) t where x.key = of_key and x.expires_at > t.moment $$`

/** What is over. It waits for nobody, and only one at a time does it. */
const sweep = `create function outrigger.sweep_effect() returns void language plpgsql as $$
  declare moment float8 := outrigger.clock_millis(); target text;
  begin
    if not pg_try_advisory_xact_lock(7288437003) then return; end if;
    foreach target in array array['window', 'bucket', 'adaptive', 'circuit'] loop
      execute format('delete from outrigger.effect_%s where key in (
        select key from outrigger.effect_%1$s where expires_at <= $1 for update skip locked)', target) using moment;
    end loop;
  end $$`

export const statements: ReadonlyArray<string> = [
  `create unlogged table outrigger.effect_window (key text primary key, count float8 not null, expires_at float8 not null) with (fillfactor = 50)`,
  `create unlogged table outrigger.effect_bucket (
    key text primary key, tokens float8 not null, refilled_at float8 not null, expires_at float8 not null) with (fillfactor = 50)`,
  `create unlogged table outrigger.effect_adaptive (
    key text primary key, phase text not null, epoch float8 not null, cooldown_until float8 not null, learning_since float8 not null,
    observed float8 not null, learned_limit float8 not null, learned_window float8 not null, expires_at float8 not null) with (fillfactor = 50)`,
  // Logged, unlike the table: a permit from before a crash must never fit a circuit from after it.
  `create sequence outrigger.effect_generation`,
  // ring: the last outcomes, 1 for a failure. reset_at: when openings begin to count anew.
  `create unlogged table outrigger.effect_circuit (
    key text primary key, state text not null default 'Closed', generation bigint not null, streak int not null default 0,
    ring text not null default '', open_until float8 not null default 0, openings int not null default 0, last_open_for float8 not null default 0,
    reset_at float8 not null default 0, lease_until float8 not null default 0, expires_at float8 not null) with (fillfactor = 50)`,
  fixedWindow, tokenBucket, adaptiveConsume, adaptiveFeedback, admit, record, renew, state, sweep
]
