/**
 * All the breakers of one dependency: its own, one for each key, and the tie of its own to those of other processes. They tell
 * of every change, and count the openings.
 */
import {
  Breaker, type BreakerChanged, type BreakerReason, type BreakerSettings, type BreakerSnapshot, type BreakerState, readSnapshot
} from "./breaker.ts"
import { InvalidPolicyOption } from "../errors.ts"
import { Emitter } from "../events/events.ts"
import { KeyedBreakers } from "./keyedBreakers.ts"
import type { BreakerSharing, BreakerTie } from "./sharing.ts"
import { noStatistics } from "../events/statistics.ts"
import type { TimerPort } from "../time/timers.ts"

/** A breaker's state as JSON, and when it was taken, epoch ms. */
export type SavedBreaker = BreakerSnapshot & { readonly takenAt: number }

/** Of a breaker that only a person opens. */
const never: BreakerSettings = { failures: Infinity, openFor: 1, halfOpenCalls: 1, probeLease: 1, disabled: true }

export abstract class Breakers extends Emitter {
  readonly name: string
  breaker: Breaker | null = null
  /** When it last changed its state, epoch ms. */
  breakerSince: number | undefined = undefined
  readonly statistics = noStatistics()
  /** Tells other processes of the breaker, and it of them. */
  shared: BreakerTie | null = null
  private sharing: BreakerSharing | undefined = undefined
  private begun = false
  private own: BreakerSettings | undefined = undefined
  private keyed: KeyedBreakers | null = null
  private readonly moved: BreakerChanged = (from, to, reason) => this.breakerMoved(from, to, reason)

  constructor(name: string) {
    super()
    this.name = name
  }

  /** The clock at hand. */
  protected abstract get port(): TimerPort

  /** It is registered, and not only made to be compared: from now on it may speak to others. */
  begin(): void {
    this.begun = true
    this.share(this.sharing, this.port)
  }

  /** Stops speaking to others, and takes back what it said. Calls may still be made. */
  async close(): Promise<void> {
    const { shared } = this
    this.begun = false
    this.shared = null
    await shared?.close()
  }

  protected share(sharing: BreakerSharing | undefined, port: TimerPort): void {
    const { breaker, shared } = this
    this.sharing = sharing
    if (!this.begun) return
    if (sharing !== undefined && breaker !== null && shared?.breaker === breaker) return shared.update(sharing, port)
    void shared?.close()
    this.shared = sharing === undefined || breaker === null ? null : sharing.store.share({
      breaker, name: this.name, port, sharing, calls: () => this.statistics.calls, warn: (line) => this.emit("warning", { line })
    })
  }

  protected applyBreaker(breaker: BreakerSettings | undefined): void {
    this.own = breaker
    if (breaker === undefined) {
      if (this.breaker?.state.tag === "isolated") this.breaker.settings = never // by hand: until it is restored by hand
      else this.breaker = null
      this.keyed = null
    } else {
      if (this.breaker === null) this.breaker = new Breaker(breaker, this.moved)
      else this.breaker.settings = breaker
      if (this.keyed !== null) this.keyed.settings = breaker
    }
  }

  /** The breaker of this key, such as a tenant's or a host's; without a key, and while all is isolated, the one of all. */
  breakerOf(key: string | undefined): Breaker | null {
    if (key === undefined || this.own === undefined || this.breaker?.state.tag === "isolated") return this.breaker
    this.keyed ??= new KeyedBreakers(this.own, (of, from, to, reason) => this.breakerMoved(from, to, reason, of))
    return this.keyed.of(key)
  }

  private breakerMoved(from: BreakerState, to: BreakerState, reason: BreakerReason, key?: string): void {
    if (key === undefined) {
      this.breakerSince = this.port.epoch()
      this.shared?.moved(from, to)
    }
    if (to.tag === "open") this.statistics.openings++
    this.emit("breaker", { from: from.tag, to: to.tag, reason, key })
  }

  /** The keys whose breaker is not closed. */
  get openKeys(): ReadonlyArray<string> {
    return this.keyed === null ? [] : this.keyed.states().filter(({ state }) => state.tag !== "closed").map(({ key }) => key)
  }

  /** Lets nothing through until `restore`, also where there is no breaker otherwise. */
  isolate(): void {
    this.breaker ??= new Breaker(never, this.moved)
    this.breaker.isolate()
  }

  restore(): void {
    this.breaker?.restore()
  }

  /** The breaker's state as plain JSON, for a process that starts again during an outage; undefined where there is none. */
  snapshot(): SavedBreaker | undefined {
    const { port } = this
    return this.breaker === null ? undefined : { ...this.breaker.snapshot(port.now()), takenAt: port.epoch() }
  }

  /** Goes on from a snapshot, aged by the time since. What is none throws `InvalidPolicyOption`, and nothing was changed. */
  hydrate(saved: unknown): void {
    const { port } = this
    const snapshot = readSnapshot(saved)
    const { takenAt } = (saved ?? {}) as { readonly takenAt?: unknown }
    if (snapshot === undefined || typeof takenAt !== "number" || !Number.isFinite(takenAt)) {
      throw new InvalidPolicyOption(this.name, "snapshot", saved, "what snapshot() gave, as it was or as JSON.parse gives it back")
    }
    this.breaker?.hydrate(snapshot, port.now(), Math.max(0, port.epoch() - takenAt))
  }
}
