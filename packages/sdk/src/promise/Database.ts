/** The host's own database client, watched: its pool and its answers show in health, and closing the outrigger leaves it alone. */
import { type DurationInput } from "../core/time/duration.ts"
import type { CheckResult } from "../core/health/health.ts"
import { explain } from "../core/health/health.ts"
import type { CheckOptions, Checks } from "./Checks.ts"

/** What a pool can say of itself. */
export interface PoolStats {
  readonly total: number
  readonly idle: number
  /** Callers that wait for a connection. */
  readonly waiting: number
}

/** By shape, so that any version fits. */
interface PgPool {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  query(text: string): Promise<unknown>
}
/** A `postgres` (postgres.js) client: a tagged template. */
type PostgresJs = (strings: TemplateStringsArray, ...values: Array<never>) => PromiseLike<unknown>

export type DatabaseClient =
  | { readonly pool: PgPool | PostgresJs }
  | { readonly ping: () => Promise<unknown>; readonly stats?: (() => PoolStats) | undefined }

export interface DatabaseOptions {
  /** How often it is asked for a sign of life; 30 seconds unless said. */
  readonly every?: DurationInput | undefined
  /** "critical" unless said. */
  readonly criticality?: CheckOptions["criticality"]
  /** How many may wait for a connection before the pool counts as degraded; none unless said. */
  readonly maxWaiting?: number | undefined
}

const template = (text: string) => Object.assign([text], { raw: [text] }) as TemplateStringsArray

const portsOf = (client: DatabaseClient): { readonly ping: () => PromiseLike<unknown>; readonly stats: (() => PoolStats) | undefined } => {
  if ("ping" in client) return { ping: client.ping, stats: client.stats }
  const { pool } = client
  if (typeof pool === "function") return { ping: () => pool(template("select 1")), stats: undefined }
  return {
    ping: () => pool.query("select 1"),
    stats: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount })
  }
}

/** What `outrigger.database` gives. */
export interface Database {
  readonly name: string
  /** Undefined where the client does not tell. */
  stats(): PoolStats | undefined
}

export const watchDatabase = (
  name: string, client: DatabaseClient, options: DatabaseOptions, checks: Checks, log: (line: string) => void
): Database => {
  const { ping, stats } = portsOf(client)
  const { criticality = "critical", every = "30 seconds", maxWaiting = 0 } = options
  let degraded = false
  const note = (now: boolean) => {
    if (now && !degraded) log("Pool health: degraded")
    degraded = now
  }
  const pool = (): CheckResult => {
    const { idle, total, waiting } = stats!()
    const crowded = waiting > maxWaiting
    note(crowded)
    const output = `${waiting} callers wait for one of ${total} connections (${idle} idle)`
    return { status: crowded ? "warn" : "pass", observedValue: waiting, observedUnit: "waiting", ...(crowded && { output }) }
  }
  checks.add(`${name}:ping`, async () => {
    try {
      await ping()
      return { status: "pass" }
    } catch (error) {
      note(true)
      return { status: "fail", output: explain(error) }
    }
  }, { every, criticality })
  if (stats !== undefined) checks.add(`${name}:pool`, pool, { every: "5 seconds", criticality: "degrades" })
  return { name, stats: () => stats?.() }
}
