/**
 * Effect's `CircuitBreaker` on PostgreSQL: its store, shared among processes.
 *
 * **Details**
 *
 * - Each operation is one round trip on the row of its key. A closed circuit without failures is only read, and locks nothing.
 * - Only the database's clock counts. Every state has a generation that is never given twice.
 * - A probe holds a lease, renewed while it runs; when its process dies, another takes over once the lease is over, and what the
 *   old one says then changes nothing.
 * - Each operation is a transaction of its own, also inside `sql.withTransaction`. Inside transactions it takes a second
 *   connection: give it a client of its own there, or a pool could run dry.
 * - The tables are unlogged: a crash of the server, or a failover, closes every circuit.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import type { SqlError } from "effect/sql/SqlError"
import type { PgClient } from "@effect/sql-pg"
import { explain, type Invoke, makeInvoke } from "../internal/effectState.ts"

export interface Options {
  /** Put before each key; nothing unless said. */
  readonly prefix?: string | undefined
  /** For how long a probe that gives no sign of life keeps others from probing; 10 seconds unless said. */
  readonly probeLease?: Duration.Input | undefined
  /** After how long without a call a circuit is forgotten; 1 hour unless said. */
  readonly idleTimeToLive?: Duration.Input | undefined
}

type Store = CircuitBreaker.CircuitBreakerStore["Service"]

interface Settings {
  readonly invoke: Invoke
  readonly named: (key: string) => string
  readonly lease: number
  readonly idle: number
}

const rejected = (reason: CircuitBreaker.CircuitBreakerErrorReason) => new CircuitBreaker.CircuitBreakerError({ reason })

const failed = (operation: string) => (cause: SqlError) => rejected(
  new CircuitBreaker.CircuitBreakerStoreError({ message: `PostgreSQL failed at ${operation}: ${explain(cause)}`, cause })
)

/** Until the lease is lost. A renewal that fails is tried again, for the lease may hold three of them. */
const renewing = ({ idle, invoke, lease }: Settings, key: string, generation: number) => {
  const once = invoke<{ renewed: boolean }>(
    `select outrigger.effect_circuit_renew($1, $2::float8, $3::float8, $4::float8) as renewed`, [key, generation, lease, idle]
  ).pipe(Effect.map((row) => row!.renewed), Effect.catch(() => Effect.succeed(true)))
  return Effect.repeat(Effect.delay(once, lease / 3), { while: (renewed) => renewed })
}

interface Admitted {
  readonly verdict: "ok" | "open" | "halfopen"
  readonly generation: number
  readonly probe: boolean
  readonly openings: number
  readonly moved: boolean
  readonly remaining: number
}

const admitting = (settings: Settings): Store["admit"] => Effect.fnUntraced(function*(key) {
  const { idle, invoke, lease, named } = settings
  const row = yield* invoke<Admitted>(
    `select verdict, generation, probe, openings, moved, remaining from outrigger.effect_circuit_admit($1, $2::float8, $3::float8)`,
    [named(key), lease, idle]
  ).pipe(Effect.mapError(failed("admit")))
  const { generation, moved, openings, probe, remaining, verdict } = row!
  if (verdict === "open") return yield* rejected(new CircuitBreaker.CircuitOpen({ key, retryAfter: Duration.millis(remaining) }))
  if (verdict === "halfopen") return yield* rejected(new CircuitBreaker.CircuitHalfOpen({ key }))
  if (probe) yield* renewing(settings, named(key), generation).pipe(Effect.interruptible, Effect.forkScoped)
  return { generation, probe, consecutiveOpenings: openings, transition: moved ? { key, from: "Open", to: "HalfOpen" } : undefined }
})

const policyValues = (policy: CircuitBreaker.TripPolicy): ReadonlyArray<string | number> => policy._tag === "Consecutive"
  ? ["Consecutive", policy.failures, 0, 0]
  : ["Rate", policy.threshold, policy.minimumCalls, policy.size]

const recording = ({ idle, invoke, named }: Settings): Store["record"] => ({ generation, key, openFor, outcome, tripPolicy }) =>
  invoke<{ moved: string; openings: number }>(
    `select moved, openings from outrigger.effect_circuit_record($1, $2::float8, $3, $4, $5::float8, $6::int, $7::int, $8::float8, $9::float8)`,
    [named(key), generation, outcome, ...policyValues(tripPolicy), Math.max(0, Duration.toMillis(openFor)), idle]
  ).pipe(Effect.mapError(failed("record")), Effect.map((row): CircuitBreaker.Transition | undefined => {
    const { moved, openings } = row!
    if (moved === "none") return undefined
    if (moved === "halfopen-closed") return { key, from: "HalfOpen", to: "Closed" }
    return { key, from: moved === "closed-open" ? "Closed" : "HalfOpen", to: "Open", retryAfter: openFor, consecutiveOpenings: openings }
  }))

const reading = ({ invoke, named }: Settings): Store["state"] => (key) =>
  invoke<{ state: CircuitBreaker.State["_tag"]; remaining: number; openings: number; probing: boolean }>(
    `select state, remaining, openings, probing from outrigger.effect_circuit_state($1)`, [named(key)]
  ).pipe(Effect.mapError(failed("state")), Effect.map((row): CircuitBreaker.State => {
    switch (row?.state) {
      case "Open":
        return { _tag: "Open", key, retryAfter: Duration.millis(row.remaining), consecutiveOpenings: row.openings }
      case "HalfOpen":
        return { _tag: "HalfOpen", key, probing: row.probing, consecutiveOpenings: row.openings }
      default:
        return { _tag: "Closed", key }
    }
  }))

const millis = (duration: Duration.Input): number => Math.max(1, Duration.toMillis(Duration.fromInputUnsafe(duration)))

/** The store over the client at hand. The schema must be there: see `Migrations`. */
export const makeStore = (options: Options = {}): Effect.Effect<Store, never, PgClient.PgClient | Scope.Scope> =>
  Effect.map(makeInvoke, (invoke) => {
    const settings: Settings = {
      invoke,
      named: (key) => `${options.prefix ?? ""}${key}`,
      lease: millis(options.probeLease ?? "10 seconds"),
      idle: millis(options.idleTimeToLive ?? "1 hour")
    }
    return CircuitBreaker.CircuitBreakerStore.of({ admit: admitting(settings), record: recording(settings), state: reading(settings) })
  })

/**
 * Effect's `CircuitBreakerStore` over the client at hand.
 *
 * @example
 * import * as Layer from "effect/Layer"
 * import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
 * import { PgCircuitBreaker } from "@outrigger/postgres/effect"
 *
 * const breaker = CircuitBreaker.layer({ tripPolicy: CircuitBreaker.consecutive(5), openDuration: "30 seconds" }).pipe(
 *   Layer.provide(PgCircuitBreaker.layerStore())
 * )
 */
export const layerStore = (options?: Options): Layer.Layer<CircuitBreaker.CircuitBreakerStore, never, PgClient.PgClient> =>
  Layer.effect(CircuitBreaker.CircuitBreakerStore, makeStore(options))
