/**
 * What a call waits for: one thing at a time, so it has one timer. The whole call's end comes from a lane that all calls of
 * the policy share; whatever is of this call alone has a timer of its own.
 */
import type { Lanes } from "../dependency.ts"
import type { Lane, Timed, TimerHandle } from "../time/timers.ts"

/** Whose end the timer is: asked of the timer, never of the clock, for clocks differ by fractions. */
export type Awaited = "end" | "attempt" | "hedge" | "queue" | "backoff"

export abstract class Wait implements Timed {
  readonly lanes: Lanes
  deadline = Infinity
  /** The deadline is not our own: reaching it says nothing of the dependency. */
  inherited = false
  startedAt = Number.NaN // a double from the start: its field would else change its representation, and with it the hidden class
  protected awaited: Awaited = "end"
  private handle: TimerHandle | null = null
  due = Number.NaN
  lane: Lane | null = null
  earlier: Timed | null = null
  later: Timed | null = null

  constructor(lanes: Lanes) {
    this.lanes = lanes
  }

  /** The one timer has fired. */
  abstract expire(now: number): void

  /** Until the call's own end. */
  protected armTotal(now: number): void {
    this.awaited = "end"
    if (this.deadline === Infinity) return
    if (now === this.startedAt && !this.inherited) this.lanes.total!.add(this, now)
    else this.armAlone("end", this.deadline - now)
  }

  /** Until an end that all calls of the policy are equally far from. */
  protected armLane(awaited: Awaited, lane: Lane, now: number): void {
    this.awaited = awaited
    lane.add(this, now)
  }

  protected armAlone(awaited: Awaited, delay: number): void {
    this.awaited = awaited
    const { port } = this.lanes.timers
    this.handle = port.at(delay, () => {
      this.handle = null
      this.expire(port.now())
    })
  }

  /** In a queue: until it has waited long enough, or its own end. */
  protected armQueue(now: number, queueTimeout: number): void {
    if (now + queueTimeout < this.deadline) this.armAlone("queue", queueTimeout)
    else this.armTotal(now)
  }

  protected disarm(): void {
    if (this.lane !== null) this.lane.remove(this)
    else if (this.handle !== null) {
      this.handle.cancel()
      this.handle = null
    }
  }
}
