/**
 * Deadlines of many attempts on few timers. Attempts that may run equally long expire in the order in which they began, so
 * each duration has one lane, and one fiber that sleeps until the lane's first is due. Joining and leaving touch no timer.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { monotonic } from "./ground.ts"

export interface Expiring {
  /** Monotonic ms. */
  readonly due: number
  /** Called once, unless it left before. */
  expire(): void
}

class Lane {
  readonly members = new Set<Expiring>()
  timer: Fiber.Fiber<void> | undefined
}

export class Deadlines {
  private readonly lanes = new Map<number, Lane>()
  private readonly clock: Clock.Clock
  private readonly services: Context.Context<never>

  /** The timers run on this clock, with the scheduler of these services. */
  constructor(clock: Clock.Clock, services: Context.Context<never>) {
    this.clock = clock
    this.services = services
  }

  /** `due` must be `duration` from now. */
  join(duration: number, member: Expiring): void {
    let lane = this.lanes.get(duration)
    if (lane === undefined) this.lanes.set(duration, lane = new Lane())
    lane.members.add(member)
    if (lane.timer === undefined) this.wait(duration, lane, duration)
  }

  leave(duration: number, member: Expiring): void {
    this.lanes.get(duration)?.members.delete(member)
  }

  /** Nobody expires any more. */
  close(): void {
    for (const { timer } of this.lanes.values()) timer?.interruptUnsafe()
    this.lanes.clear()
  }

  private wait(duration: number, lane: Lane, delay: number): void {
    const fired = Effect.sync(() => this.fired(duration, lane))
    lane.timer = Effect.runForkWith(this.services)(Effect.andThen(this.clock.sleep(Duration.millis(delay)), fired))
  }

  private fired(duration: number, lane: Lane): void {
    const now = monotonic(this.clock)
    try {
      for (const member of lane.members) {
        if (member.due > now) break
        lane.members.delete(member)
        member.expire()
      }
    } finally { // whoever throws delays nobody
      const [first] = lane.members
      if (first === undefined) this.lanes.delete(duration)
      else this.wait(duration, lane, Math.max(0, first.due - now))
    }
  }
}
