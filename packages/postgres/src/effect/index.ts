/** Effect's own contracts on PostgreSQL: the stores of its `CircuitBreaker` and `RateLimiter`. */
export * as PgCircuitBreaker from "./PgCircuitBreaker.ts"
export * as PgRateLimiter from "./PgRateLimiter.ts"
