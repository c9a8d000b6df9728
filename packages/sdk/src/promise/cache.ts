/** The promise shell of a cache: a flight is a promise that all its waiters share, and that none of them can end for the others. */
import type { CacheEntry, CacheTimes, Flight, Kept } from "../core/cache/cache.ts"
import type { CacheSettings } from "../core/cache/cacheStore.ts"
import type { Dependency } from "../core/dependency.ts"
import { BadAnswer, type CacheState, DependencyCache, RefusedAnswer } from "../core/cache/dependencyCache.ts"
import { CallTimeoutError } from "../core/errors.ts"
import { cacheDefaults, type CacheTimesOptions, TimesReader } from "../core/options/cache.ts"
import type { TimerPort } from "../core/time/timers.ts"
import type { CallOptions, Work } from "./call.ts"
import { inheritedDeadline, within } from "./inherited.ts"

/** `signal` and `deadline` are of this caller alone: they end its waiting, and the call only when nobody else waits for it. */
export interface CacheOptions extends CallOptions, CacheTimesOptions {}

/** How a call is made under the policy. */
export type MakeCall = <A>(work: Work<A>, options: CallOptions) => Promise<A>

interface Shared {
  readonly answer: Promise<CacheEntry<unknown> | BadAnswer>
  readonly abort: AbortController
}

/** A fresh answer as it is handed out: settled promises, the same for everybody. */
interface Served {
  readonly entry: Promise<CacheEntry<unknown>>
  readonly value: Promise<unknown>
}

/** The last good answers of one dependency: `api.cached` fills it. */
export class Cache {
  private readonly cache: DependencyCache<Shared, Served>
  private readonly times: TimesReader
  private readonly call: MakeCall
  private readonly inherits: boolean

  /** `inherits`: whether a caller is bound by the deadline of the call around it, too. */
  constructor(
    dependency: Dependency, call: MakeCall,
    { inherits = false, settings = cacheDefaults }: { readonly inherits?: boolean; readonly settings?: CacheSettings | undefined } = {}
  ) {
    this.cache = new DependencyCache(dependency, settings)
    this.times = new TimesReader(dependency.name)
    this.call = call
    this.inherits = inherits
  }

  /** Hits, misses, stale answers, refreshes, entries, and what a store failed to do. */
  state(): CacheState {
    return this.cache.state
  }

  /** Forgets the answer of this key. A call for it that is under way answers those who wait, and is not kept. */
  invalidate(key: string): void {
    this.stop(this.cache.invalidate(key, this.port))
  }

  /** Forgets all answers, as `invalidate` does. */
  clear(): void {
    this.stop(this.cache.clear(this.port))
  }

  /** For `api.cached`. */
  value<A>(options: CacheOptions, work: Work<A>): Promise<A> {
    try {
      const times = this.times.read(options)
      const kept = this.cache.fresh(options.key, this.port.now(), times)
      if (kept !== undefined) return (kept.served ?? serve(kept)).value as Promise<A>
      return this.unmet(options, times, work).then(({ value }) => value)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** For `api.cachedEntry`. */
  entry<A>(options: CacheOptions, work: Work<A>): Promise<CacheEntry<A>> {
    try {
      const times = this.times.read(options)
      const kept = this.cache.fresh(options.key, this.port.now(), times)
      if (kept !== undefined) return (kept.served ?? serve(kept)).entry as Promise<CacheEntry<A>>
      return this.unmet(options, times, work)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  private get port(): TimerPort {
    return this.cache.dependency.currentLanes.timers.port
  }

  /** No fresh answer in memory: perhaps in the store. */
  private async unmet<A>(options: CacheOptions, times: CacheTimes, work: Work<A>): Promise<CacheEntry<A>> {
    const { key } = options
    const deadline = this.deadlineOf(options)
    options.signal?.throwIfAborted()
    const load = this.cache.load(key, this.port)
    if (load !== undefined) {
      await this.wait(load, options, () => {})
      const kept = this.cache.fresh(key, this.port.now(), times)
      if (kept !== undefined) return kept.fresh as CacheEntry<A>
    }
    const now = this.port.now()
    if (deadline <= now) return this.instead(this.lateError(options), options, times)
    const decision = this.cache.decide(key, now, times)
    if (decision.tag === "wait") return this.join(options, times, work, decision.flight)
    if (decision.renewal !== undefined) this.begin(options, times, work, decision.renewal)
    return decision.entry as CacheEntry<A>
  }

  private async join<A>(options: CacheOptions, times: CacheTimes, work: Work<A>, flight: Flight<Shared>): Promise<CacheEntry<A>> {
    const shared = flight.handle ?? this.begin(options, times, work, flight)
    let answer: CacheEntry<unknown> | BadAnswer
    try {
      answer = await this.wait(shared.answer, options, (reason) => {
        if (this.cache.leave(flight)) shared.abort.abort(reason)
      })
    } catch (error) {
      if (options.signal?.aborted === true || error instanceof RefusedAnswer) throw error
      return this.instead(error, options, times)
    }
    if (!(answer instanceof BadAnswer)) return answer as CacheEntry<A>
    return (this.cache.fallback(options.key, this.port, times) ?? answer.entry(this.port)) as CacheEntry<A>
  }

  /** The last good answer in place of an error, if it is not too old. */
  private instead<A>(error: unknown, { key }: CacheOptions, times: CacheTimes): CacheEntry<A> {
    const entry = this.cache.fallback(key, this.port, times)
    if (entry === undefined) throw error
    return entry as CacheEntry<A>
  }

  /** The call of a flight belongs to no caller, so it has nobody's signal and deadline. */
  private begin<A>(options: CacheOptions, times: CacheTimes, work: Work<A>, flight: Flight<Shared>): Shared {
    const abort = new AbortController()
    let begun: (answer: Shared["answer"]) => void = () => {}
    const answer: Shared["answer"] = new Promise((resolve) => { begun = resolve })
    const shared = flight.handle = { abort, answer } // before the work begins: it may ask for this very key
    answer.catch(() => {}) // a renewal that fails changes nothing, and all who waited may be gone
    const call = () => this.call(work, { ...options, deadline: undefined, signal: abort.signal })
    begun((this.inherits ? within(Infinity, call, undefined) : call()).then(
      (value) => this.cache.landed(flight, value, times, this.port),
      (error: unknown) => {
        this.cache.failed(flight)
        throw error
      }
    ))
    return shared
  }

  /** Waits as long as this caller's signal and deadline allow; then it leaves, with its own error. */
  private wait<A>(answer: Promise<A>, options: CacheOptions, leave: (reason: unknown) => void): Promise<A> {
    const { signal } = options
    const deadline = this.deadlineOf(options)
    if (signal === undefined && deadline === Infinity) return answer
    return new Promise<A>((resolve, reject) => {
      const go = (reason: unknown) => {
        reject(reason)
        over()
        leave(reason)
      }
      const aborted = () => go(signal!.reason)
      const timer = deadline === Infinity ? undefined : this.port.at(Math.max(0, deadline - this.port.now()), () => go(this.lateError(options)))
      const over = () => {
        timer?.cancel()
        signal?.removeEventListener("abort", aborted)
      }
      signal?.addEventListener("abort", aborted)
      answer.then((value) => {
        over()
        resolve(value)
      }, (error: unknown) => {
        over()
        reject(error)
      })
    })
  }

  private deadlineOf({ deadline = Infinity }: CacheOptions): number {
    return this.inherits ? Math.min(deadline, inheritedDeadline()) : deadline
  }

  private lateError({ operation }: CacheOptions): CallTimeoutError {
    return new CallTimeoutError(this.cache.dependency.name, operation, Number.NaN)
  }

  private stop(flights: ReadonlyArray<Flight<Shared>>): void {
    for (const { handle } of flights) handle!.abort.abort(new Error("invalidated: nobody waits for this answer"))
  }
}

const serve = (kept: Kept<Served>): Served => {
  const { fresh } = kept
  return kept.served = { entry: Promise.resolve(fresh), value: Promise.resolve(fresh.value) }
}
