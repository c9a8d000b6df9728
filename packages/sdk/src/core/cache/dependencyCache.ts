/** The cache of one dependency: the machine, joined to the breaker, the classifier and the store. A shell drives it. */
import { type CacheEntry, type CacheStatistics, type CacheTimes, type Decision, type Flight, type Kept, ResponseCache } from "./cache.ts"
import { type CacheSettings, StoreBehind } from "./cacheStore.ts"
import type { Dependency } from "../dependency.ts"
import type { TimerPort } from "../time/timers.ts"

/** The statistics of a cache and its store. */
export interface CacheState extends CacheStatistics {
  /** What the store failed to do, or not in time. */
  readonly storeFailures: number
}

/** A value that can be given to one reader only. It is the host's mistake, so no stale answer hides it. */
export class RefusedAnswer extends TypeError {
  constructor(dependency: string) {
    super(`${dependency}.cached: a Response can be read only once: cache what you read from it, such as \`await response.json()\``)
  }
}

/** A result that the classifier calls a failure, such as a status of 503: an answer, but not one to keep. */
export class BadAnswer {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }

  /** For a caller who gets it because there is nothing better. */
  entry(port: TimerPort): CacheEntry<unknown> {
    return { value: this.value, stale: false, storedAt: port.epoch() }
  }
}

export class DependencyCache<F, P> {
  readonly dependency: Dependency
  private readonly answers: ResponseCache<F, P>
  private readonly behind: StoreBehind | undefined

  constructor(dependency: Dependency, settings: CacheSettings) {
    this.dependency = dependency
    this.answers = new ResponseCache(settings.maxEntries)
    this.behind = settings.store === undefined ? undefined : new StoreBehind(settings.store, settings)
  }

  get state(): CacheState {
    return { ...this.answers.statistics, storeFailures: this.behind?.failures ?? 0 }
  }

  fresh(key: string, now: number, times: CacheTimes): Kept<P> | undefined {
    return this.answers.fresh(key, now, times)
  }

  /** What to wait for before anything is decided: the store, when memory knows nothing of this key. */
  load(key: string, port: TimerPort): Promise<void> | undefined {
    if (this.behind === undefined || this.answers.knows(key)) return undefined
    return this.behind.load(key, port, ({ storedAt, value }) => {
      const age = Math.max(0, port.epoch() - storedAt) // clocks of people are set back at times
      this.answers.restore(key, value, port.now() - age, storedAt, port.random())
    })
  }

  decide(key: string, now: number, times: CacheTimes): Decision<F> {
    return this.answers.decide(key, now, times, this.dependency.breaker?.rejects(now) === true)
  }

  /** A flight has brought this value. Throws `RefusedAnswer`; a `BadAnswer` is not kept. */
  landed(flight: Flight<F>, value: unknown, times: CacheTimes, port: TimerPort): CacheEntry<unknown> | BadAnswer {
    const good = this.dependency.outcomeOf(value, true) === "success"
    const refused = typeof Response !== "undefined" && value instanceof Response
    if (!good || refused) this.answers.ended(flight)
    if (refused) throw new RefusedAnswer(this.dependency.name)
    if (!good) return new BadAnswer(value)
    const storedAt = port.epoch()
    const entry = this.answers.keep(flight, value, port.now(), storedAt, port.random())
    if (entry === undefined) return { value, stale: false, storedAt }
    const { staleIfError, staleWhileRevalidate, ttl } = times
    this.behind?.keep(flight.key, { value, storedAt }, Math.max(ttl, staleWhileRevalidate, staleIfError), port)
    return entry
  }

  /** A flight has brought nothing. */
  failed(flight: Flight<F>): void {
    this.answers.ended(flight)
  }

  fallback(key: string, port: TimerPort, times: CacheTimes): CacheEntry<unknown> | undefined {
    return this.answers.fallback(key, port.now(), times)
  }

  leave(flight: Flight<F>): boolean {
    return this.answers.leave(flight)
  }

  /** Gives the flights that are to be stopped. */
  invalidate(key: string, port: TimerPort): ReadonlyArray<Flight<F>> {
    this.behind?.invalidate(key, port)
    const flight = this.answers.invalidate(key)
    return flight === undefined ? [] : [flight]
  }

  clear(port: TimerPort): ReadonlyArray<Flight<F>> {
    this.behind?.clear(this.answers.keys(), port)
    return this.answers.clear()
  }
}
