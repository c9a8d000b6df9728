/**
 * The last good answers of a dependency, and the calls that renew them, as a machine: whoever drives it brings the time.
 *
 *   age of an answer   0 ------------ ttl ------- staleWhileRevalidate ----- staleIfError ---------->
 *                        fresh:            stale: served at once,      asked for first:    expired:
 *                        served at once    renewed behind              stale if that fails asked for
 *
 * A key has at most one *flight*: the call for all who miss it at once, or the renewal behind a stale answer. Each waiter may
 * leave; a flight that nobody waits for is to be stopped. A renewal has the cache itself as a waiter, so it outlives all
 * others. What is invalidated loses its flight too: those who wait get its answer, nobody else does, and it is not kept.
 *
 * A hit moves the answer to the head of a linked list, the most recent use first, and allocates nothing. The tail goes first.
 */

/** What `cachedEntry` gives. */
export interface CacheEntry<A> {
  readonly value: A
  /** True when it is older than its `ttl`: a fresh one is on its way, or could not be had. */
  readonly stale: boolean
  /** Epoch ms. */
  readonly storedAt: number
}

/** Counters since the process began, and what is kept now. */
export interface CacheStatistics {
  /** Fresh answers served. */
  readonly hits: number
  /** Asks that had to wait for the dependency. */
  readonly misses: number
  /** Stale answers served: while one is renewed, or when none could be had. */
  readonly stale: number
  /** Renewals begun behind a stale answer. */
  readonly refreshes: number
  /** Answers in memory now. */
  readonly entries: number
}

/** Ages in ms, each at least the one before; `jitter` in 0..1 is the share of `ttl` that chance may take away. */
export interface CacheTimes {
  readonly ttl: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly jitter: number
}

export type Freshness = "fresh" | "revalidate" | "fallback" | "expired"

/** What may be done with an answer of this age; `luck`, in [0, 1), was drawn when it was stored. */
export const freshness = (age: number, luck: number, { jitter, staleIfError, staleWhileRevalidate, ttl }: CacheTimes): Freshness =>
  isFresh(age, luck, ttl, jitter) ? "fresh"
  : age <= staleWhileRevalidate ? "revalidate"
  : age <= staleIfError ? "fallback"
  : "expired"

const isFresh = (age: number, luck: number, ttl: number, jitter: number): boolean =>
  age <= (jitter === 0 ? ttl : ttl * (1 - jitter * luck))

/** One answer in memory. `P` is a shell's own form of the fresh entry, made once, so that a hit makes nothing. */
export class Kept<P> {
  readonly key: string
  readonly fresh: CacheEntry<unknown>
  /** On the monotonic clock. */
  readonly at: number
  readonly luck: number
  served: P | undefined = undefined
  newer: Kept<P> | null = null
  older: Kept<P> | null = null

  constructor(key: string, value: unknown, at: number, storedAt: number, luck: number) {
    this.key = key
    this.fresh = { value, stale: false, storedAt }
    this.at = at
    this.luck = luck
  }

  get stale(): CacheEntry<unknown> {
    return { value: this.fresh.value, stale: true, storedAt: this.fresh.storedAt }
  }
}

/** A call that several may wait for. `handle` is the shell's hold on it, set as soon as it has begun. */
export class Flight<F> {
  readonly key: string
  /** A renewal: the cache itself waits for it. */
  readonly renewal: boolean
  waiters = 1
  handle: F | undefined = undefined

  constructor(key: string, renewal: boolean) {
    this.key = key
    this.renewal = renewal
  }
}

/** What becomes of an ask that no fresh answer meets. The shell begins a flight whose `handle` is not set. */
export type Decision<F> =
  | { readonly tag: "stale"; readonly entry: CacheEntry<unknown>; readonly renewal: Flight<F> | undefined }
  | { readonly tag: "wait"; readonly flight: Flight<F> }

/** `F` is a shell's handle on a flight, `P` its own form of a fresh entry. */
export class ResponseCache<F, P = never> {
  /** At most so many answers; the one that was used longest ago goes first. */
  maxEntries: number
  private readonly entries = new Map<string, Kept<P>>()
  private readonly flights = new Map<string, Flight<F>>()
  private newest: Kept<P> | null = null
  private oldest: Kept<P> | null = null
  private hits = 0
  private misses = 0
  private stale = 0
  private refreshes = 0

  constructor(maxEntries = 1000) {
    this.maxEntries = maxEntries
  }

  get statistics(): CacheStatistics {
    const { entries, hits, misses, refreshes, stale } = this
    return { hits, misses, stale, refreshes, entries: entries.size }
  }

  /** Whether memory has something to say of this key, so that no store need be asked. */
  knows(key: string): boolean {
    return this.entries.has(key) || this.flights.has(key)
  }

  keys(): Iterable<string> {
    return this.entries.keys()
  }

  /** The hot path: the answer of this key, if it is fresh. */
  fresh(key: string, now: number, times: CacheTimes): Kept<P> | undefined {
    const kept = this.entries.get(key)
    if (kept === undefined || !isFresh(now - kept.at, kept.luck, times.ttl, times.jitter)) return undefined
    this.hits++
    if (kept !== this.newest) this.touch(kept)
    return kept
  }

  /** What an ask gets that is not met by `fresh`. `rejecting`: the dependency would not be called now, its breaker is open. */
  decide(key: string, now: number, times: CacheTimes, rejecting: boolean): Decision<F> {
    const kept = this.entries.get(key)
    const state = kept === undefined ? "expired" : freshness(now - kept.at, kept.luck, times)
    const flight = this.flights.get(key)
    if (state === "revalidate" || (rejecting && state !== "expired")) {
      const entry = this.serveStale(kept!)
      return { tag: "stale", entry, renewal: rejecting || flight !== undefined ? undefined : this.begin(key, true) }
    }
    this.misses++
    if (flight === undefined) return { tag: "wait", flight: this.begin(key, false) }
    flight.waiters++
    return { tag: "wait", flight }
  }

  /** What may be served instead of a failure. Fresh when another call has brought one meanwhile. */
  fallback(key: string, now: number, times: CacheTimes): CacheEntry<unknown> | undefined {
    const fresh = this.fresh(key, now, times)
    if (fresh !== undefined) return fresh.fresh
    const kept = this.entries.get(key)
    return kept === undefined || freshness(now - kept.at, kept.luck, times) === "expired" ? undefined : this.serveStale(kept)
  }

  /** Keeps the answer of a flight, unless its key was invalidated since it began: then undefined. */
  keep(flight: Flight<F>, value: unknown, now: number, epoch: number, luck: number): CacheEntry<unknown> | undefined {
    if (this.flights.get(flight.key) !== flight) return undefined
    this.flights.delete(flight.key)
    return this.put(flight.key, value, now, epoch, luck)
  }

  /** The flight has ended, with nothing to keep; whoever comes now begins another. */
  ended(flight: Flight<F>): void {
    if (this.flights.get(flight.key) === flight) this.flights.delete(flight.key)
  }

  /** An answer out of a store, as old as it is; what memory has by now is newer. */
  restore(key: string, value: unknown, at: number, storedAt: number, luck: number): void {
    if (!this.entries.has(key)) this.put(key, value, at, storedAt, luck)
  }

  /** A waiter leaves. True when nobody waits any more: then the flight is to be stopped. */
  leave(flight: Flight<F>): boolean {
    flight.waiters--
    if (flight.waiters > 0) return false
    this.ended(flight)
    return true
  }

  /** Forgets a key. Gives the flight that is to be stopped, if nobody else waits for it. */
  invalidate(key: string): Flight<F> | undefined {
    const kept = this.entries.get(key)
    if (kept !== undefined) this.drop(kept)
    const flight = this.flights.get(key)
    if (flight === undefined) return undefined
    this.flights.delete(key)
    return flight.renewal && this.leave(flight) ? flight : undefined
  }

  /** Forgets all. Gives the flights that are to be stopped. */
  clear(): ReadonlyArray<Flight<F>> {
    const keys = new Set([...this.entries.keys(), ...this.flights.keys()])
    return [...keys].map((key) => this.invalidate(key)).filter((flight) => flight !== undefined)
  }

  private begin(key: string, renewal: boolean): Flight<F> {
    const flight = new Flight<F>(key, renewal)
    this.flights.set(key, flight)
    if (renewal) this.refreshes++
    return flight
  }

  private serveStale(kept: Kept<P>): CacheEntry<unknown> {
    this.stale++
    if (kept !== this.newest) this.touch(kept)
    return kept.stale
  }

  private put(key: string, value: unknown, at: number, storedAt: number, luck: number): CacheEntry<unknown> {
    const before = this.entries.get(key)
    if (before !== undefined) this.unlink(before)
    const kept = new Kept<P>(key, value, at, storedAt, luck)
    this.entries.set(key, kept)
    this.link(kept)
    while (this.entries.size > this.maxEntries) this.drop(this.oldest!)
    return kept.fresh
  }

  private touch(kept: Kept<P>): void {
    this.unlink(kept)
    this.link(kept)
  }

  private drop(kept: Kept<P>): void {
    this.entries.delete(kept.key)
    this.unlink(kept)
  }

  private link(kept: Kept<P>): void {
    kept.older = this.newest
    if (this.newest === null) this.oldest = kept
    else this.newest.newer = kept
    this.newest = kept
  }

  private unlink(kept: Kept<P>): void {
    if (kept.newer === null) this.newest = kept.older
    else kept.newer.older = kept.older
    if (kept.older === null) this.oldest = kept.newer
    else kept.older.newer = kept.newer
    kept.newer = kept.older = null
  }
}
