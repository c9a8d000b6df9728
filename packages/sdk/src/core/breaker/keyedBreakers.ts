/**
 * A breaker for each key, such as a tenant or a host: one that is down does not shut out the others. All have the same
 * settings. Keys come from outside, so there is a cap on them. When a new one needs room, what is closed and was used longest
 * ago goes first; only when none is closed, the one that is nearest its end. An isolated one has no end.
 */
import { Breaker, type BreakerReason, type BreakerSettings, type BreakerState } from "./breaker.ts"

export type KeyedBreakerChanged = (key: string, from: BreakerState, to: BreakerState, reason: BreakerReason) => void

const endOf = (state: BreakerState): number =>
  state.tag === "open" ? state.until : state.tag === "isolated" ? Infinity : Number.NEGATIVE_INFINITY

export class KeyedBreakers {
  /** Closed ones, those used longest ago first; a Map keeps the order in which it was filled. */
  private readonly calm = new Map<string, Breaker>()
  private readonly troubled = new Map<string, Breaker>()
  private newest: string | undefined = undefined
  private current: BreakerSettings
  private readonly changed: KeyedBreakerChanged

  constructor(settings: BreakerSettings, changed: KeyedBreakerChanged) {
    this.current = settings
    this.changed = changed
  }

  get settings(): BreakerSettings {
    return this.current
  }

  /** From now on, for all keys. States and counts are kept, as in a single breaker. */
  set settings(settings: BreakerSettings) {
    this.current = settings
    for (const breaker of [...this.calm.values(), ...this.troubled.values()]) breaker.settings = settings
    while (this.size > this.maxKeys) this.evict()
  }

  get size(): number {
    return this.calm.size + this.troubled.size
  }

  private get maxKeys(): number {
    return this.current.maxKeys ?? 1000
  }

  /** The breaker of this key, made when it is first asked for. */
  of(key: string): Breaker {
    const calm = this.calm.get(key)
    if (calm === undefined) return this.troubled.get(key) ?? this.make(key)
    if (key !== this.newest) {
      this.calm.delete(key)
      this.calm.set(key, calm)
      this.newest = key
    }
    return calm
  }

  /** The breaker of this key, if there is one. To look is not to use. */
  peek(key: string): Breaker | undefined {
    return this.calm.get(key) ?? this.troubled.get(key)
  }

  /** Of every key; those that are not closed first. */
  states(): ReadonlyArray<{ readonly key: string; readonly state: BreakerState }> {
    return [...this.troubled, ...this.calm].map(([key, { state }]) => ({ key, state }))
  }

  private make(key: string): Breaker {
    if (this.size >= this.maxKeys) this.evict()
    const breaker = new Breaker(this.current, (from, to, reason) => this.moved(key, breaker, from, to, reason))
    this.calm.set(key, breaker)
    this.newest = key
    return breaker
  }

  /** Calls may still hold a breaker that has gone: what becomes of it is nobody's business any more. */
  private moved(key: string, breaker: Breaker, from: BreakerState, to: BreakerState, reason: BreakerReason): void {
    if (this.peek(key) !== breaker) return
    const [home, other] = to.tag === "closed" ? [this.calm, this.troubled] : [this.troubled, this.calm]
    other.delete(key)
    home.set(key, breaker)
    if (to.tag === "closed") this.newest = key
    this.changed(key, from, to, reason)
  }

  private evict(): void {
    const [oldest] = this.calm.keys()
    if (oldest !== undefined) {
      this.calm.delete(oldest)
      return
    }
    let nearest: string | undefined
    let end = Number.NaN
    for (const [key, { state }] of this.troubled) {
      if (nearest !== undefined && !(endOf(state) < end)) continue
      nearest = key
      end = endOf(state)
    }
    if (nearest !== undefined) this.troubled.delete(nearest)
  }
}
