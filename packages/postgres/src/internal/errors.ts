/** What PostgreSQL's errors mean to whoever enqueues or runs tasks. */
import type { SqlError } from "effect/sql/SqlError"
import { Task } from "@outrigger/sdk"

/** As the server sends it. */
export interface ServerError {
  readonly code: string | undefined
  readonly message: string
  readonly detail: string | undefined
  readonly column: string | undefined
}

const text = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

/** The innermost cause that says something: `SqlError.message` alone is "Query failed". */
export const serverErrorOf = (error: SqlError): ServerError => {
  let found: ServerError = { code: undefined, message: error.message, detail: undefined, column: undefined }
  let at: unknown = error.reason
  for (let depth = 0; depth < 5 && typeof at === "object" && at !== null; depth++) {
    const { cause, code, column, detail, message } = at as Record<string, unknown>
    found = {
      code: text(code) ?? found.code,
      message: text(message) ?? found.message,
      detail: text(detail) ?? found.detail,
      column: text(column) ?? found.column
    }
    at = cause
  }
  return found
}

/**
 * Starting up, shutting down, too many connections, connection trouble, out of resources, read-only for now (a standby that is
 * about to be promoted, a disk that was nearly full), a disk in trouble: it may go better later.
 */
const transient = /^(08|53|57P0[123]|40|25006|58030)/
const networkCode = /^E(CONN|PIPE|TIMEDOUT|HOST|NET|AI_AGAIN|NOTFOUND)/

export const isRetryable = (error: SqlError): boolean => {
  const { code } = serverErrorOf(error)
  return error.isRetryable || (code !== undefined && (transient.test(code) || networkCode.test(code)))
}

/** PostgreSQL has ended one of those who waited for each other: its whole transaction was undone. */
export const isDeadlock = (error: SqlError): boolean => serverErrorOf(error).code === "40P01"

const unavailable = (store: string) => (error: SqlError): Task.StoreUnavailable => {
  const { code, message } = serverErrorOf(error)
  return new Task.StoreUnavailable(`The ${store} store in PostgreSQL failed${code === undefined ? "" : ` (${code})`}: ${message}`, isRetryable(error), { cause: error })
}

/** For all that only asks or works. */
export const storeUnavailable = unavailable("task")

export const limiterUnavailable = unavailable("limiter")

/** For an enqueue. */
export const enqueueError = (task: string) => (error: SqlError): Task.EnqueueError => {
  const { code, column, detail, message } = serverErrorOf(error)
  if (code === "OR409") return new Task.IdempotencyConflict(detail ?? "")
  if (code === "OR422") return new Task.InvalidPayload(task, [{ path: column === undefined || column === "payload" ? [] : [column], message }])
  if (code === "22P05" || code === "22P02") return new Task.InvalidPayload(task, [{ path: [], message }])
  return storeUnavailable(error)
}
