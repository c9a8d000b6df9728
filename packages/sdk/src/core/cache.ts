/**
 * The last good answers of a dependency. Fresh within `ttl`; when the call that should renew one is rejected or fails, stale
 * within `staleIfError`. Concurrent misses of one key make one call, which is aborted when its last waiter leaves. Bounded:
 * the entry that was used longest ago goes first.
 */

export interface CacheEntry<A> {
  readonly value: A
  /** True when the dependency could not give a fresh one. */
  readonly stale: boolean
  /** Epoch ms. */
  readonly storedAt: number
}

interface Stored {
  readonly value: unknown
  /** Monotonic, for ages; and epoch, for people. */
  readonly at: number
  readonly storedAt: number
}

/** A call that several may wait for. */
export interface Flight<F> {
  readonly handle: F
  waiters: number
}

/** Ages in ms. */
export interface CacheTimes {
  readonly ttl: number
  readonly staleIfError: number
}

/** The value can be given to one reader only. */
export const refusedValue = (value: unknown): string | undefined =>
  typeof Response !== "undefined" && value instanceof Response
    ? "a Response can be read only once: cache what you read from it, such as `await response.json()`"
    : undefined

export class ResponseCache<F> {
  private readonly entries = new Map<string, Stored>()
  private readonly flights = new Map<string, Flight<F>>()
  private readonly limit: number

  constructor(limit = 1000) {
    this.limit = limit
  }

  get size(): number {
    return this.entries.size
  }

  fresh(key: string, now: number, { ttl }: CacheTimes): CacheEntry<unknown> | undefined {
    return this.entry(key, now, ttl, false)
  }

  /** What may be served instead of a failure. */
  fallback(key: string, now: number, { staleIfError, ttl }: CacheTimes): CacheEntry<unknown> | undefined {
    return this.entry(key, now, Math.max(ttl, staleIfError), true)
  }

  private entry(key: string, now: number, age: number, stale: boolean): CacheEntry<unknown> | undefined {
    const stored = this.entries.get(key)
    if (stored === undefined || now - stored.at > age) return undefined
    this.entries.delete(key) // used last: to the end of the line
    this.entries.set(key, stored)
    return { value: stored.value, stale, storedAt: stored.storedAt }
  }

  store(key: string, value: unknown, now: number, epoch: number): CacheEntry<unknown> {
    this.entries.delete(key)
    this.entries.set(key, { value, at: now, storedAt: epoch })
    if (this.entries.size > this.limit) this.entries.delete(this.entries.keys().next().value!)
    return { value, stale: false, storedAt: epoch }
  }

  /** Joins the call for this key, or begins it. */
  join(key: string, begin: () => F): Flight<F> {
    let flight = this.flights.get(key)
    if (flight === undefined) this.flights.set(key, flight = { handle: begin(), waiters: 0 })
    flight.waiters++
    return flight
  }

  /** True when nobody waits any more: then the call is to be aborted. */
  leave(key: string, flight: Flight<F>): boolean {
    flight.waiters--
    if (flight.waiters > 0) return false
    if (this.flights.get(key) === flight) this.flights.delete(key)
    return true
  }

  /** The call has ended; whoever comes now begins another. */
  landed(key: string, flight: Flight<F>): void {
    if (this.flights.get(key) === flight) this.flights.delete(key)
  }
}
