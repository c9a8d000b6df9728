/** Several processes that share a limit through one store in memory, on one clock that is moved by hand. */
import { limiterStore, type LimiterStorePort, LimiterTable } from "../../src/core/limits/limiterStore.ts"
import type { RateLimitSettings, SharingState } from "../../src/core/limits/rateLimit.ts"
import { SharedLimit } from "../../src/core/limits/sharedLimit.ts"
import type { TimerPort } from "../../src/core/time/timers.ts"

interface Timer {
  readonly due: number
  readonly fire: () => void
  gone: boolean
}

/** Promises settle between two timers; nothing else does. */
export class Clock implements TimerPort {
  time = 0
  timers: Array<Timer> = []
  private seed: number

  constructor(seed = 1) {
    this.seed = seed
  }

  readonly now = () => this.time
  readonly epoch = () => 1_700_000_000_000 + this.time
  readonly random = () => (this.seed = (this.seed * 16_807) % 2_147_483_647) / 2_147_483_647
  readonly at = (delay: number, fire: () => void) => {
    const timer: Timer = { due: this.time + Math.max(0, delay), fire, gone: delay === Infinity }
    if (!timer.gone) {
      let at = this.timers.length
      while (at > 0 && this.timers[at - 1]!.due > timer.due) at--
      this.timers.splice(at, 0, timer)
    }
    return { cancel: () => { timer.gone = true }, hold() {} }
  }

  async pass(millis: number): Promise<void> {
    const end = this.time + millis
    for (;;) {
      for (let turn = 0; turn < 12; turn++) await Promise.resolve()
      const next = this.timers[0]
      if (next === undefined || next.due > end) break
      this.timers.shift()
      if (next.gone) continue
      this.time = Math.max(this.time, next.due)
      next.fire()
    }
    this.time = end
  }
}

/** The database, and the way to it. */
export class FarStore implements LimiterStorePort {
  readonly table = new LimiterTable()
  questions = 0
  /** Milliseconds, each way. */
  latency: () => number
  /** What happens to a question: an answer, a refusal, no answer although it was heard, nothing at all. */
  fate: () => "answers" | "refuses" | "mute" | "lost" = () => "answers"
  private readonly clock: Clock

  constructor(clock: Clock, latency: () => number) {
    this.clock = clock
    this.latency = latency
  }

  readonly take: LimiterStorePort["take"] = async (request) => {
    const fate = this.fate()
    this.questions++
    if (fate === "lost") return new Promise(() => {})
    await this.way()
    if (fate === "refuses") throw new Error("connect ECONNREFUSED")
    const answer = this.table.take(request, this.clock.time)
    if (fate === "mute") return new Promise(() => {})
    await this.way()
    return answer
  }

  private way(): Promise<void> {
    return new Promise((resolve) => { this.clock.at(this.latency(), resolve) })
  }
}

/** One process, and what began in it. */
export class Process {
  readonly limit: SharedLimit
  readonly told: Array<SharingState> = []
  /** A process that died begins nothing any more. */
  dead = false
  began = 0
  private readonly clock: Clock
  private readonly note: (at: number, weight: number) => void

  constructor(clock: Clock, store: LimiterStorePort, settings: RateLimitSettings, note: (at: number, weight: number) => void, processes = 1) {
    this.clock = clock
    this.note = note
    this.limit = new SharedLimit("payments", settings, { store: limiterStore(store), processes }, clock, (state) => this.told.push(state))
  }

  /** A call: begins now, waits, or is turned away. */
  call(weight = 1): "begins" | "waits" | "rejected" {
    if (this.limit.enter(weight, this.clock.time)) {
      this.begin(weight)
      return "begins"
    }
    return this.limit.wait({ ahead: null, behind: null, weight, granted: () => this.begin(weight) }, this.clock.time) ? "waits" : "rejected"
  }

  private begin(weight: number): void {
    if (this.dead) return
    this.began += weight
    this.note(this.clock.time, weight)
  }
}

/** One bucket that everything has to fit into: it tells by how much it was ever overdrawn. */
export class Witness {
  overdrawn = 0
  total = 0
  private level: number
  private at = 0
  private readonly settings: RateLimitSettings

  constructor(settings: RateLimitSettings) {
    this.settings = settings
    this.level = settings.burst
  }

  readonly note = (at: number, weight: number): void => {
    const { burst, limit, window } = this.settings
    this.level = Math.min(burst, this.level + ((at - this.at) * limit) / window) - weight
    this.at = at
    this.total += weight
    this.overdrawn = Math.max(this.overdrawn, -this.level)
  }
}
