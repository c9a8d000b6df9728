/**
 * What the tests' tasks write to, and what is looked at in the end.
 *
 * `charge` is a side effect as users are told to write one: it compares fences, and refuses a smaller one than it has seen.
 * `charge_log` keeps every write, refused ones too, in the order in which they were decided. `completion` is written by a
 * trigger whenever a task ends, in the transaction that ends it. The *journal* is a file to which every attempt adds a line
 * before it does anything: it forgets nothing when PostgreSQL is killed.
 */
import { readFileSync } from "node:fs"
import type pg from "pg"

export const schema = `
  create table public.charge (task bigint primary key, fence bigint not null);
  create table public.charge_log (place bigint generated always as identity, task bigint not null, fence bigint not null, accepted boolean not null);
  create table public.completion (task bigint not null, fence bigint not null, state text not null);
  create function public.note_completion() returns trigger language plpgsql as $$ begin
    insert into public.completion values (new.id, new.fence, new.state);
    return null;
  end $$;
  create trigger noted after insert on outrigger.finished for each row execute function public.note_completion();`

/** The write of an attempt: taken when its fence is greater than any before. */
export const chargeSql = `
  with taken as (
    insert into public.charge as c (task, fence) values ($1, $2)
    on conflict (task) do update set fence = excluded.fence where c.fence < excluded.fence returning 1)
  insert into public.charge_log (task, fence, accepted) select $1, $2, exists (select from taken) returning accepted`

export interface Verdict {
  /** Reported as enqueued, and not succeeded. */
  readonly lost: ReadonlyArray<string>
  readonly completedTwice: ReadonlyArray<string>
  /** A side effect that let a fence through that was not greater than the one before. */
  readonly fencesNotRising: ReadonlyArray<string>
  /** Two attempts with one fence. */
  readonly fencesTwice: ReadonlyArray<string>
  /** Completed by another attempt than the last whose side effect was let through. */
  readonly completedByAnother: ReadonlyArray<string>
}

export const flawless: Verdict = { lost: [], completedTwice: [], fencesNotRising: [], fencesTwice: [], completedByAnother: [] }

const questions = {
  lost: `select i.id from unnest($1::bigint[]) i(id) where not exists (select from outrigger.finished f where f.id = i.id and f.state = 'succeeded')`,
  completedTwice: `select task as id from public.completion where task = any($1::bigint[]) group by task having count(*) > 1`,
  fencesNotRising: `
    select distinct task as id from (
      select task, fence, lag(fence) over (partition by task order by place) as before from public.charge_log where accepted) l
    where task = any($1::bigint[]) and fence <= before`,
  completedByAnother: `
    select c.task as id from public.completion c left join public.charge e on e.task = c.task
    where c.task = any($1::bigint[]) and e.fence is distinct from c.fence`
} as const

const repeated = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const seen = new Set<string>()
  return lines.filter((line) => seen.size === seen.add(line).size)
}

/** What became of these tasks. */
export const verdictOn = async (client: pg.Client, ids: ReadonlyArray<string>, journal: string): Promise<Verdict> => {
  const ask = async (question: keyof typeof questions) => (await client.query(questions[question], [ids])).rows.map(({ id }) => String(id))
  return {
    lost: await ask("lost"),
    completedTwice: await ask("completedTwice"),
    fencesNotRising: await ask("fencesNotRising"),
    fencesTwice: repeated(readFileSync(journal, "utf8").split("\n").filter((line) => line !== "")),
    completedByAnother: await ask("completedByAnother")
  }
}
