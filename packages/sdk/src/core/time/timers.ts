/**
 * Deadlines of many calls on few timers. Calls that wait equally long expire in the order in which they began, so each
 * duration has one lane: a linked list with one timer for its head. Joining and leaving are O(1), and leaving touches no
 * timer. The port is all that the engine knows of time and chance.
 */

export interface TimerPort {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970, for what people and other machines read. */
  readonly epoch: () => number
  /** In [0, 1). */
  readonly random: () => number
  /** Calls `fire` once after `delay` ms, however long that is. */
  readonly at: (delay: number, fire: () => void) => TimerHandle
}

export interface TimerHandle {
  cancel(): void
  /** Whether this timer alone may keep the process alive. */
  hold(yes: boolean): void
}

/** What waits: a call, which carries its own links. */
export interface Timed {
  due: number
  lane: Lane | null
  earlier: Timed | null
  later: Timed | null
  expire(now: number): void
}

/** All who wait exactly this long. */
export class Lane {
  readonly duration: number
  private readonly port: TimerPort
  private readonly armed: Set<Lane>
  private head: Timed | null = null
  private tail: Timed | null = null
  private handle: TimerHandle | null = null
  private readonly fire = () => this.fired()

  constructor(port: TimerPort, duration: number, armed: Set<Lane>) {
    this.port = port
    this.duration = duration
    this.armed = armed
  }

  add(entry: Timed, now: number): void {
    entry.due = now + this.duration
    entry.lane = this
    entry.earlier = this.tail
    if (this.tail === null) this.head = entry
    else this.tail.later = entry
    this.tail = entry
    // Whoever joins while the lane fires may stand behind others who are due before: then `fired` arms for those.
    if (this.handle === null && this.head === entry) this.arm(this.duration)
  }

  remove(entry: Timed): void {
    if (entry.earlier === null) this.head = entry.later
    else entry.earlier.later = entry.later
    if (entry.later === null) this.tail = entry.earlier
    else entry.later.earlier = entry.earlier
    entry.earlier = entry.later = entry.lane = null
  }

  /** A call is pending while the event loop has nothing else: let this lane's timer keep the process alive. */
  hold(): void {
    if (this.head !== null) this.handle?.hold(true)
  }

  private arm(delay: number): void {
    this.handle = this.port.at(delay, this.fire)
    this.handle.hold(false)
    this.armed.add(this)
  }

  private fired(): void {
    this.handle = null
    this.armed.delete(this)
    const now = this.port.now()
    try {
      while (this.head !== null && this.head.due <= now) {
        const entry = this.head
        this.remove(entry)
        entry.expire(now)
      }
    } finally { // whoever throws delays nobody
      if (this.head !== null && this.handle === null) this.arm(Math.max(0, this.head.due - now))
    }
  }
}

/** The lanes of one clock. */
export class Timers {
  readonly port: TimerPort
  private readonly lanes = new Map<number, Lane>()
  private readonly armed = new Set<Lane>()

  constructor(port: TimerPort) {
    this.port = port
  }

  /** The lane shared by all who wait exactly this long; keep it, and the look-up is paid once. */
  lane(duration: number): Lane {
    let lane = this.lanes.get(duration)
    if (lane === undefined) this.lanes.set(duration, lane = new Lane(this.port, duration, this.armed))
    return lane
  }

  /** The process is about to end: whoever is still waited for holds it until the deadline. */
  holdPending(): void {
    for (const lane of this.armed) lane.hold()
  }
}
