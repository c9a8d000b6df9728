/**
 * Faults on demand, for tests and game days: what a policy does when its dependency is slow, fails, hangs, or turns calls
 * away. A source of faults is asked once for each attempt; nothing is injected unless one is provided.
 */

/** What happens to one attempt. */
export interface Fault {
  /** Milliseconds before the attempt begins, or before what else is injected. */
  readonly latency?: number
  /** The attempt fails with this, and the dependency is not called. */
  readonly error?: { readonly value: unknown }
  /** The attempt never answers: only a timeout or the caller ends it. */
  readonly hang?: true
  /** The policy turns the call away, as its breaker, its bulkhead or its rate limit would. */
  readonly reject?: "breaker" | "bulkhead" | "rate-limit"
}

/** Whom a fault is for. */
export interface Target {
  readonly dependency: string
  readonly operation: string | undefined
  /** From 1. */
  readonly attempt: number
  /** In [0, 1), of the policy's own source of chance. */
  readonly random: () => number
}

/** Undefined lets the attempt alone. */
export type Chaos = (target: Target) => Fault | undefined
