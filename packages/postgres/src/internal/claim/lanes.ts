/**
 * Where to look in the line, so that nobody wades through what is over.
 *
 * A *lane* is one route at one priority: a line ordered by `seq`, one range of the index `task_ready`. What was claimed
 * leaves dead entries at its head, and while any session holds a snapshot nobody can clear them away: whoever begins at the
 * beginning reads them all again, each time. So a process remembers two marks for each lane.
 *
 *              safe                late            fast                      place
 *     ──────────┼───────────────────●───────────────┼───────●───●───●──────────┼───▶ seq
 *     nothing   │  what was claimed, and perhaps    │  claims begin here       │ drawn last
 *     ever      │  a task that was committed late   │
 *
 * `fast` is the last `seq` that a claim took: a hint, and where claims and *looks* begin. It may run past tasks that cannot
 * be seen yet: whose enqueuer drew a place and has not committed, or that a claim took which is then rolled back.
 *
 * `safe` is a truth: nothing ready is at or below it, and nothing can appear there. A *sweep* looks from the safe marks. It
 * finds what the fast marks ran past (`late`), and moves the safe marks to what is closed:
 *
 *   1. sample   read the last place drawn, then take a transaction id, in one statement. Every enqueuer has its id before it
 *               draws, so whoever drew that place or a lower one has a lower id.
 *   2. closing  once the oldest running transaction is at or above that id, all of those have ended, and what this very
 *               snapshot shows at or below the place is all that will ever be there: a task that becomes ready again draws
 *               anew. (The highest id that has *completed* will not do for the sample: higher ones may be running already.)
 *
 * While somebody's transaction stays open nothing closes: sweeps read more and more behind it, and so they get a tenth of the
 * time at most. The moment it ends, a look sees the sample close and a sweep follows at once. What it finds is claimed from
 * a range of its own, the fast marks stay where they are, and nobody else is delayed.
 *
 * Marks are of this process and shared by all of its claims, any number of which may be on their way: their answers may come
 * in any order, for only sweeps move a safe mark. After an error everything is doubted, as it may have been a failover to a
 * server that knows less: the next sweep begins at the beginning.
 */

export interface Lane {
  readonly route: number
  readonly priority: number
  fast: number
  safe: number
  /** The oldest ready task when it was last looked at. */
  head: number
  /** Whether there may be something above `fast`. */
  live: boolean
  /** How many to ask for: twice as many as there were the last time; and how many to expect. */
  width: number
  expected: number
  /** What a sweep found behind `fast`, until a claim takes it up. */
  late: Late | undefined
}

interface Late {
  readonly after: number
  readonly upTo: number
  readonly width: number
}

interface Range {
  readonly after: number
  /** Of what is late. */
  readonly upTo: number | undefined
}

/** A part of a claim: at most `limit` of the lane, above `after`. */
export interface Pick extends Range {
  readonly lane: Lane
  readonly limit: number
}

/** What a look or a sweep asks: the first ready task above each mark. */
export interface Question {
  readonly sweep: boolean
  readonly lanes: ReadonlyArray<Lane>
  readonly marks: ReadonlyArray<number>
  readonly sample: Sample
  readonly askedAt: number
}

/** A place, and a transaction id above those of all who drew it or a lower one. */
interface Sample {
  readonly place: number
  readonly xid: number
}

export interface Answer {
  /** 0 is none. */
  readonly heads: ReadonlyArray<number>
  /** The last place drawn. */
  readonly place: number
  /** Of the oldest transaction that was running. */
  readonly oldest: number
  /** To go with `place`: only in a sweep, when the last sample is closed and the line has moved. */
  readonly xid: number | null
}

/** A row that a claim took, as far as lanes care. */
export interface Taken {
  readonly route: number
  readonly priority: number
  readonly seq: number
}

const priorities = 10
const narrow = 32
const wide = 500
/** A claim asks for so many times what it may take, at most. */
const greed = 4
/** Milliseconds: how long a look may be old, how often a sweep may be, and from when on it counts as slow. */
const lookEvery = 100
const sweepEvery = 20
const slowSweep = 10

const laneOf = (route: number, priority: number): Lane =>
  ({ route, priority, fast: 0, safe: 0, head: 0, live: false, width: wide, expected: 1, late: undefined })

export class Lanes {
  private readonly routes = new Map<number, ReadonlyArray<Lane>>()
  private all: ReadonlyArray<Lane> = []
  private sample: Sample = { place: 0, xid: 0 }
  private closed = 0
  private turn = 0
  private lookAt = -Infinity
  private sweepAt = -Infinity
  /** Of the last look, ms. */
  private cost = 0
  private slow = false

  has(route: number): boolean {
    return this.routes.has(route)
  }

  add(route: number): void {
    if (this.routes.has(route)) return
    this.routes.set(route, Array.from({ length: priorities }, (_, priority) => laneOf(route, priority)))
    this.all = [...this.routes.values()].flat()
  }

  // ---- claims

  /**
   * What a claim of these routes should ask for, in this order; nothing when nothing is known to be there. Late ones first; then
   * the best priority first and its routes in turn, or every tenth time the oldest heads, so that nothing starves. Together they
   * may find more than `limit`: the claim takes the first of it.
   */
  picks(open: ReadonlyArray<number>, limit: number): ReadonlyArray<Pick> {
    const lanes = open.flatMap((route) => this.routes.get(route) ?? [])
    const picks: Array<Pick> = []
    let left = limit
    let most = greed * limit
    const add = (lane: Lane, range: Range, width: number, expected: number): boolean => {
      if (left < 1 || most < 1) return false
      const count = Math.min(limit, width)
      picks.push({ lane, ...range, limit: count })
      left -= Math.min(count, expected)
      most -= count
      return true
    }
    for (const lane of lanes) {
      const { late } = lane
      if (late !== undefined && add(lane, late, late.width, late.width)) lane.late = undefined
    }
    if (picks.length > 0 && this.slow) return picks // they wade: let nobody wait with them
    const live = lanes.filter((lane) => lane.live)
    if (live.length > 0) for (const lane of this.inTurn(live, open)) add(lane, { after: lane.fast, upTo: undefined }, lane.width, lane.expected)
    return picks
  }

  private inTurn(lanes: ReadonlyArray<Lane>, open: ReadonlyArray<number>): ReadonlyArray<Lane> {
    const turn = ++this.turn
    if (turn % 10 === 0) return lanes.toSorted((a, b) => a.head - b.head)
    if (lanes.length === 1) return lanes
    const rank = new Map(open.map((route, index) => [route, (index + turn) % open.length]))
    return lanes.toSorted((a, b) => a.priority - b.priority || rank.get(a.route)! - rank.get(b.route)!)
  }

  /**
   * What a claim took of what it picked. A lane that gave less than it was asked for is empty until a look says otherwise; but
   * when as many were taken as could be (`full`), nothing is known of the last that gave some, and of those after it.
   */
  learn(picks: ReadonlyArray<Pick>, taken: ReadonlyArray<Taken>, full: boolean, now: number): void {
    const shares = picks.map(({ after }) => ({ count: 0, last: after }))
    const of = Map.groupBy(picks.keys(), (index) => picks[index]!.lane)
    for (const { priority, route, seq } of taken) {
      const share = shares[of.get(this.routes.get(route)![priority]!)!.find((index) => seq <= (picks[index]!.upTo ?? Infinity))!]!
      share.count++
      share.last = Math.max(share.last, seq)
    }
    const cut = full ? shares.findLastIndex(({ count }) => count > 0) : picks.length
    for (const [index, { count, last }] of shares.entries()) {
      const { lane, limit, upTo } = picks[index]!
      const more = count >= limit || index >= cut
      if (upTo === undefined) this.learnLane(picks[index]!, count, last, more, now)
      else if (more) lane.late ??= { after: last, upTo, width: 2 * limit }
    }
  }

  private learnLane({ lane, limit }: Pick, count: number, last: number, more: boolean, now: number): void {
    lane.fast = Math.max(lane.fast, last)
    if (count >= limit) {
      lane.width = Math.max(lane.width, Math.min(wide, 2 * limit))
      lane.expected = limit
    } else if (!more) {
      lane.width = Math.max(narrow, 2 * count)
      lane.expected = Math.max(1, count)
      lane.live = false
      this.lookAt = Math.min(this.lookAt, now + 10 * this.cost)
    }
    if (more) lane.head = Math.max(lane.head, lane.fast)
  }

  // ---- looks and sweeps

  due(now: number): boolean {
    return now >= this.lookAt || this.sweepDue(now)
  }

  sweepDue(now: number): boolean {
    return now >= this.sweepAt
  }

  question(now: number): Question {
    const sweep = this.sweepDue(now)
    return {
      sweep, lanes: this.all, marks: this.all.map(({ fast, safe }) => sweep ? safe : fast), sample: this.sample, askedAt: now
    }
  }

  answer(question: Question, answer: Answer, now: number): void {
    if (question.sample !== this.sample) return // doubted meanwhile
    if (answer.place < this.sample.place) return this.doubt() // a server that knows less
    this.cost = now - question.askedAt
    this.lookAt = now + lookEvery
    const closes = this.sample.place > this.closed && answer.oldest >= this.sample.xid
    if (!question.sweep) {
      for (const [index, lane] of question.lanes.entries()) this.looked(lane, answer.heads[index]!)
      if (closes) this.sweepAt = now
      return
    }
    if (closes) this.closed = this.sample.place
    this.slow = this.cost >= slowSweep
    for (const [index, lane] of question.lanes.entries()) this.swept(lane, answer.heads[index]!)
    if (answer.xid !== null) this.sample = { place: answer.place, xid: answer.xid }
    this.sweepAt = now + Math.max(sweepEvery, 10 * this.cost)
  }

  private looked(lane: Lane, head: number): void {
    lane.head = head
    lane.live = lane.live || head > 0
  }

  private swept(lane: Lane, head: number): void {
    lane.safe = Math.max(lane.safe, head > 0 && head <= this.closed ? head - 1 : this.closed)
    lane.late = head > 0 && head <= lane.fast ? { after: head - 1, upTo: lane.fast, width: this.slow ? wide : narrow } : undefined
    lane.fast = Math.max(lane.fast, lane.safe)
    lane.head = head
    lane.live = head > 0
  }

  /** Nothing is known for sure any more; fast marks stay, for they are hints. */
  doubt(): void {
    this.sample = { place: 0, xid: 0 }
    this.closed = 0
    this.lookAt = this.sweepAt = -Infinity
    for (const lane of this.all) lane.safe = 0
  }
}
