/**
 * Statements of the store through a pooler. A pool of the store's own tells each session how to plan (`planner`); a session that
 * is shared cannot be told, and a setting that is made in a transaction of its own costs three round trips more. So a statement
 * goes, whole, to a function in the database that has the settings and runs it: one round trip, one short transaction.
 *
 * Values become literals of the statement, so that it is planned for them; rows come back as JSON.
 */
import * as Effect from "effect/Effect"
import type { Rows, Sql } from "./sql.ts"

const quoted = (text: string): string => `${text.includes("\\") ? " E" : ""}'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`

const element = (value: unknown): string => {
  if (value === null || value === undefined) return "null"
  return typeof value === "string" ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : String(value)
}

/** What has a type of its own in SQL has it here; the others take it from where they stand, as parameters do. */
export const literal = (value: unknown): string => {
  if (value === null || value === undefined) return "null"
  if (typeof value === "string") return quoted(value)
  if (typeof value === "boolean") return String(value)
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 ? String(value) : `'${value}'`
  if (Array.isArray(value)) return quoted(`{${value.map(element).join(",")}}`)
  throw new TypeError(`A statement has a value that is no literal: ${String(value)}`)
}

/** The statement with its values where `$1` and its like stand. */
export const withLiterals = (statement: string, values: ReadonlyArray<unknown>): string =>
  statement.replaceAll(/\$(\d+)/g, (_, place: string) => literal(values[Number(place) - 1]))

/** The same client, whose statements are planned as the store needs it. Each of them gives rows. */
export const planned = (sql: Sql): Sql => sql.pooled
  ? {
    ...sql,
    unsafe: <A extends object>(text: string, values: ReadonlyArray<unknown> = []): Rows<A> => {
      const rows = Effect.map(
        sql.unsafe<{ readonly planned: A }>("select outrigger.planned($1)", [withLiterals(sql.render(text), values)]),
        (all) => all.map((row) => row.planned)
      )
      return Object.assign(rows, { unprepared: rows })
    }
  }
  : sql
