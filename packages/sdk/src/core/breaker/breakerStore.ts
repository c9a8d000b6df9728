/**
 * Where processes share their breakers: the port, the store in memory, and the one statement of the store in PostgreSQL.
 *
 * A store is told now and then how a process fares, never for each call: see `sharedBreaker.ts`. What it decides, and what time
 * it is, is its alone: see `breaker/shared.ts`.
 *
 * Every store brings the code of sharing along: the engine knows only its types, in `sharing.ts`.
 */
import { defaultSchema, inSchema } from "../options/schema.ts"
import { readSharing } from "../options/sharing.ts"
import { answerOf, type BreakerExchange, exchange, freshRecord, type SharedBreakerState, type SharedRecord } from "./shared.ts"
import { SharedBreaker } from "./sharedBreaker.ts"
import type { BreakerStore, BreakerStorePort } from "./sharing.ts"

export type { BreakerAction, BreakerExchange, SharedBreakerState, SharedReason } from "./shared.ts"
export type { BreakerSharing, BreakerStore, BreakerStorePort } from "./sharing.ts"

/**
 * A store of your own, over whatever the processes can reach: what it has to decide is what `memoryBreakerStore` decides, and
 * the conformance suite of this repository holds a store to it. Make one for the process: breakers of one store go together.
 *
 * @example
 * import { breakerStore, createOutrigger, type SharedBreakerState } from "@outrigger/sdk/promise"
 *
 * const shared = breakerStore({
 *   exchange: async (requests, signal) => {
 *     const answer = await fetch("http://breakers.internal/exchange", { method: "POST", body: JSON.stringify(requests), signal: signal ?? null })
 *     return await answer.json() as ReadonlyArray<SharedBreakerState>
 *   }
 * })
 * const payments = createOutrigger({ service: "shop" }).api("payments", { breaker: { shared } })
 */
export const breakerStore = (port: BreakerStorePort): BreakerStore => ({
  exchange: (requests, signal) => port.exchange(requests, signal),
  readSharing,
  share: (parts) => new SharedBreaker(parts)
})

/** All breakers of one store in memory. `now` is milliseconds. */
export class BreakerTable {
  private readonly records = new Map<string, SharedRecord>()

  exchange(requests: ReadonlyArray<BreakerExchange>, now: number): ReadonlyArray<SharedBreakerState> {
    return requests.map((request) => {
      const id = JSON.stringify([request.name, request.key])
      const record = exchange(this.records.get(id) ?? freshRecord, request, now)
      this.records.set(id, record)
      return answerOf(record, request.instance, now)
    })
  }
}

/** A store for those who share a process: tests, and several outriggers in one. `now` tells milliseconds. */
export const memoryBreakerStore = (now: () => number): BreakerStore => {
  const table = new BreakerTable()
  return breakerStore({ exchange: async (requests) => table.exchange(requests, now()) })
}

/** Text both ways: every client passes that on as it is. */
export const exchangeStatement = `select outrigger.breaker_exchange($1::text::jsonb)::text as answers`

/** Of the row that the statement gives. */
export const answersOf = (row: Readonly<Record<string, unknown>> | undefined): ReadonlyArray<SharedBreakerState> =>
  (JSON.parse(String(row?.["answers"])) as ReadonlyArray<Record<string, unknown>>)
    .map((answer) => ({ ...answer, reason: answer["reason"] ?? undefined }) as SharedBreakerState)

/** Asks PostgreSQL, through whatever client runs a statement there and gives its rows. The schema must be there. */
export const sqlBreakerStore = (
  run: (text: string, values: ReadonlyArray<string>) => PromiseLike<ReadonlyArray<Readonly<Record<string, unknown>>>>,
  schema: string = defaultSchema
): BreakerStore => breakerStore({
  exchange: async (requests) => answersOf((await run(inSchema(exchangeStatement, schema), [JSON.stringify(requests)]))[0])
})
