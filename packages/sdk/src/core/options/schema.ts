/**
 * In which schema of PostgreSQL Outrigger's tables and functions lie. Every statement is written for `outrigger`; this is the one
 * place that renders it for another name.
 */

export const defaultSchema = "outrigger"

/** Without quotes these mean something else to PostgreSQL, now or in a later version. */
const reserved: ReadonlySet<string> = new Set(`
  all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently constraint
  create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default deferrable desc
  distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull join
  lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
  references returning right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user
  using variadic verbose when where window with information_schema`.trim().split(/\s+/))

/** The name as it was given: it stands in statements without quotes. Throws a `RangeError` that says what is allowed. */
export const schemaName = (value: unknown = defaultSchema): string => {
  if (typeof value === "string" && /^(?!pg_)[a-z_][a-z0-9_]{0,39}$/.test(value) && !reserved.has(value)) return value
  throw new RangeError(
    `schema is ${JSON.stringify(value) ?? String(value)}, but must be 1 to 40 lower-case letters, digits and "_", not begin with a digit or "pg_", and be no word that SQL has reserved`
  )
}

/** A statement that was written for `outrigger`, for this schema: the names before a dot, the name by itself as a text, and the channel of notifications. */
export const inSchema = (statement: string, schema: string): string =>
  schema === defaultSchema ? statement : statement.replaceAll(/\boutrigger(?=\.|_wake\b|')/g, schema)
