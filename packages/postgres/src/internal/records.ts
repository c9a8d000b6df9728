/** Rows as everybody may see them. */
import { TaskStore } from "@outrigger/sdk"

const millis = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`

interface Row {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly queue: string
  readonly state: TaskStore.TaskState
  readonly priority: number
  readonly payload: unknown
  readonly attempt: number
  readonly fence: string
  readonly result: unknown
  readonly failure: TaskStore.TaskFailure | null
  readonly progress: { readonly ratio: number; readonly text: string } | null
  readonly metadata: Readonly<Record<string, string>> | null
  readonly errors: ReadonlyArray<TaskStore.AttemptError> | null
  readonly uniqueKey: string | null
  readonly key: string | null
  readonly expires: number | null
  readonly created: number
  readonly run: number
  readonly started: number | null
  readonly finished: number | null
}

const columns = (table: "t" | "f") => `
  ${table}.id, ${table === "t" ? "case t.state when 'parked' then 'ready' else t.state end as state" : "f.state"}, ${table}.priority, ${table}.payload, ${table}.attempt, ${table}.fence, ${table}.failure, ${table}.progress,
  ${table}.metadata, ${table}.errors, ${table}.unique_key, ${table}.key, ${table}.expires_at, ${table}.route, ${table}.created_at, ${table}.run_at, ${table}.started_at,
  ${table === "f" ? "f.result, f.finished_at" : "null::jsonb as result, null::timestamptz as finished_at"}`

/** Those for which `where` holds, of both tables; `where` sees the columns of `r` (a route) and of `t`. */
export const selectTasks = (where: string): string => select([open(where, ""), over(where, "")], "")

/**
 * The newest of them, newest first: each table is read from its end, no further than it must, and only where tasks of `state` lie
 * (undefined for all).
 */
export const listTasks = (where: string, limit: number, state: TaskStore.TaskState | undefined): string => {
  const each = `order by t.id desc limit ${limit}`
  const tables = [
    ...state === undefined || !TaskStore.isEnd(state) ? [open(where, each)] : [],
    ...state === undefined || TaskStore.isEnd(state) ? [over(where, each)] : []
  ]
  return select(tables, `order by x.id desc limit ${limit}`)
}

const open = (where: string, rest: string): string =>
  `(select ${columns("t")} from outrigger.task t join outrigger.route r on r.id = t.route where ${where} ${rest})`

const over = (where: string, rest: string): string =>
  `(select ${columns("f")} from outrigger.finished f join outrigger.route r on r.id = f.route where ${where.replaceAll("t.", "f.")} ${rest.replaceAll("t.", "f.")})`

const select = (tables: ReadonlyArray<string>, rest: string): string => `
  select x.id::text, r.name, r.version, r.queue, x.state, x.priority, x.payload, x.attempt, x.fence::text, x.result, x.failure,
    x.progress, x.metadata, x.errors, substr(x.unique_key, length(r.name) + 2) as "uniqueKey", x.key, ${millis("x.expires_at")} as expires, ${millis("x.created_at")} as created, ${millis("x.run_at")} as run,
    ${millis("x.started_at")} as started, ${millis("x.finished_at")} as finished
  from (${tables.join(" union all ")}) x join outrigger.route r on r.id = x.route ${rest}`

export const recordOf = (row: Row): TaskStore.TaskRecord => ({
  id: row.id, name: row.name, version: row.version, queue: row.queue, state: row.state, priority: row.priority,
  payload: row.payload, attempt: row.attempt, fence: row.fence,
  ...(row.state === "succeeded" && { result: row.result }),
  ...(row.failure !== null && { failure: row.failure }),
  ...(row.progress !== null && { progress: row.progress }),
  ...(row.metadata !== null && { metadata: row.metadata }),
  ...(row.errors !== null && { errors: row.errors }),
  ...(row.uniqueKey !== null && { uniqueKey: row.uniqueKey }),
  ...(row.key !== null && { concurrencyKey: row.key }),
  ...(row.expires !== null && { expiresAt: row.expires }),
  createdAt: row.created, runAt: row.run,
  ...(row.started !== null && { startedAt: row.started }),
  ...(row.finished !== null && { finishedAt: row.finished })
})

export type { Row }
