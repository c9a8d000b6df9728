/**
 * Effect's `RateLimiter` on PostgreSQL: its store, with the semantics of Effect's own memory store, shared among processes.
 *
 * **Details**
 *
 * - Each operation is one round trip that locks the row of its key: concurrent processes are exact.
 * - Only the database's clock counts.
 * - Each operation is a transaction of its own, also inside `sql.withTransaction`: what was consumed stays consumed. Inside
 *   transactions it takes a second connection: give it a client of its own there, or a pool could run dry.
 * - The tables are unlogged: a crash of the server, or a failover, empties them.
 * - Keys are cleaned up a minute after they have expired, while any process has the store.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as RateLimiter from "effect/persistence/RateLimiter"
import type { SqlError } from "effect/sql/SqlError"
import type { PgClient } from "@effect/sql-pg"
import { explain, makeInvoke } from "../internal/effectState.ts"

export interface Options {
  /** Put before each key; nothing unless said. */
  readonly prefix?: string | undefined
}

type Store = RateLimiter.RateLimiterStore["Service"]

const failed = (operation: string) => (cause: SqlError) => new RateLimiter.RateLimiterError({
  reason: new RateLimiter.RateLimitStoreError({ message: `PostgreSQL failed at ${operation}: ${explain(cause)}`, cause })
})

/** Longer than an hour is not believed. */
const longest = 60 * 60 * 1000

/** The store over the client at hand. The schema must be there: see `Migrations`. */
export const makeStore = (options: Options = {}): Effect.Effect<Store, never, PgClient.PgClient | Scope.Scope> =>
  Effect.map(makeInvoke, (invoke) => {
    const named = (key: string) => `${options.prefix ?? ""}${key}`
    return RateLimiter.RateLimiterStore.of({
      fixedWindow: ({ key, limit, refillRate, tokens }) => invoke<{ count: number; ttl: number }>(
        `select count, ttl from outrigger.effect_fixed_window($1, $2::float8, $3::float8, $4::float8)`,
        [named(key), tokens, Duration.toMillis(refillRate), limit ?? null]
      ).pipe(Effect.map((row) => [row!.count, row!.ttl] as const), Effect.mapError(failed("fixedWindow"))),
      tokenBucket: ({ allowOverflow, key, limit, refillRate, tokens }) => invoke<{ remaining: number; elapsed: number }>(
        `select remaining, elapsed from outrigger.effect_token_bucket($1, $2::float8, $3::float8, $4::float8, $5)`,
        [named(key), tokens, limit, Duration.toMillis(refillRate), allowOverflow]
      ).pipe(Effect.map((row) => [row!.remaining, row!.elapsed] as const), Effect.mapError(failed("tokenBucket"))),
      adaptiveConsume: ({ fallbackWindow, key, tokens }) => invoke<{ delay: number; epoch: number; phase: RateLimiter.AdaptivePhase }>(
        `select delay, epoch, phase from outrigger.effect_adaptive_consume($1, $2::float8, $3::float8)`,
        [named(key), tokens, Duration.toMillis(fallbackWindow)]
      ).pipe(
        Effect.map((row) => ({ delay: Duration.millis(row!.delay), epoch: row!.epoch, phase: row!.phase })),
        Effect.mapError(failed("adaptiveConsume"))
      ),
      adaptiveFeedback: ({ epoch, key, retryAfter, status, tokens }) => {
        if (status !== 429 || retryAfter === undefined) return Effect.void
        const millis = Duration.toMillis(retryAfter)
        return invoke(
          `select outrigger.effect_adaptive_feedback($1, $2::float8, $3::float8, $4::float8)::text`,
          [named(key), epoch, tokens, millis > 0 ? Math.min(millis, longest) : 1]
        ).pipe(Effect.asVoid, Effect.mapError(failed("adaptiveFeedback")))
      }
    })
  })

/**
 * Effect's `RateLimiterStore` over the client at hand.
 *
 * @example
 * import * as Layer from "effect/Layer"
 * import * as RateLimiter from "effect/persistence/RateLimiter"
 * import { PgRateLimiter } from "@outrigger/postgres/effect"
 *
 * const limiter = RateLimiter.layer.pipe(Layer.provide(PgRateLimiter.layerStore()))
 */
export const layerStore = (options?: Options): Layer.Layer<RateLimiter.RateLimiterStore, never, PgClient.PgClient> =>
  Layer.effect(RateLimiter.RateLimiterStore, makeStore(options))
