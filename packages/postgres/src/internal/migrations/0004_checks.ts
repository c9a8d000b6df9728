/**
 * What an enqueue may say, held by the database itself: hosts in any language come in through SQL. Whatever is refused is refused
 * with SQLSTATE OR422 before anything is written, with what it is, its value and what is allowed. The same rules as in the SDK.
 */

/** A number from `lowest` to `highest`; as a function of SQL it is inlined. */
const isNumber = `create function outrigger.is_number(value jsonb, lowest numeric, highest numeric) returns boolean language sql immutable as
  $$ select case when jsonb_typeof(value) = 'number' then value::numeric between lowest and highest else false end $$`

const isWhole = `create function outrigger.is_whole(value jsonb, lowest numeric, highest numeric) returns boolean language sql immutable as
  $$ select case when outrigger.is_number(value, lowest, highest) then trunc(value::numeric) = value::numeric else false end $$`

/** Bytes of JSON without the blanks that PostgreSQL writes between values; these are counted only where they decide. */
const isOver = `create function outrigger.is_over(value jsonb, bytes int) returns boolean language sql immutable as
  $$ select case when octet_length(value::text) <= bytes then false
    else octet_length(regexp_replace(value::text, '("(?:[^"\\\\]|\\\\.)*")|\\s', '\\1', 'g')) > bytes end $$`

const names = "'^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$'"
const century = "3153600000000"
const states = `["scheduled", "ready", "running", "succeeded", "dead", "cancelled"]`

/** What each option must be, and the condition that it is. */
const rules: Readonly<Record<string, readonly [condition: string, allowed: string]>> = {
  version: ["outrigger.is_whole(value, 1, 32767)", "a whole number from 1 to 32767"],
  queue: [`jsonb_typeof(value) = 'string' and value #>> '{}' ~ ${names}`, "1 to 100 letters, digits, \".\", \"_\", \":\" or \"-\""],
  priority: ["outrigger.is_whole(value, 0, 9)", "a whole number from 0 (first) to 9 (last)"],
  delay: [`outrigger.is_number(value, 0, ${century})`, "from 0 to 100 years, in milliseconds"],
  runAt: ["outrigger.is_number(value, 0, 253402300799999)", "a moment from 1970 to the end of the year 9999, in epoch milliseconds"],
  expiresAfter: [`outrigger.is_number(value, 1, ${century})`, "from 1 ms to 100 years, in milliseconds"],
  timeout: ["outrigger.is_number(value, 1, 2147483647)", "from 1 to 2147483647 ms"],
  uniqueFor: [`outrigger.is_number(value, 1, ${century})`, "from 1 ms to 100 years, in milliseconds"],
  keyConcurrency: ["outrigger.is_whole(value, 1, 1000)", "a whole number from 1 to 1000"],
  ...Object.fromEntries(["idempotencyKey", "uniqueKey", "concurrencyKey"].map((key) =>
    [key, ["jsonb_typeof(value) = 'string' and length(value #>> '{}') between 1 and 500", "1 to 500 characters"]])),
  uniqueStates: [`case when jsonb_typeof(value) = 'array' then value <> '[]' and value <@ '${states}' else false end`, `some of ${states}`],
  metadata: [
    "jsonb_typeof(value) = 'object' and not jsonb_path_exists(value, 'strict $.* ? (@.type() != \"string\")') and not outrigger.is_over(value, 16384)",
    "an object of strings, up to 16 KiB of JSON"
  ]
}

const cases = Object.entries(rules).map(([option, [condition, allowed]]) =>
  `when '${option}' then case when ${condition} then null else '${allowed}' end`).join("\n        ")

const checkOptions = `create function outrigger.check_options(options jsonb) returns void language plpgsql immutable as $$
  declare option text; value jsonb; allowed text;
  begin
    if jsonb_typeof(options) <> 'object' then
      raise exception 'options is %, but must be an object, such as {"delay": 60000}', left(options::text, 100) using errcode = 'OR422', column = 'options';
    end if;
    for option, value in select * from jsonb_each(options) loop
      continue when value = 'null';
      allowed := case option
        ${cases}
        else 'left out: the options are ${Object.keys(rules).join(", ")}' end;
      if allowed is not null then
        raise exception '% is %, but must be %', option, left(value::text, 100), allowed using errcode = 'OR422', column = option;
      end if;
    end loop;
  end $$`

/** Text that is short cannot nest deep. */
const checkPayload = `create function outrigger.check_payload(payload jsonb) returns void language plpgsql immutable as $$
  begin
    if payload is null then raise exception 'the payload is missing' using errcode = 'OR422', column = 'payload'; end if;
    if octet_length(payload::text) <= 400 then return; end if;
    if outrigger.is_over(payload, 1048576) then
      raise exception 'the payload is over the limit of 1 MiB: store it elsewhere and enqueue a reference' using errcode = 'OR422', column = 'payload';
    end if;
    if jsonb_path_exists(payload, 'strict $.**{201}') then
      raise exception 'the payload nests deeper than 200 levels' using errcode = 'OR422', column = 'payload';
    end if;
  end $$`

const checkName = `create function outrigger.check_name(name text) returns void language plpgsql immutable as $$
  begin
    if name is null or name !~ ${names} then
      raise exception 'task name % must be 1 to 100 letters, digits, ".", "_", ":" or "-"', left(name, 200) using errcode = 'OR422', column = 'name';
    end if;
  end $$`

/** Who names a queue by hand means one that a worker has; a typed caller says the version too, and may be newer than every worker. */
const checkQueue = `create function outrigger.check_queue(task_name text, options jsonb) returns void language plpgsql stable as $$
  declare known text[];
  begin
    if options ->> 'queue' is null or options ->> 'version' is not null then return; end if;
    select array_agg(distinct d.queue order by d.queue) into known from outrigger.definition d where d.name = task_name;
    if not (options ->> 'queue') = any(known) then
      raise exception 'queue is %, but must be one that a worker has for %: %', options ->> 'queue', task_name, array_to_string(known, ', ')
        using errcode = 'OR422', column = 'queue';
    end if;
  end $$`

export const checks: ReadonlyArray<string> = [isNumber, isWhole, isOver, checkOptions, checkPayload, checkName, checkQueue]
