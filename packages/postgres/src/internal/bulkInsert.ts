/**
 * The statement that inserts many tasks of one route that have no key to look up: plain rows, and only the columns that some
 * task says anything of. Each column comes as an array of one type, whose "" or -1 stands for null: an array of nulls alone has none.
 * Floats travel as text, for the driver takes small and large numbers for two types.
 */
import type { TaskStore } from "@outrigger/sdk"

type NewTask = TaskStore.NewTask

interface Part {
  /** Whether this task needs it. */
  readonly said: (task: NewTask) => boolean
  /** The arrays: name, type, and what a task puts in. */
  readonly arrays: ReadonlyArray<readonly [name: string, type: "text" | "int" | "float8", valueOf: (task: NewTask) => string | number]>
  /** What is inserted where: expressions over `p` (the arrays) and `due`. */
  readonly insert: Readonly<Record<string, string>>
}

const body: Part = {
  said: () => true,
  arrays: [["payload", "text", ({ payload }) => JSON.stringify(payload ?? null)], ["priority", "int", ({ priority }) => priority]],
  insert: { payload: "p.payload::jsonb", priority: "p.priority" }
}
const later: Part = {
  said: ({ delay, runAt }) => delay > 0 || runAt !== undefined,
  arrays: [["delay", "float8", ({ delay }) => delay], ["moment", "float8", ({ runAt = -1 }) => runAt]],
  insert: { state: "case when due > clock_timestamp() then 'scheduled' else 'ready' end", due_at: "due", run_at: "due" }
}
const others: ReadonlyArray<Part> = [
  {
    said: ({ expiresAfter }) => expiresAfter !== undefined,
    arrays: [["expiry", "float8", ({ expiresAfter = -1 }) => expiresAfter]],
    insert: { expires_at: "case when p.expiry >= 0 then due + p.expiry * interval '1 ms' end" }
  },
  {
    said: ({ timeout }) => timeout !== undefined,
    arrays: [["timeout", "float8", ({ timeout = -1 }) => timeout]],
    insert: { timeout: "nullif(p.timeout, -1)" }
  },
  {
    said: ({ concurrencyKey }) => concurrencyKey !== undefined,
    arrays: [["key", "text", ({ concurrencyKey = "" }) => concurrencyKey], ["key_limit", "int", ({ keyConcurrency = -1 }) => keyConcurrency]],
    insert: { key: "nullif(p.key, '')", key_limit: "nullif(p.key_limit, -1)" }
  },
  {
    said: ({ metadata }) => metadata !== undefined,
    arrays: [["metadata", "text", ({ metadata }) => metadata === undefined ? "" : JSON.stringify(metadata)]],
    insert: { metadata: "nullif(p.metadata, '')::jsonb" }
  }
]

const moment = "greatest(clock_timestamp(), case when p.moment >= 0 then to_timestamp(p.moment / 1000) else clock_timestamp() + p.delay * interval '1 ms' end)"

/** The statement and its values; `after` is selected beside each id. */
export const bulkInsert = (tasks: ReadonlyArray<NewTask>, after: string): readonly [text: string, values: ReadonlyArray<unknown>] => {
  const parts = [body, later, ...others].filter(({ said }) => tasks.some(said))
  const arrays = parts.flatMap((part) => part.arrays)
  const insert = Object.assign({}, ...parts.map((part) => part.insert)) as Readonly<Record<string, string>>
  const due = parts.includes(later) ? moment : "now()"
  const text = `
    with r as materialized (select outrigger.route_of($1, $2, $3) as id), made as (
      insert into outrigger.task (route, ${Object.keys(insert).join(", ")})
      select r.id, ${Object.values(insert).join(", ")}
      from r cross join unnest(${arrays.map(([, type], index) => `$${index + 4}::${type === "float8" ? "text[]::float8" : type}[]`).join(", ")}) with ordinality p(${arrays.map(([name]) => name).join(", ")}, place)
        cross join lateral (select ${due} as due offset 0) d
      order by p.place returning id)
    select id::text, false as duplicate${after} from made order by made.id`
  const { name, queue, version } = tasks[0]!
  return [text, [queue, name, version, ...arrays.map(([, type, valueOf]) => tasks.map((task) => type === "float8" ? String(valueOf(task)) : valueOf(task)))]]
}
