/** A named dependency of the host, with promises: an HTTP API, an SDK of somebody else's, anything that is called and can fail. */
import { Attempt } from "../core/attempt.ts"
import { type CacheEntry, type Flight, refusedValue, ResponseCache } from "../core/cache.ts"
import type { Chaos } from "../core/chaos.ts"
import { type Dependency, type DependencyState, stateOf } from "../core/dependency.ts"
import { type DurationInput, toMillis } from "../core/duration.ts"
import { InvalidPolicyOption } from "../core/errors.ts"
import type { Events } from "../core/events.ts"
import { type PolicyOptions } from "../core/options.ts"
import { type CallOptions, PromiseCall, type Work } from "./call.ts"
import { inheritedDeadline } from "./inherited.ts"

export interface CacheOptions extends CallOptions {
  readonly key: string
  /** How long an answer is fresh. */
  readonly ttl: DurationInput
  /** How old an answer may be that is served when the call is rejected or fails; no stale answers unless said. */
  readonly staleIfError?: DurationInput | undefined
}

/** What the caller is given instead of a failure. */
export interface Fallback<B> {
  /** Hears of the call's last error or of the policy's rejection; not asked when the caller itself aborted. */
  readonly fallback?: ((error: unknown) => B | PromiseLike<B>) | undefined
}

/** A result that the classifier calls a failure, such as a status of 503: an answer, but not one to keep. */
class BadAnswer {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
}

interface Shared {
  readonly answer: Promise<CacheEntry<unknown>>
  readonly abort: AbortController
}

/**
 * All calls of one dependency: they share its breaker, budget, permits, cache and statistics.
 *
 * @example
 * import { createOutrigger } from "@outrigger/sdk/promise"
 *
 * const github = createOutrigger({ service: "shop" }).api("github", { timeout: "5 seconds" })
 * const issues = await github.call(({ signal }) => fetch("https://api.github.com/issues", { signal }), { operation: "issues" })
 */
export class Api {
  readonly name: string
  private readonly dependency: Dependency
  /** Whether its calls take the deadline of the call around them, and hand on their own. */
  private readonly inherits: boolean
  private readonly cache = new ResponseCache<Shared>()
  /**
   * Keeps the hidden classes of a call and an attempt alive. With no instance at a major GC they die, and the optimized
   * code with them: the next thousands of calls would take five times as long.
   */
  readonly exemplar: Attempt

  /** For `createOutrigger(...).api(...)`, which registers the dependency. */
  constructor(dependency: Dependency, inherits = false) {
    this.name = dependency.name
    this.dependency = dependency
    this.inherits = inherits
    this.exemplar = new Attempt(new PromiseCall(dependency, () => undefined, undefined, inherits), 0, Number.NaN, null, null)
  }

  /**
   * Runs `work` under the policy. Rejects with the work's own last error, unchanged, or with a `Rejected` of the policy.
   * A signal that the work ignores only means that it goes on unseen: the caller has its answer at the deadline.
   */
  call<A, B = never>(work: Work<A>, options?: CallOptions & Fallback<B>): Promise<A | B> {
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason)
    const call = new PromiseCall<A>(this.dependency, work, options, this.inherits)
    try {
      call.start(this.inherits ? Math.min(options?.deadline ?? Infinity, inheritedDeadline()) : options?.deadline ?? Infinity)
    } catch (error) { // options of the call that make no sense
      return Promise.reject(error)
    }
    return options?.fallback === undefined ? call.promise : this.fallingBack(call.promise, options)
  }

  private fallingBack<A, B>(answer: Promise<A>, { fallback, operation, signal }: CallOptions & Fallback<B>): Promise<A | B> {
    const { dependency } = this
    return answer.catch((error: unknown) => {
      if (signal?.aborted) throw error
      dependency.statistics.fallbacks++
      if (dependency.heard("fallback")) dependency.emit("fallback", { operation, error })
      return fallback!(error)
    })
  }

  /** The fresh answer of this key, or the call's; when the call is rejected or fails, the last good one if not too old. */
  async cached<A>(options: CacheOptions, work: Work<A>): Promise<A> {
    return (await this.cachedEntry(options, work)).value
  }

  /** As `cached`, and says whether the answer is stale and when it was stored. */
  async cachedEntry<A>(options: CacheOptions, work: Work<A>): Promise<CacheEntry<A>> {
    const { port } = this.dependency.currentLanes.timers
    const times = {
      ttl: this.age("ttl", options.ttl),
      staleIfError: options.staleIfError === undefined ? 0 : this.age("staleIfError", options.staleIfError)
    }
    const fresh = this.cache.fresh(options.key, port.now(), times)
    if (fresh !== undefined) return fresh as CacheEntry<A>
    try {
      return await this.shared(options, work)
    } catch (error) {
      const stale = options.signal?.aborted || options.staleIfError === undefined
        ? undefined
        : this.cache.fallback(options.key, port.now(), times)
      if (stale !== undefined) return stale as CacheEntry<A>
      if (error instanceof BadAnswer) return { value: error.value as A, stale: false, storedAt: port.epoch() }
      throw error
    }
  }

  private age(option: string, value: DurationInput): number {
    const millis = toMillis(value)
    if (!(millis >= 0)) throw new InvalidPolicyOption(this.name, option, value, 'milliseconds or a duration such as "1 minute"')
    return millis
  }

  /** One call for all who miss this key at once; each of them may leave, and the last aborts it. */
  private shared<A>(options: CacheOptions, work: Work<A>): Promise<CacheEntry<A>> {
    const { key, signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    const flight: Flight<Shared> = this.cache.join(key, () => {
      const abort = new AbortController()
      const answer = this.call(work, { ...options, signal: abort.signal }).then((value) => this.keep(key, value))
      answer.then(() => this.cache.landed(key, flight), () => this.cache.landed(key, flight))
      return { abort, answer }
    })
    const leave = () => {
      if (this.cache.leave(key, flight)) flight.handle.abort.abort(signal?.reason)
    }
    const answer = flight.handle.answer as Promise<CacheEntry<A>>
    if (signal === undefined) return answer.finally(() => flight.waiters--)
    return new Promise<CacheEntry<A>>((resolve, reject) => {
      const onAbort = () => {
        leave()
        reject(signal.reason)
      }
      signal.addEventListener("abort", onAbort, { once: true })
      answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
    })
  }

  private keep<A>(key: string, value: A): CacheEntry<A> {
    const refused = refusedValue(value)
    if (refused !== undefined) throw new TypeError(`${this.name}.cached: ${refused}`)
    const { port } = this.dependency.currentLanes.timers
    if (this.dependency.outcomeOf(value, true) !== "success") throw new BadAnswer(value)
    return this.cache.store(key, value, port.now(), port.epoch()) as CacheEntry<A>
  }

  /** Breaker and statistics at this moment. */
  state(): DependencyState {
    return stateOf(this.dependency)
  }

  /** Hears of `breaker`, `retry`, `timeout` or `reject`; the returned function unsubscribes. */
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void {
    return this.dependency.on(type, listener)
  }

  /** Lets chaos play with the calls of this dependency until the returned function is called. */
  chaos(source: Chaos): () => void {
    const { dependency } = this
    dependency.chaos = source
    return () => {
      if (dependency.chaos === source) dependency.chaos = null
    }
  }

  /** Lets nothing through until `restore`. */
  isolate(): void {
    this.dependency.isolate()
  }

  /** Closes the breaker: lets it work again. */
  restore(): void {
    this.dependency.restore()
  }

  /** Changes the options that are given, from the next call on; state and calls in flight are kept. */
  update(options: PolicyOptions): void {
    this.dependency.update(options)
  }
}
