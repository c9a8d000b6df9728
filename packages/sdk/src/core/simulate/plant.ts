/**
 * The dependency of a simulation: workers with a bounded queue before them, and a script of what goes wrong.
 *
 *   request -> refused | hung | 429 | 503 (the queue is full)
 *           -> [waiting] -> working -> answer, or failure       working: one of `workers`, for a time drawn by chance
 *
 * It does not know who still waits. A request whose caller has left is worked on all the same, unless `dropsAbandoned`: that
 * is how an overload outlives its cause. Callers leave, come again, and find the queue full of what they left behind.
 */
import type { Attempt } from "../call/attempt.ts"
import type { Call } from "../call/call.ts"
import { Line, type Member } from "../limits/line.ts"
import { type EventQueue, Scheduled } from "./eventQueue.ts"
import { type Condition, conditionAt } from "./faults.ts"
import type { PlantSettings } from "./model.ts"

/** What callers see, as clients of HTTP make errors of it. One of each: a simulation makes millions. */
const failure = (message: string, fields: object): Error => Object.assign(new Error(message), fields)
const answer = Object.freeze({ status: 200 })
const refused = failure("connect ECONNREFUSED", { code: "ECONNREFUSED" })
const reset = failure("read ECONNRESET", { code: "ECONNRESET" })
const broken = failure("status 500", { status: 500 })
const overloaded = failure("status 503", { status: 503 })

const nothingWrong: Condition = { outage: undefined, fails: 0, slower: 1, limit: undefined }

/** How long it takes to hear that one is turned away: a round trip, ms. */
const roundTrip = 1

/** What requests came to. Each is counted once, when that is decided. */
export interface RequestCounts {
  requests: number
  answered: number
  failed: number
  refused: number
  /** Never answered. */
  hung: number
  /** With a 429. */
  limited: number
  /** With a 503: the queue was full. */
  turnedAway: number
  /** Because the caller had left, where it `dropsAbandoned`. */
  dropped: number
  /** Answered or failed, and nobody waited any more. */
  wasted: number
}

/** One request: an attempt, as the dependency sees it. */
class Request extends Scheduled implements Member<Request> {
  private readonly plant: Plant
  readonly call: Call
  readonly attempt: Attempt
  /** Nobody waits for it any more. */
  left = false
  /** Why it was turned away. */
  error: Error | undefined = undefined
  /** Where it is, until it is over. */
  at: "waiting" | "working" | null = null
  ahead: Request | null = null
  behind: Request | null = null

  constructor(plant: Plant, call: Call, attempt: Attempt) {
    super()
    this.plant = plant
    this.call = call
    this.attempt = attempt
  }

  happen(): void {
    this.plant.ended(this)
  }

  answer(error: Error | undefined): void {
    if (this.left) return
    this.left = true
    if (error === undefined) this.call.settle(this.attempt, true, answer, answer)
    else this.call.settle(this.attempt, false, error, error)
  }
}

export class Plant {
  readonly counts: RequestCounts = {
    requests: 0, answered: 0, failed: 0, refused: 0, hung: 0, limited: 0, turnedAway: 0, dropped: 0, wasted: 0
  }
  private readonly settings: PlantSettings
  private readonly queue: EventQueue
  private readonly random: () => number
  private readonly waiting = new Line<Request>()
  private readonly working = new Line<Request>()
  private condition = nothingWrong
  private tokens = 0
  private tokensAt = 0
  private tooMany = failure("status 429", { status: 429 })

  constructor(settings: PlantSettings, queue: EventQueue, random: () => number) {
    this.settings = settings
    this.queue = queue
    this.random = random
    this.change()
    const port = queue.port(random)
    for (const at of new Set(settings.faults.flatMap(({ from, to }) => [from, to]))) port.at(at, () => this.change())
  }

  get busy(): number {
    return this.working.length
  }

  get queued(): number {
    return this.waiting.length
  }

  /** An attempt arrives. It is answered by `settle`, or never. */
  request(call: Call, attempt: Attempt): void {
    const request = new Request(this, call, attempt)
    const { condition, counts, settings } = this
    attempt.work = request
    counts.requests++
    if (condition.outage === "hangs") counts.hung++
    else if (condition.outage === "refuses") this.turnAway(request, "refused", refused)
    else if (condition.limit !== undefined && !this.take(condition.limit)) this.turnAway(request, "limited", this.tooMany)
    else if (this.working.length < settings.workers) this.work(request)
    else if (this.waiting.length < settings.queue) {
      request.at = "waiting"
      this.waiting.push(request)
    } else this.turnAway(request, "turnedAway", overloaded)
  }

  /** The caller has gone; the work goes on, or not. */
  leave(attempt: Attempt): void {
    const request = attempt.work as Request
    request.left = true
    if (!this.settings.dropsAbandoned) return
    const { at } = request
    if (at === null) return
    this.counts.dropped++
    if (at === "waiting") {
      request.at = null
      return this.waiting.remove(request)
    }
    this.queue.remove(request)
    this.free(request)
  }

  /** The time of a request is over: that of its work, or that of the way back of whoever was turned away. */
  ended(request: Request): void {
    if (request.at === null) return request.answer(request.error)
    const { counts } = this
    const failed = this.condition.fails > 0 && this.random() < this.condition.fails
    if (failed) counts.failed++
    else counts.answered++
    if (request.left) counts.wasted++
    this.free(request) // before the caller hears of it: what it does next finds a free worker
    request.answer(failed ? broken : undefined)
  }

  private turnAway(request: Request, how: "refused" | "limited" | "turnedAway", error: Error): void {
    this.counts[how]++
    request.error = error
    this.queue.add(request, roundTrip)
  }

  private work(request: Request): void {
    request.at = "working"
    this.working.push(request)
    this.queue.add(request, this.settings.service.draw(this.random) * this.condition.slower)
  }

  private free(request: Request): void {
    request.at = null
    this.working.remove(request)
    const next = this.waiting.shift()
    if (next !== null) this.work(next)
  }

  private take({ burst, rate }: NonNullable<Condition["limit"]>): boolean {
    const { now } = this.queue
    this.tokens = Math.min(burst, this.tokens + (now - this.tokensAt) * rate)
    this.tokensAt = now
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }

  /** A fault begins or ends. */
  private change(): void {
    const { faults, always } = this.settings
    const before = this.condition
    const { limit, outage } = this.condition = conditionAt(faults, this.queue.now, always)
    if (limit !== undefined && limit !== before.limit) {
      this.tokens = limit.burst
      this.tokensAt = this.queue.now
      this.tooMany = failure("status 429", { status: 429, headers: { "retry-after": String(Math.ceil(limit.retryAfter / 1000)) } })
    }
    if (outage !== undefined && outage !== before.outage) this.lose(outage)
  }

  /** All that is inside is lost: reset at once, or never heard of again. */
  private lose(outage: "refuses" | "hangs"): void {
    const lost: Array<Request> = []
    for (const line of [this.working, this.waiting]) {
      for (let request = line.shift(); request !== null; request = line.shift()) {
        request.at = null
        this.queue.remove(request)
        lost.push(request)
      }
    }
    this.counts[outage === "hangs" ? "hung" : "refused"] += lost.length
    if (outage === "refuses") for (const request of lost) request.answer(reset)
  }
}
