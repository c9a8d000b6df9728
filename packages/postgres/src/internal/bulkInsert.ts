/**
 * The statement that inserts many tasks of one route that have no key to look up: plain rows, and only the columns that some
 * task says anything of. The payloads come as one JSON array, whose one parse is cheaper than a cast of each; so do the tasks
 * as a whole where they differ in more than that.
 */
import type { TaskStore } from "@outrigger/sdk"

type NewTask = TaskStore.NewTask

type Option = Exclude<keyof NewTask, "name" | "version" | "queue" | "payload">

interface Part {
  /** Whether this task needs it. */
  readonly said: (task: NewTask) => boolean
  /** The options, and as what each is read; one that is left out is null. */
  readonly options: Readonly<Partial<Record<Option, "jsonb" | "text" | "int" | "float8">>>
  /** What is inserted where: expressions over `p` (the options) and `due`. */
  readonly insert: Readonly<Record<string, string>>
}

const rank: Part = { said: () => true, options: { priority: "int" }, insert: { priority: "p.priority" } }
const later: Part = {
  said: ({ delay, runAt }) => delay > 0 || runAt !== undefined,
  options: { delay: "float8", runAt: "float8" },
  insert: { state: "case when due > clock_timestamp() then 'scheduled' else 'ready' end", due_at: "due", run_at: "due" }
}
const others: ReadonlyArray<Part> = [
  {
    said: ({ expiresAfter }) => expiresAfter !== undefined,
    options: { expiresAfter: "float8" },
    insert: { expires_at: `due + p."expiresAfter" * interval '1 ms'` }
  },
  { said: ({ timeout }) => timeout !== undefined, options: { timeout: "float8" }, insert: { timeout: "p.timeout" } },
  {
    said: ({ concurrencyKey }) => concurrencyKey !== undefined,
    options: { concurrencyKey: "text", keyConcurrency: "int" },
    insert: { key: `p."concurrencyKey"`, key_limit: `p."keyConcurrency"` }
  },
  { said: ({ metadata }) => metadata !== undefined, options: { metadata: "jsonb" }, insert: { metadata: "p.metadata" } }
]

const moment = `greatest(clock_timestamp(), coalesce(to_timestamp(p."runAt" / 1000), clock_timestamp() + p.delay * interval '1 ms'))`

/** What a task says of these. */
const optionsOf = (task: NewTask, names: ReadonlyArray<Option>): Partial<Record<Option, unknown>> => {
  const options: Partial<Record<Option, unknown>> = {}
  for (const name of names) options[name] = task[name]
  return options
}

/** The statement and its values; `after` is selected beside each id. */
export const bulkInsert = (tasks: ReadonlyArray<NewTask>, after: string): readonly [text: string, values: ReadonlyArray<unknown>] => {
  const first = tasks[0]!
  const parts = [rank, later, ...others].filter(({ said }) => tasks.some(said))
  const options = Object.assign({}, ...parts.map((part) => part.options)) as Readonly<Partial<Record<Option, string>>>
  const names = Object.keys(options) as ReadonlyArray<Option>
  const insert = Object.assign({}, ...parts.map((part) => part.insert)) as Readonly<Record<string, string>>
  const alike = tasks.every((task) => names.every((name) => task[name] === first[name]))
  const text = `
    with r as materialized (select outrigger.route_of($1, $2, $3) as id), made as (
      insert into outrigger.task (route, payload, ${Object.keys(insert).join(", ")})
      select r.id, ${alike ? "e.item" : "e.item -> 'payload'"}, ${Object.values(insert).join(", ")}
      from r cross join jsonb_array_elements($4::text::jsonb) with ordinality e(item, place)
        cross join lateral jsonb_to_record(${alike ? "$5::text::jsonb" : "e.item"}) p(${names.map((name) => `"${name}" ${options[name]}`).join(", ")})
        cross join lateral (select ${parts.includes(later) ? moment : "now()"} as due offset 0) d
      order by e.place returning id)
    select id::text, false as duplicate${after} from made order by made.id`
  const route = [first.queue, first.name, first.version]
  return [text, alike
    ? [...route, JSON.stringify(tasks.map(({ payload }) => payload)), JSON.stringify(optionsOf(first, names))]
    : [...route, JSON.stringify(tasks.map((task) => ({ ...optionsOf(task, names), payload: task.payload ?? null })))]]
}
