/**
 * A breaker that processes share, seen from one of them. Its calls go by the local `Breaker`, at once and whatever the store
 * does; behind it, this is where the two are told of each other.
 *
 *   on its own        the store says closed. The local breaker does as if it were alone; while it is open by itself this process
 *                     votes. Alone in its failures it opens nobody else, and it probes for itself.
 *   following         the store says open, or half-open for another, or isolated. The local breaker is held open: it is told
 *                     again in every exchange, and would begin to probe by itself only a `lease` after it was last told.
 *   probing           the store gave this process the lease. The local breaker is half-open, and what comes of it is the verdict
 *                     for all. The lease is renewed while calls come or a probe is at work, and else left to another.
 *
 * The store decides who is alive, whether the votes are enough, when an opening is over, who probes, and for how long: by its
 * own clock, and only lengths of time come back. The local clock decides when to ask again, and when a lease or a hold of
 * this process is over: counted from before it asked, so never later than the store thinks. How far clocks are apart does not
 * matter.
 *
 * Survived:
 *   the store is down, slow or hangs   no call waits for it. Nothing is told again, so the hold runs out, and each process goes by its
 *                                      own breaker until the store answers; what it had to say by then is said first
 *   a process dies                     its vote and its lease are over a `lease` later, and another probes
 *   an answer or a request comes late  votes, verdicts and commands count in the generation they were made in; a request that was
 *                                      overtaken by a newer one of the same process changes nothing
 *   one process is sick                it opens itself; the others go on until a quorum of those alive says the same
 *   one process is cut off             it goes on by its own, and follows again when it is back
 *
 * What a person does by hand is for all: who isolates a dependency means the dependency, not the one process of many that
 * happened to hear of it. It holds here at once, and is asked of the store until the store has done it.
 */
import type { Breaker, BreakerState } from "./breaker.ts"
import { type Exchanger, exchangerOf } from "./breakerExchanger.ts"
import type { BreakerAction, BreakerExchange, SharedBreakerState } from "./shared.ts"
import type { BreakerSharing, BreakerTie, SharedBreakerParts } from "./sharing.ts"
import type { TimerHandle, TimerPort } from "../time/timers.ts"

type Command = "isolate" | "restore"

export class SharedBreaker implements BreakerTie {
  readonly breaker: Breaker
  readonly warn: (line: string) => void
  /** What the store said last. */
  shared: SharedBreakerState | undefined = undefined
  /** Whether the store lets this process probe, by the local clock too. */
  probing = false
  /** Whether the local breaker is held by what the store said. */
  following = false
  private readonly name: string
  private readonly key: string
  private readonly instance: string
  private readonly calls: () => number
  private sharing: BreakerSharing
  private port: TimerPort
  private exchanger: Exchanger
  private lease: TimerHandle | null = null
  private command: Command | undefined = undefined
  private verdict: { readonly generation: number; readonly action: BreakerAction } | undefined = undefined
  /** The vote that the store has counted. */
  private told = false
  private turn = 0
  private seenCalls: number
  private calledAt = Number.NEGATIVE_INFINITY

  constructor({ breaker, calls, key = "", name, port, sharing, warn }: SharedBreakerParts) {
    this.breaker = breaker
    this.name = name
    this.key = key
    this.calls = calls
    this.warn = warn
    this.sharing = sharing
    this.port = port
    this.seenCalls = calls()
    this.instance = `${digits(port)}${digits(port)}`
    if (breaker.state.tag === "isolated") this.command = "isolate"
    this.exchanger = exchangerOf(sharing.store, sharing.interval, port)
    this.exchanger.join(this)
  }

  update(sharing: BreakerSharing, port: TimerPort = this.port): void {
    this.sharing = sharing
    this.port = port
    const exchanger = exchangerOf(sharing.store, sharing.interval, port)
    if (exchanger === this.exchanger) return
    void this.close()
    this.exchanger = exchanger
    this.shared = this.verdict = undefined // what is known is of another store, or on its way by another clock
    this.told = false
    this.calledAt = Number.NEGATIVE_INFINITY
    exchanger.join(this)
  }

  close(): Promise<void> {
    this.endProbe()
    return this.exchanger.leave(this, this.shared === undefined ? undefined : this.request("leave"))
  }

  /** Whether the store answered when it was asked last. */
  get connected(): boolean {
    return this.exchanger.connected
  }

  private get generation(): number {
    return this.shared?.generation ?? 0
  }

  private get vote(): boolean {
    const { tag } = this.breaker.state
    return !this.following && (tag === "open" || tag === "half-open")
  }

  /** Whether there is something that the store does not know. */
  get pending(): boolean {
    return this.shared === undefined || this.command !== undefined || this.verdict !== undefined || this.vote !== this.told
  }

  /** Whether the store is to be asked now. */
  wants(now: number): boolean {
    this.look(now)
    return this.pending || this.calling(now) || this.shared?.state !== "closed"
  }

  private look(now: number): void {
    const calls = this.calls()
    if (calls === this.seenCalls) return
    this.seenCalls = calls
    this.calledAt = now
  }

  private calling(now: number): boolean {
    return now - this.calledAt < this.sharing.interval
  }

  /** What to tell and ask of the store. */
  ask(now: number): BreakerExchange {
    const counts = (this.calling(now) || this.atWork(now)) && this.breaker.settings.disabled !== true
    return { ...this.request(this.action(now)), vote: this.vote, lease: counts ? this.sharing.lease : 0 }
  }

  private request(action: BreakerAction): BreakerExchange {
    const { growth, openFor } = this.breaker.settings
    const { minimumVotes, quorum } = this.sharing
    return {
      name: this.name, key: this.key, instance: this.instance, turn: ++this.turn, generation: this.generation, vote: false, action, lease: 0,
      quorum, minimumVotes, openFor, growth
    }
  }

  private action(now: number): BreakerAction {
    if (this.command !== undefined) return this.command
    if (this.verdict !== undefined) return this.verdict.action
    const state = this.shared?.state
    const probes = (state === "open" || state === "half-open") && this.breaker.settings.disabled !== true
    return probes && (this.calling(now) || this.atWork(now)) ? "probe" : "none"
  }

  private atWork(now: number): boolean {
    const { state } = this.breaker
    return this.probing && state.tag === "half-open" && state.probes.some(({ until }) => until > now)
  }

  moved(from: BreakerState, to: BreakerState): void {
    if (to.reason === "shared") return
    if (to.reason === "isolated") this.command = "isolate"
    else if (to.reason === "restored") this.command = "restore"
    else if (this.probing && from.tag === "half-open" && (to.reason === "probes-succeeded" || to.reason === "probe-failed")) {
      this.verdict = { generation: this.generation, action: to.tag === "closed" ? "succeeded" : "failed" }
    }
    this.endProbe()
    if (to.tag === "closed") this.following = false
    if (this.command === undefined) this.calledAt = this.port.now() // a call has brought it about
    if (this.pending) this.exchanger.soon()
  }

  /** The store's answer to what was asked at `sentAt`. */
  heard(answer: SharedBreakerState, asked: BreakerExchange, sentAt: number, now: number): void {
    const news = this.shared !== undefined && answer.generation !== this.generation
    this.shared = answer
    this.told = asked.vote && asked.generation === answer.generation
    if (this.verdict !== undefined && this.verdict.generation !== answer.generation) this.verdict = undefined
    if (this.command !== undefined && asked.action === this.command && done(this.command, answer)) this.command = undefined
    if (this.command === undefined && this.verdict === undefined) this.adopt(answer, news, sentAt, now)
  }

  private adopt(answer: SharedBreakerState, news: boolean, sentAt: number, now: number): void {
    const { breaker, following } = this
    const { tag } = breaker.state
    if (answer.probing) return this.mayProbe(answer, sentAt, now)
    this.endProbe()
    this.following = answer.state !== "closed"
    if (answer.state === "isolated") {
      if (tag !== "isolated") breaker.hydrate({ state: "isolated" }, now)
    } else if (answer.state !== "closed") this.hold(answer.left, answer.reopenings, now)
    else if (tag !== "closed" && (following || (news && answer.reason === "restored"))) {
      breaker.hydrate({ state: "closed", failures: 0, rampLeft: breaker.settings.rampUp ?? 0 }, now)
    }
  }

  private mayProbe({ left, reopenings }: SharedBreakerState, sentAt: number, now: number): void {
    const until = sentAt + left
    if (until <= now) return this.hold(0, reopenings, now) // the answer took as long as the lease
    if (!this.probing) this.breaker.hydrate({ state: "half-open", reopenings }, now)
    this.endProbe()
    this.probing = this.following = true
    this.lease = this.port.at(until - now, () => this.hold(0, reopenings, this.port.now())) // another may have it already
    this.lease.hold(false)
  }

  /** Open for as long as the store says, and for a lease longer: by then the store has said more, or cannot be reached. */
  private hold(left: number, reopenings: number, now: number): void {
    this.probing = false
    this.following = true
    this.breaker.hydrate({ state: "open", openLeft: left + this.sharing.lease, reopenings }, now)
  }

  private endProbe(): void {
    this.probing = false
    this.lease?.cancel()
    this.lease = null
  }
}

const done = (command: Command, { reason, state }: SharedBreakerState): boolean =>
  command === "isolate" ? state === "isolated" : state === "closed" && reason === "restored"

const digits = (port: TimerPort): string => Math.floor(port.random() * 2 ** 52).toString(36).padStart(11, "0")
