/**
 * What a process spends of a limit that it shares: an allotment from the shared bucket, taken ahead of need, so that a call
 * is admitted at once and without a question. The store is asked in the background, one question at a time.
 *
 *            a call finds too little, or less than half of what is kept ahead; a third of the lease went by
 *          +-------------------------------------------------------------------------------------+
 *          v                                                                                     |
 *       asking --- answered ---> together: spends what it holds until the lease ends ------------+
 *          |                                                                                     |
 *          +--- no answer in a second, or an error ---> alone: spends its share of the limit, and asks from time to time
 *
 * The shared bucket's own essay (`sharedBucket.ts`) says why the sum never exceeds the limit. Here that means: spend nothing
 * after the lease, which counts from before the question was sent and is trusted for nine tenths of it, for clocks differ; never hold
 * on to what is too little for the call that waits (it is given back, and asked for as a whole, or two such processes would
 * wait for each other for ever); and hear only the answer to the last question.
 */
import type { Meter, MeterSettings } from "./meter.ts"
import type { Sharing, SharingState } from "./rateLimit.ts"
import type { Allotment, AllotmentRequest } from "./sharedBucket.ts"
import type { TimerHandle, TimerPort } from "../time/timers.ts"
import { TokenBucket } from "./tokenBucket.ts"

/** Milliseconds: how long an allotment is its holder's, and how long it is trusted. */
export const lease = 10_000
const trusted = 9000
/** An answer that takes longer counts as none. */
const patience = 1000
/** At most so long between two questions while alone: growing by half, and spread over the upper half of it. */
const retryFirst = 1000
const retryMost = 5000
/** Who made no call for so long gives all back and leaves. */
const idleFor = 60_000
/** How far ahead is looked for what will be needed. */
const horizon = 1000

/** Who waits before the meter. */
export interface Demand {
  readonly port: TimerPort
  /** Of the head of the line; 0 when nobody waits. */
  readonly first: number
  /** Of all who wait. */
  readonly waiting: number
  /** More may pass now. */
  wake(now: number): void
}

export class SharedMeter implements Meter {
  private readonly name: string
  private settings: MeterSettings
  sharing: Sharing
  private readonly told: (state: SharingState) => void
  private demand!: Demand
  private process = ""
  private turn = 0
  /** How many share the limit, as far as is known. */
  private processes: number
  private held = 0
  /** No longer its own then. */
  private endsAt = Number.NaN
  /** No question before it; Infinity while one is on its way. */
  private askAt = Number.NaN
  private sentAt = Number.NaN
  /** When there may be enough for the head, as far as is known. */
  private readyAt = Number.NaN
  /** The last answer gave all that was wanted: the bucket is not known to be empty. */
  private plenty = true
  /** What somebody found too little for. */
  private short = 0
  /** Since the last question: the store does not know of it yet. */
  private spentSince = 0
  private tellsSoon = false
  /** Half the bucket by the number of processes: as much may each keep ahead, and as much may the store not know of. */
  private fair = 0
  private usedAt = Number.NaN
  /** Weight spent per millisecond, of late. */
  private rate = Number.NaN
  /** Alone: its own share of the limit, and how much that holds. */
  private own: TokenBucket | null = null
  private ownBurst = 0
  private failures = 0
  private timer: TimerHandle | null = null

  constructor(name: string, settings: MeterSettings, sharing: Sharing, told: (state: SharingState) => void) {
    this.name = name
    this.settings = settings
    this.sharing = sharing
    this.told = told
    this.processes = sharing.processes
    this.rate = 0
    this.fair = fairOf(settings, this.processes)
  }

  /** Before anything else: for whom it measures. */
  attach(demand: Demand): void {
    this.demand = demand
    const { port } = demand
    this.restart(port.now())
    this.process = `${port.epoch().toString(36)}-${Math.floor(port.random() * 2 ** 52).toString(36)}-${(instances++).toString(36)}`
  }

  /** A question is on its way, and nothing says yet that there is too little. */
  get unsure(): boolean {
    return this.askAt === Infinity && this.plenty && this.own === null
  }

  take(weight: number, now: number): boolean {
    const passes = this.spend(weight, now)
    if (passes) {
      this.spentSince += weight
      this.usedAt = now
      if (this.spentSince > this.fair) this.tellSoon(now)
    } else this.short = weight
    if (now >= this.askAt && (!passes || this.own !== null || this.held * 2 < this.ahead())) this.ask()
    return passes
  }

  /** Until it is worth to look again. */
  wait(weight: number, now: number): number {
    if (this.own !== null) return Math.max(1, Math.min(this.own.wait(weight, now), this.askAt - now))
    if (now < this.endsAt && this.held >= weight) return 0
    return this.askAt === Infinity ? patience : Math.max(0, Math.ceil(this.askAt - now))
  }

  /** The earliest time at which so much may have passed, in ms from now. */
  estimate(weight: number, now: number): number {
    if (this.own !== null) return this.own.wait(weight, now)
    const missing = weight - (now < this.endsAt ? this.held : 0)
    if (missing <= 0) return 0
    const { burst, limit, window } = this.settings
    const rest = this.plenty ? missing - burst : missing - 1
    return Math.ceil(Math.max(0, this.readyAt - now) + Math.max(0, (rest * window) / limit))
  }

  spent(): number {
    return 0
  }

  update(settings: MeterSettings, now: number): void {
    this.settings = settings
    this.fair = fairOf(settings, this.processes)
    if (this.own !== null) this.hold(this.share.burst, Math.max(0, this.share.burst - this.own.spent(now)), now)
  }

  /** Gives all back. */
  leave(now: number): void {
    if (this.timer !== null) this.send(now, 0) // or the store knows nothing of it, or cannot be reached
    this.restart(now)
  }

  /** Has nothing, awaits nothing and knows nothing: the next call begins anew. */
  restart(now: number): void {
    this.turn++
    this.disarm()
    this.own = null
    this.held = 0
    this.plenty = true
    this.endsAt = this.askAt = this.readyAt = -Infinity
    this.sentAt = this.usedAt = now
  }

  private spend(weight: number, now: number): boolean {
    if (this.own !== null) {
      if (weight > this.ownBurst) this.hold(weight, this.ownBurst - this.own.spent(now), now) // heavy calls pass alone as well, at that rate
      return this.own.take(weight, now)
    }
    if (now >= this.endsAt) this.held = 0
    if (this.held < weight) return false
    this.held -= weight
    return true
  }

  /** What is kept ahead of need: what a second takes, and no more than is fair; nothing while idle. */
  private ahead(): number {
    return this.rate === 0 ? 0 : Math.min(this.fair, Math.max(1, Math.ceil(this.rate * horizon)))
  }

  /** The bucket is not refilled with what it thinks is still held: where that is much, it must know that it was spent. */
  private tellSoon(now: number): void {
    if (this.own !== null || this.askAt === Infinity) return
    if (now >= this.askAt) return this.ask()
    if (this.tellsSoon) return
    this.tellsSoon = true
    this.arm(this.askAt - now, () => this.rest())
  }

  /** In a moment: all calls of this turn have come by then. */
  private ask(): void {
    this.askAt = Infinity
    void Promise.resolve().then(() => this.send(this.demand.port.now(), lease))
  }

  private send(now: number, lease: number): void {
    this.measure(now)
    const request = this.requestOf(lease)
    const { turn, want } = request
    this.askAt = Infinity
    this.sentAt = now
    this.short = 0
    this.held = request.holds
    this.arm(patience, () => this.failed(turn, new Error("The store of the limit did not answer within a second")))
    const asked = async () => this.sharing.store.take(request)
    asked().then((answer) => this.answered(turn, want, answer), (error: unknown) => this.failed(turn, error))
  }

  private measure(now: number): void {
    const elapsed = Math.max(0, now - this.sentAt)
    this.rate = this.spentSince === 0 && elapsed >= horizon ? 0 : (this.rate * horizon + this.spentSince) / (horizon + elapsed)
    this.spentSince = 0
    if (now >= this.endsAt) this.held = 0
  }

  /** Keeps what it has where that is enough for whoever waits or was turned away, and else gives it back and asks for all. */
  private requestOf(lease: number): AllotmentRequest {
    const { burst, limit, window } = this.settings
    const { first, waiting } = this.demand
    const needs = lease === 0 ? 0 : Math.min(burst, first > 0 ? first : this.short)
    const goal = lease === 0 ? 0 : Math.max(needs, Math.min(burst, waiting + this.ahead()))
    const holds = this.held < needs ? 0 : Math.min(this.held, goal)
    return {
      name: this.name, process: this.process, turn: ++this.turn, limit, window, burst, lease,
      holds, back: this.held - holds, least: holds < needs ? needs : 0, want: goal - holds
    }
  }

  private answered(turn: number, want: number, { granted, kept, processes, retryAfter }: Allotment): void {
    if (turn !== this.turn) return
    const now = this.demand.port.now()
    this.held = Math.min(this.held, kept) + granted
    this.endsAt = this.sentAt + trusted
    this.processes = Math.max(1, processes)
    this.fair = fairOf(this.settings, this.processes)
    this.plenty = granted >= want
    this.readyAt = now + retryAfter
    this.askAt = this.plenty ? now : now + Math.max(pauseOf(this.settings) * (0.5 + this.demand.port.random()), retryAfter)
    this.failures = 0
    this.tellsSoon = false
    this.arm(lease / 3, () => this.rest())
    if (this.own !== null) {
      this.own = null
      this.told({ together: true, processes: this.processes, error: undefined })
    }
    this.demand.wake(now)
    if (this.spentSince > this.fair) this.tellSoon(this.demand.port.now())
  }

  private failed(turn: number, error: unknown): void {
    if (turn !== this.turn) return
    this.turn++ // an answer that comes yet is void
    this.disarm()
    const { port } = this.demand
    const now = port.now()
    this.askAt = now + Math.min(retryMost, retryFirst * 1.5 ** this.failures++) * (1 + port.random()) / 2
    if (this.own === null) {
      const { burst } = this.share
      this.hold(burst, now < this.endsAt ? Math.min(burst, this.held) : 0, now)
      this.held = 0
      this.told({ together: false, processes: this.assumed, error })
    }
    this.demand.wake(now)
  }

  /** A third of the lease is over: stays among those who share the limit, or leaves. */
  private rest(): void {
    const now = this.demand.port.now()
    if (this.askAt === Infinity) return
    if (this.demand.first > 0 || now - this.usedAt < idleFor) return this.send(now, lease)
    this.send(now, 0)
    this.restart(now)
  }

  private get assumed(): number {
    return Math.max(this.processes, this.sharing.processes)
  }

  /** The limit by the number of those who share it. */
  private get share(): MeterSettings {
    const { burst, limit, window } = this.settings
    return { limit, window: window * this.assumed, burst: Math.max(1, Math.floor(burst / this.assumed)) }
  }

  /** Alone from now on, or still: with a bucket that holds so much, and has so much. */
  private hold(burst: number, left: number, now: number): void {
    this.own = new TokenBucket({ ...this.share, burst }, burst - left, now)
    this.ownBurst = burst
  }

  private arm(delay: number, fire: () => void): void {
    this.disarm()
    this.timer = this.demand.port.at(delay, () => {
      this.timer = null
      fire()
    })
    this.timer.hold(false)
  }

  private disarm(): void {
    this.timer?.cancel()
    this.timer = null
  }
}

/** Between two questions while there is too little: rarely, but before a small bucket could be full. */
const pauseOf = ({ burst, limit, window }: MeterSettings): number => Math.max(1, Math.min(100, window / 20, (burst * window) / limit / 4))

const fairOf = ({ burst }: MeterSettings, processes: number): number => Math.floor(burst / (2 * processes))

/** In this process. */
let instances = 0
