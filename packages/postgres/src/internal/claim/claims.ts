/**
 * Claiming: first the turns of keys that were asked for, then the line as `lanes.ts` says; and both hear what came of it.
 * Any number of claims may be on their way, of one worker or of several.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { SqlError } from "effect/sql/SqlError"
import type { TaskStore } from "@outrigger/sdk"
import { now, paced } from "../pace.ts"
import type { QueueGate } from "../queueGate.ts"
import type { Sql } from "../sql.ts"
import { type Ask, Asks } from "./asks.ts"
import { type Answer, Lanes, type Pick } from "./lanes.ts"
import { type ClaimedRow, claimSql, type Limit, lookSql, routesSql } from "./statements.ts"
import { turnSql, waitingSql } from "./turns.ts"

type Rows = Effect.Effect<ReadonlyArray<ClaimedRow>, SqlError>

/** What one call has found out so far. */
interface Call {
  readonly worker: number
  readonly asks: ReadonlyArray<Ask>
  /** At most of each key. */
  readonly most: number
  readonly given: Map<string, number>
  /** It may claim whatever there is. */
  readonly all: boolean
  /** A look has begun after the call. */
  looked: boolean
}

/** The routes that a statement may claim from, and how it is run. */
interface Part {
  readonly routes: ReadonlyArray<number>
  readonly limit: number
  /** Whether so many were all that it could take. */
  readonly full: (count: number) => boolean
  readonly run: (statement: (limit: Limit) => string, keys: ReadonlyArray<string>) => Rows
}

const keyOf = ({ name, queue, version }: TaskStore.Route) => JSON.stringify([queue, name, version])

const inOrder = (a: ClaimedRow, b: ClaimedRow): number => a.priority - b.priority || a.seq - b.seq

export class Claims {
  private readonly sql: Sql
  private readonly gate: QueueGate
  private readonly lanes = new Lanes()
  private readonly asks = new Asks()
  private readonly ids = new Map<string, number>()
  private readonly routes = new Map<number, TaskStore.Route>()
  private readonly mending = paced(1000)
  private readonly looking = Semaphore.makeUnsafe(1)
  private looks = 0

  constructor(sql: Sql, gate: QueueGate) {
    this.sql = sql
    this.gate = gate
  }

  /** From queues with limits one by one, then from the others at once. Nothing only when a look that began now found nothing. */
  claim({ limit, routes, worker }: TaskStore.ClaimRequest): Effect.Effect<ReadonlyArray<TaskStore.ClaimedTask>, SqlError> {
    return limit < 1 ? Effect.succeed([]) : Effect.gen({ self: this }, function*() {
      const { limited, open } = yield* this.gate.admit(routes)
      yield* this.know(routes)
      this.ask(yield* this.mending(this.waiting, []))
      const call = yield* this.begin(Number(worker), limit, limited.size === 0 && open.length === this.ids.size)
      const rows: Array<ClaimedRow> = []
      for (const [queue, itsRoutes] of limited) {
        if (rows.length < limit) rows.push(...yield* this.from(call, this.limited(queue, itsRoutes, limit - rows.length)))
      }
      if (open.length > 0 && rows.length < limit) rows.push(...yield* this.from(call, this.open(open, limit - rows.length)))
      this.asks.answered(call.asks, call)
      return rows.map((row) => this.taskOf(row))
    }).pipe(Effect.onError(() => Effect.sync(() => this.lanes.doubt())))
  }

  /** The next claim takes the turn of these keys, if there is one. */
  ask(keys: Iterable<string>): void {
    this.asks.add(keys)
  }

  private begin(worker: number, limit: number, all: boolean): Effect.Effect<Call, SqlError> {
    return Effect.gen({ self: this }, function*() {
      const asks = this.asks.take(limit)
      const looked = this.lanes.due(yield* now)
      if (looked) yield* this.look
      return { worker, asks, most: Math.floor(limit / Math.max(1, asks.length)), given: new Map(), all, looked }
    })
  }

  private open(routes: ReadonlyArray<TaskStore.Route>, limit: number): Part {
    return {
      routes: this.idsOf(routes),
      limit,
      full: (count) => count >= limit,
      run: (statement, keys) => keys.length > 0
        ? this.sql.unsafe<ClaimedRow>(statement(limit), [keys])
        : this.sql.unsafe<ClaimedRow>(statement(limit)).unprepared
    }
  }

  private limited(queue: string, routes: ReadonlyArray<TaskStore.Route>, limit: number): Part {
    return {
      routes: this.idsOf(routes),
      limit,
      full: (count) => count > 0, // its limits are not known here
      run: (statement, keys) => Effect.map(
        this.sql.unsafe<{ task: ClaimedRow }>("select outrigger.claim_limited($1, $2, $3, $4::text[]) as task", [queue, limit, this.sql.render(statement("{limit}")), keys]),
        (rows) => rows.map(({ task }) => task)
      )
    }
  }

  private from(call: Call, part: Part): Rows {
    return Effect.gen({ self: this }, function*() {
      const keys = call.asks.map(({ key }) => key)
      const turns = keys.length > 0 ? yield* this.turns(call, part, keys) : []
      if (turns.length > 0) return turns
      while (true) {
        const picks = this.lanes.picks(part.routes, part.limit)
        if (picks.length > 0) {
          const rows = yield* this.take(call, part, picks)
          if (rows.length > 0) return rows
        } else if (call.looked) return []
        else {
          yield* this.look
          call.looked = true
        }
      }
    })
  }

  /** What was parked has its turn with the next claim, or with this one when it is all there is. */
  private take(call: Call, part: Part, picks: ReadonlyArray<Pick>): Rows {
    return Effect.gen({ self: this }, function*() {
      const rows = yield* part.run((limit) => claimSql(call.worker, picks, limit), [])
      this.lanes.learn(picks, rows, part.full(rows.length), yield* now)
      const running = rows.filter(({ state }) => state === "running")
      const keys = [...new Set(rows.flatMap(({ key }) => key ?? []))]
      if (running.length === 0 && keys.length > 0) {
        const turns = yield* this.turns(call, part, keys)
        this.asks.answered(keys.map((key) => ({ key, vain: 0 })), call)
        return turns
      }
      this.ask(keys)
      return running.sort(inOrder)
    })
  }

  private turns(call: Call, part: Part, keys: ReadonlyArray<string>): Rows {
    return Effect.map(part.run((limit) => turnSql(call.worker, part.routes, call.most, limit), keys), (rows) => {
      for (const { key } of rows) call.given.set(key!, (call.given.get(key!) ?? 0) + 1)
      return rows.toSorted(inOrder)
    })
  }

  private readonly waiting: Effect.Effect<ReadonlyArray<string>, SqlError> = Effect.suspend(() =>
    Effect.map(this.sql.unsafe<{ key: string }>(waitingSql), (rows) => rows.map(({ key }) => key)))

  // ---- routes

  private idsOf(routes: ReadonlyArray<TaskStore.Route>): ReadonlyArray<number> {
    return routes.map((route) => this.ids.get(keyOf(route))!)
  }

  private know(routes: ReadonlyArray<TaskStore.Route>): Effect.Effect<void, SqlError> {
    const unknown = routes.filter((route) => !this.ids.has(keyOf(route)))
    if (unknown.length === 0) return Effect.void
    const ids = this.sql.unsafe<{ id: number }>(routesSql, [
      unknown.map(({ queue }) => queue), unknown.map(({ name }) => name), unknown.map(({ version }) => version)
    ])
    return Effect.map(ids, (rows) => {
      for (const [index, { id }] of rows.entries()) {
        this.ids.set(keyOf(unknown[index]!), id)
        this.routes.set(id, unknown[index]!)
        this.lanes.add(id)
      }
    })
  }

  private taskOf({ attempt, fence, handbacks, id, key, metadata, payload, route, timeout, waited }: ClaimedRow): TaskStore.ClaimedTask {
    const { name, queue, version } = this.routes.get(route)!
    return {
      id, name, version, queue, payload, attempt, fence, handbacks, waited,
      timeout: timeout ?? undefined, concurrencyKey: key ?? undefined, metadata: metadata ?? undefined
    }
  }

  // ---- looks

  /** One at a time; whoever waits is served by the next that begins. */
  private readonly look: Effect.Effect<void, SqlError> = Effect.suspend(() => {
    const asked = this.looks
    return this.looking.withPermit(Effect.suspend(() => this.looks > asked ? Effect.void : this.lookNow))
  })

  /** A look, and at once a sweep when it saw the sample close. */
  private readonly lookNow: Effect.Effect<void, SqlError> = Effect.gen({ self: this }, function*() {
    this.looks++
    const sweep = yield* this.lookOnce
    if (!sweep && this.lanes.sweepDue(yield* now)) yield* this.lookOnce
  })

  private readonly lookOnce: Effect.Effect<boolean, SqlError> = Effect.gen({ self: this }, function*() {
    const question = this.lanes.question(yield* now)
    const { lanes, marks, sample, sweep } = question
    const [answer] = yield* this.sql.unsafe<Answer>(lookSql, [
      lanes.map(({ route }) => route), lanes.map(({ priority }) => priority), marks, sample.place, sweep ? sample.xid : null
    ])
    this.lanes.answer(question, answer!, yield* now)
    return sweep
  })
}
