/**
 * A token bucket that many processes spend, each out of an allotment: the machine behind every `LimiterStore`.
 *
 *          refill, while level + held < burst
 *             |
 *   level ----+---- granted ---> held by a process ----> spent (it says so, or its allotment expires)
 *     ^                              |
 *     +-------- given back ----------+
 *
 * What a process spends it tells only later, so all it was given counts as *held* until then, and the bucket is full when
 * level and held together are `burst`. So in any interval T no more than `burst + limit * T / window` begins in all
 * processes together, which is what one bucket in one process promises. Proof: let V = level + held. V <= burst, refill adds
 * at most limit * T / window to it, and every call takes 1 from it, at once or later; but what was spent and not told yet is
 * still a part of V. So what begins in T is at most V at its begin, and the refill.
 *
 * An allotment that expires counts as spent: who held it may be dead, or may have spent it and not been able to say so.
 * Expiry happens in the order of time, each with the refill up to it: tokens that a dead process may have spent a moment
 * before must not come back with the refill of a time when the bucket was full because of them.
 *
 * Who asks for more than there is gets a place in line: others are given only what is over what those before them wait for,
 * so a heavy request is not starved. It keeps its place while it asks again when it was told to.
 */

/** What a process asks for. Weights are whole numbers, durations are milliseconds. */
export interface AllotmentRequest {
  /** Of the limit; whoever says the same name shares it. */
  readonly name: string
  readonly limit: number
  readonly window: number
  readonly burst: number
  /** Who asks. */
  readonly process: string
  /** Grows with each request: one that was overtaken by a later one is void. */
  readonly turn: number
  /** What it still has of all it was given, and goes on with. */
  readonly holds: number
  /** What it has and gives back. */
  readonly back: number
  /** All of it or nothing, and wait in line for it; 0 to take what there is, and not stand in line. */
  readonly least: number
  /** At most so much. */
  readonly want: number
  /** After so long without a request what it holds is no longer its own; 0 to leave. */
  readonly lease: number
}

export interface Allotment {
  readonly granted: number
  /** How much of what it held is still its own. */
  readonly kept: number
  /** Milliseconds after which it is worth to ask again; 0 when it got all it wanted. */
  readonly retryAfter: number
  /** How many share the limit now, this one included. */
  readonly processes: number
}

interface Member {
  turn: number
  held: number
  expiresAt: number
  /** What it stands in line for, since when, and until when it must have asked again. */
  waits: number
  since: number
  until: number
}

/** How late somebody who stands in line may ask again, ms. */
export const patienceInLine = 1000

export class SharedBucket {
  private limit = Number.NaN
  private window = Number.NaN
  private burst = Number.NaN
  /** In credits, of which a weight of 1 has `window`, and a millisecond brings `limit`: whole numbers are never rounded. */
  private level = Number.NaN
  private at = Number.NaN
  private readonly members = new Map<string, Member>()

  constructor({ burst, limit, window }: Pick<AllotmentRequest, "limit" | "window" | "burst">, now: number) {
    this.limit = limit
    this.window = window
    this.burst = burst
    this.level = burst * window
    this.at = now
  }

  take(request: AllotmentRequest, clock: number): Allotment {
    const now = this.advance(clock)
    this.adopt(request)
    const { back, holds, lease, least, process, turn, want } = request
    const known = this.members.get(process)
    if (known !== undefined && turn <= known.turn) return { granted: 0, kept: 0, retryAfter: 0, processes: this.members.size }
    const held = known?.held ?? 0
    const kept = Math.min(holds, held)
    this.level += Math.min(back, held - kept) * this.window
    this.members.delete(process)
    if (lease === 0) return { granted: 0, kept: 0, retryAfter: 0, processes: this.members.size }
    const since = known !== undefined && known.waits > 0 && known.until > now ? known.since : now
    const before = this.waitingBefore(process, least > 0 ? since : Infinity, now)
    const free = Math.max(0, Math.floor(this.level / this.window - before))
    const granted = free < least ? 0 : Math.min(want, free)
    this.level -= granted * this.window
    const missing = (before + Math.max(1, least)) * this.window - this.level
    const retryAfter = granted === want ? 0 : Math.max(0, Math.ceil(missing / this.limit))
    this.members.set(process, {
      turn, held: kept + granted, expiresAt: now + lease,
      waits: granted < least ? least : 0, since, until: now + retryAfter + patienceInLine
    })
    return { granted, kept, retryAfter, processes: this.members.size }
  }

  /** What those wait for who stand before this one. */
  private waitingBefore(process: string, since: number, now: number): number {
    let sum = 0
    for (const [other, { since: theirs, until, waits }] of this.members) {
      if (until > now && (theirs < since || (theirs === since && other < process))) sum += waits
    }
    return sum
  }

  /** Other settings: what was spent stays spent, and the level may be below zero for a while. */
  private adopt({ burst, limit, window }: AllotmentRequest): void {
    this.level *= window / this.window
    this.level += (burst - this.burst) * window
    this.burst = burst
    this.limit = limit
    this.window = window
  }

  /** Refill and expiry up to now. A time a little earlier than the last is taken for that; a clock that leapt back is followed. */
  private advance(now: number): number {
    if (this.at - now > this.window) this.at = now
    const gone = [...this.members].filter(([, { expiresAt }]) => expiresAt <= now).toSorted(([, a], [, b]) => a.expiresAt - b.expiresAt)
    for (const [process, { expiresAt }] of gone) {
      this.refill(expiresAt)
      this.members.delete(process)
    }
    this.refill(now)
    return this.at
  }

  private refill(now: number): void {
    if (now <= this.at) return
    let held = 0
    for (const member of this.members.values()) held += member.held
    this.level = Math.min((this.burst - held) * this.window, this.level + (now - this.at) * this.limit)
    this.at = now
  }
}
