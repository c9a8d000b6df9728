/** A named dependency of the host, with promises: an HTTP API, an SDK of somebody else's, anything that is called and can fail. */
import { Attempt } from "../core/call/attempt.ts"
import type { CacheEntry } from "../core/cache/cache.ts"
import type { Chaos } from "../core/call/chaos.ts"
import type { SavedBreaker } from "../core/breaker/breakers.ts"
import { type Dependency, type DependencyState, stateOf } from "../core/dependency.ts"
import type { CacheState } from "../core/cache/dependencyCache.ts"
import type { Events } from "../core/events/events.ts"
import { type PolicyOptions } from "../core/options.ts"
import { type Batched, type BatchedOptions, makeBatched } from "./batched.ts"
import { Cache, type CacheOptions } from "./cache.ts"
import { type CallOptions, PromiseCall, type Work } from "./call.ts"
import { inheritedDeadline } from "./inherited.ts"

/** What everybody may see of an api. */
export interface ApiState extends DependencyState {
  readonly cache: CacheState
}

/** What the caller is given instead of a failure. */
export interface Fallback<B> {
  /** Hears of the call's last error or of the policy's rejection; not asked when the caller itself aborted. */
  readonly fallback?: ((error: unknown) => B | PromiseLike<B>) | undefined
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
  /** What `cached` keeps: `cache.invalidate(key)`, `cache.clear()`, `cache.state()`. */
  readonly cache: Cache
  private readonly dependency: Dependency
  /** Whether its calls take the deadline of the call around them, and hand on their own. */
  private readonly inherits: boolean
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
    this.cache = new Cache(dependency, (work, options) => this.call(work, options), { inherits, settings: dependency.settings.cache })
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
      call.begin(this.inherits ? Math.min(options?.deadline ?? Infinity, inheritedDeadline()) : options?.deadline ?? Infinity)
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

  /**
   * Gathers what is asked for one by one, and asks for it together. The policy stands around the batch. Make it once.
   *
   * @example
   * import { createOutrigger } from "@outrigger/sdk/promise"
   *
   * const github = createOutrigger({ service: "shop" }).api("github")
   * const userById = github.batched("users", {
   *   maxSize: 50,
   *   delay: "5 millis",
   *   run: async (ids: ReadonlyArray<number>, { signal }) => {
   *     const response = await fetch(`https://api.example.com/users?ids=${ids.join()}`, { signal })
   *     const users = await response.json() as ReadonlyArray<{ id: number, login: string }>
   *     return new Map(users.map((user) => [user.id, user]))
   *   }
   * })
   * const [ada, bob] = await Promise.all([userById(7), userById(9)])
   */
  batched<Id, M, Key = Id>(operation: string, options: BatchedOptions<Id, M, Key>): Batched<Id, Exclude<M, Error>> {
    const { dependency, inherits, name } = this
    const port = () => dependency.currentLanes.timers.port
    return makeBatched({ name, port, inherits, call: (work, call) => this.call(work, call) }, operation, options)
  }

  /**
   * The fresh answer of this key, or the call's, which is one for all who ask at once. An older answer is served while it is
   * renewed behind (`staleWhileRevalidate`), or when the call is rejected or fails (`staleIfError`).
   */
  cached<A>(options: CacheOptions, work: Work<A>): Promise<A> {
    return this.cache.value(options, work)
  }

  /** As `cached`, and says whether the answer is stale and when it was stored. */
  cachedEntry<A>(options: CacheOptions, work: Work<A>): Promise<CacheEntry<A>> {
    return this.cache.entry(options, work)
  }

  /** Its options at this moment, as they were given and updated. */
  get options(): PolicyOptions {
    return this.dependency.options as PolicyOptions
  }

  /** Breaker and statistics at this moment. */
  state(): ApiState {
    return { ...stateOf(this.dependency), cache: this.cache.state() }
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

  /** The breaker's state as plain JSON, to keep for the next start of the process; undefined where there is no breaker. */
  snapshot(): SavedBreaker | undefined {
    return this.dependency.snapshot()
  }

  /** Goes on from what `snapshot` gave, aged by the time since. What is none throws `InvalidPolicyOption`. */
  hydrate(saved: SavedBreaker): void {
    this.dependency.hydrate(saved)
  }

  /** Changes the options that are given, from the next call on; state and calls in flight are kept. */
  update(options: PolicyOptions): void {
    this.dependency.update(options)
  }
}
