/**
 * Tells a store of all shared breakers of this process, in one round trip for all of them, however many they are.
 *
 *   waiting --- the interval is over, or something has changed ---> asking --- answered ---> waiting
 *      ^                                                              |
 *      +------ longer each time, up to half a minute, with jitter ----+ failed, or not answered in time
 *
 * While there is nothing to tell and no call, the store is not asked. An exchange that hangs may hold a connection of the host's
 * pool until the network gives up, which takes a quarter of an hour: there are at most two of them in five minutes.
 */
import { formatMillis } from "../time/duration.ts"
import { explain } from "../health/health.ts"
import type { BreakerExchange, SharedBreakerState } from "./shared.ts"
import type { BreakerStorePort } from "./sharing.ts"
import type { TimerHandle, TimerPort } from "../time/timers.ts"

/** One breaker, as the exchanger knows it. */
export interface Exchanging {
  readonly pending: boolean
  wants(now: number): boolean
  ask(now: number): BreakerExchange
  heard(answer: SharedBreakerState, asked: BreakerExchange, sentAt: number, now: number): void
  warn(line: string): void
}

const longestWait = 30_000
const longestTimeout = 1000
const mostUnanswered = 2
const unansweredFor = 300_000
const warnEvery = 60_000
/** Exchanges right after another, as when a vote was for the generation before: no more in a row. */
const mostAtOnce = 3

export class Exchanger {
  readonly interval: number
  readonly port: TimerPort
  private readonly store: BreakerStorePort
  private readonly members = new Set<Exchanging>()
  private readonly timeout: number
  private timer: TimerHandle | null = null
  private due = Infinity
  private flight: Promise<void> | undefined = undefined
  private atOnce = 0
  private failures = 0
  /** When each exchange was sent that has not been answered in any way. */
  private readonly unanswered = new Set<{ readonly at: number }>()
  private warnedAt = Number.NEGATIVE_INFINITY

  constructor(store: BreakerStorePort, interval: number, port: TimerPort) {
    this.store = store
    this.interval = interval
    this.port = port
    this.timeout = Math.min(interval, longestTimeout)
  }

  /** Whether the last exchange was answered. */
  get connected(): boolean {
    return this.failures === 0
  }

  join(member: Exchanging): void {
    this.members.add(member)
    this.soon()
  }

  /** Says good-bye for a member that the store knows, once nothing of it is on its way. Never rejects. */
  async leave(member: Exchanging, goodbye: BreakerExchange | undefined): Promise<void> {
    if (!this.members.delete(member)) return
    if (this.members.size === 0) this.disarm()
    await this.flight
    if (this.connected && goodbye !== undefined) await this.send([goodbye]).catch(() => {})
  }

  /** Something has changed: the store hears of it at once, or right after what is on its way, unless it did not answer the last time. */
  soon(): void {
    if (this.flight === undefined && this.connected) this.arm(0)
  }

  private arm(delay: number): void {
    const due = this.port.now() + delay
    if (this.timer !== null && this.due <= due) return
    this.disarm()
    this.due = due
    this.timer = this.port.at(delay, () => this.tick())
    this.timer.hold(false)
  }

  private disarm(): void {
    this.timer?.cancel()
    this.timer = null
  }

  private tick(): void {
    this.timer = null
    const now = this.port.now()
    const asking = [...this.members].filter((member) => member.wants(now))
    if (asking.length === 0) return this.rest()
    const hanging = [...this.unanswered].filter(({ at }) => now - at < unansweredFor).length
    if (hanging >= mostUnanswered) return this.failed(new Error(`${hanging} exchanges hang`))
    this.flight = this.exchange(asking, now).finally(() => {
      this.flight = undefined
      if (this.members.size > 0) this.rest()
    })
  }

  private async exchange(asking: ReadonlyArray<Exchanging>, sentAt: number): Promise<void> {
    const asked = asking.map((member) => member.ask(sentAt))
    try {
      const answers = await this.send(asked)
      this.failures = 0
      const now = this.port.now()
      asking.forEach((member, index) => {
        if (this.members.has(member)) member.heard(answers[index]!, asked[index]!, sentAt, now)
      })
    } catch (error) {
      this.failed(error)
    }
  }

  /** Rejects when there is no answer in time, or none that makes sense. */
  private send(asked: ReadonlyArray<BreakerExchange>): Promise<ReadonlyArray<SharedBreakerState>> {
    return new Promise((resolve, reject) => {
      const abort = new AbortController()
      const timer = this.port.at(this.timeout, () => {
        reject(new Error(`no answer within ${formatMillis(this.timeout)}`))
        abort.abort()
      })
      timer.hold(false)
      const sent = { at: this.port.now() }
      this.unanswered.add(sent)
      new Promise<ReadonlyArray<SharedBreakerState>>((begun) => begun(this.store.exchange(asked, abort.signal))).then((answers) => {
        if (answers.length === asked.length && answers.every(makesSense)) resolve(answers)
        else reject(new Error("the answer makes no sense"))
      }).catch(reject).finally(() => {
        this.unanswered.delete(sent)
        timer.cancel()
      })
    })
  }

  private failed(error: unknown): void {
    this.failures++
    const now = this.port.now()
    if (now - this.warnedAt >= warnEvery) {
      this.warnedAt = now
      const [first] = this.members
      first?.warn(`Shared breakers: the store cannot be reached, each process goes by its own (${explain(error)})`)
    }
    if (this.flight === undefined) this.rest()
  }

  /** Until the next look: not together with all other processes. */
  private rest(): void {
    const { failures, interval } = this
    const chance = this.port.random()
    if (failures > 0) return this.arm(Math.max(interval, Math.min(longestWait, interval * 2 ** failures) * (0.5 + chance / 2)))
    const again = [...this.members].some(({ pending }) => pending) && this.atOnce < mostAtOnce
    this.atOnce = again ? this.atOnce + 1 : 0
    this.arm(again ? 0 : interval * (1 - chance / 10))
  }
}

const tags: ReadonlyArray<unknown> = ["closed", "open", "half-open", "isolated"]

const makesSense = ({ generation, left, reopenings, state }: SharedBreakerState): boolean =>
  tags.includes(state) && Number.isSafeInteger(generation) && Number.isSafeInteger(reopenings) && left >= 0 && left < Infinity

const exchangers = new WeakMap<BreakerStorePort, Array<Exchanger>>()

/** The one of this store, for all who exchange as often and by the same clock. */
export const exchangerOf = (store: BreakerStorePort, interval: number, port: TimerPort): Exchanger => {
  const all = exchangers.get(store) ?? []
  exchangers.set(store, all)
  const known = all.find((one) => one.interval === interval && one.port === port)
  if (known !== undefined) return known
  const made = new Exchanger(store, interval, port)
  all.push(made)
  return made
}
