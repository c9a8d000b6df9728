/** One attempt of a call: what the caller's function is given, and what the attempt holds until it has settled. */
import type { Breaker, Ticket } from "../breaker/breaker.ts"
import type { Bulkhead } from "../limits/bulkhead.ts"
import type { TimerHandle } from "../time/timers.ts"

/** What a caller's function is given; the signal is made when it is first read. */
export interface AttemptContext {
  /** Counts from 1. */
  readonly attempt: number
  /** The end of this attempt, on the monotonic clock (`performance.now()`), ms; Infinity when there is none. */
  readonly deadline: number
  readonly signal: AbortSignal
}

/** What an attempt asks of its call. */
interface Ends {
  readonly deadline: number
  readonly lanes: { readonly attempt: { readonly duration: number } | null }
}

export class Attempt implements Ticket, AttemptContext {
  readonly call: Ends
  readonly attempt: number
  /** Who let it through, and who will be told. */
  readonly breaker: Breaker | null
  generation = -1
  probe = 0
  /** Monotonic, where somebody measures how long it takes. */
  startedAt: number
  /** Nobody waits for it any more. */
  late = false
  readonly bulkhead: Bulkhead | null
  /** How many had a permit when it began, itself among them. */
  readonly inFlight: number
  /** Of the throttle that let it through; -1 where none did. */
  throttled = -1
  /** Held up by chaos: it has not begun. */
  held: TimerHandle | null = null
  /** The shell's handle on the work. */
  work: unknown = undefined
  private controller: AbortController | undefined = undefined
  private reason: unknown = undefined

  constructor(call: Ends, attempt: number, startedAt: number, breaker: Breaker | null, bulkhead: Bulkhead | null) {
    this.call = call
    this.attempt = attempt
    this.startedAt = startedAt
    this.breaker = breaker
    this.bulkhead = bulkhead
    this.inFlight = bulkhead === null ? 1 : bulkhead.running
  }

  get deadline(): number {
    const { deadline, lanes: { attempt } } = this.call
    return attempt === null ? deadline : Math.min(deadline, this.startedAt + attempt.duration)
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.late) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  abort(reason: unknown): void {
    this.reason = reason
    this.controller?.abort(reason)
  }
}
