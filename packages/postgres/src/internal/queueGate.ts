/**
 * What stands between a worker and the lines: queues that are paused are left out, and those with limits are claimed from one by
 * one, through `claim_limited`, which reads the limits under lock. Which queues are paused or have limits is read again when it is
 * older than `freshFor`, so a change holds everywhere within that time.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { TaskStore } from "@outrigger/sdk"
import type { Sql } from "./sql.ts"

/** Milliseconds. */
const freshFor = 400

const gateSql = `
  select name, paused_at is not null as paused, coalesce(chosen, declared) ?| array['concurrency', 'rateLimit'] as limited
  from outrigger.queue where paused_at is not null or coalesce(chosen, declared) ?| array['concurrency', 'rateLimit']`

interface Row {
  readonly name: string
  readonly paused: boolean
  readonly limited: boolean
}

/** The routes of a claim, by how they may be claimed now. */
export interface Admitted {
  /** As many as one likes. */
  readonly open: ReadonlyArray<TaskStore.Route>
  /** Each queue by itself, as its limits allow. */
  readonly limited: ReadonlyMap<string, ReadonlyArray<TaskStore.Route>>
}

export class QueueGate {
  private readonly sql: Sql
  private rows: ReadonlyMap<string, Row> = new Map()
  private readAt = -Infinity

  constructor(sql: Sql) {
    this.sql = sql
  }

  /** Something was changed by this very process: read anew. */
  forget(): void {
    this.readAt = -Infinity
  }

  admit(routes: ReadonlyArray<TaskStore.Route>): Effect.Effect<Admitted, SqlError> {
    return Effect.gen({ self: this }, function*() {
      const now = yield* Clock.currentTimeMillis
      if (now - this.readAt >= freshFor || now < this.readAt) {
        const rows = yield* this.sql.unsafe<Row>(gateSql)
        this.rows = new Map(rows.map((row) => [row.name, row]))
        this.readAt = now
      }
      const rowOf = ({ queue }: TaskStore.Route) => this.rows.get(queue)
      const open = this.rows.size === 0 ? routes : routes.filter((route) => rowOf(route) === undefined)
      const limited = routes.filter((route) => rowOf(route)?.paused === false)
      return { open, limited: Map.groupBy(limited, ({ queue }) => queue) }
    })
  }
}
