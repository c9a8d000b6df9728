/**
 * Where processes share their breakers: the port, the store in memory, and the one statement of the store in PostgreSQL.
 *
 * A store is told now and then how a process fares, never for each call: see `sharedBreaker.ts`. What it decides, and what time
 * it is, is its alone: see `breaker/shared.ts`.
 */
import { answerOf, type BreakerExchange, exchange, freshRecord, type SharedBreakerState, type SharedRecord } from "./shared.ts"

export type { BreakerAction, BreakerExchange, SharedBreakerState, SharedReason } from "./shared.ts"

/**
 * The port: what every store does. It may reject, or take long: then each process goes on by its own breaker. Plain JSON both
 * ways.
 */
export interface BreakerStore {
  /** One round trip for any number of breakers; the answers come in the order of the requests. `signal`: nobody waits any more. */
  readonly exchange: (requests: ReadonlyArray<BreakerExchange>, signal?: AbortSignal) => Promise<ReadonlyArray<SharedBreakerState>>
}

/** How a breaker is shared, made whole: milliseconds. */
export interface BreakerSharing {
  readonly store: BreakerStore
  /** The share of the processes alive that must have opened, above 0 and at most 1. */
  readonly quorum: number
  /** So many at least, where so many are alive. */
  readonly minimumVotes: number
  /** Between two exchanges. */
  readonly interval: number
  /** How long a process counts as alive, may probe, and follows what it last heard. */
  readonly lease: number
}

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
  return { exchange: async (requests) => table.exchange(requests, now()) }
}

/** Text both ways: every client passes that on as it is. */
export const exchangeStatement = `select outrigger.breaker_exchange($1::text::jsonb)::text as answers`

/** Of the row that the statement gives. */
export const answersOf = (row: Readonly<Record<string, unknown>> | undefined): ReadonlyArray<SharedBreakerState> =>
  (JSON.parse(String(row?.["answers"])) as ReadonlyArray<Record<string, unknown>>)
    .map((answer) => ({ ...answer, reason: answer["reason"] ?? undefined }) as SharedBreakerState)

/** Asks PostgreSQL, through whatever client runs a statement there and gives its rows. The schema must be there. */
export const sqlBreakerStore = (
  run: (text: string, values: ReadonlyArray<string>) => PromiseLike<ReadonlyArray<Readonly<Record<string, unknown>>>>
): BreakerStore => ({
  exchange: async (requests) => answersOf((await run(exchangeStatement, [JSON.stringify(requests)]))[0])
})
