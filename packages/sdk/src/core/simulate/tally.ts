/** Counts what callers see, stretch by stretch and in all. */
import { Histogram } from "./histogram.ts"
import type { Bucket, Rejection, Totals } from "./result.ts"

export type Ending = "succeeded" | "failed" | "gaveUp"

interface Counts {
  offered: number
  attempts: number
  succeeded: number
  failed: number
  gaveUp: number
  rejected: Partial<Record<Rejection, number>>
}

const none = (): Counts => ({ offered: 0, attempts: 0, succeeded: 0, failed: 0, gaveUp: 0, rejected: {} })

export class Tally {
  readonly buckets: Array<Bucket> = []
  callers = 0
  pending = 0
  private now = none()
  private readonly all = none()
  private readonly latencyNow = new Histogram()
  private readonly latency = new Histogram()
  private readonly timeToFailure = new Histogram()

  offered(): void {
    this.now.offered++
    this.pending++
  }

  attempted(): void {
    this.now.attempts++
  }

  ended(how: Ending, millis: number): void {
    this.now[how]++
    this.pending--
    if (how !== "succeeded") return this.timeToFailure.add(millis)
    this.latencyNow.add(millis)
    this.latency.add(millis)
  }

  rejected(why: Rejection, millis: number): void {
    this.now.rejected[why] = (this.now.rejected[why] ?? 0) + 1
    this.pending--
    this.timeToFailure.add(millis)
  }

  /** A bucket is over: how things stand at its end. */
  turn(at: number, stands: Pick<Bucket, "wasted" | "queued" | "busy" | "breakersOpen">): void {
    const { all, latencyNow, now, pending } = this
    const { attempts, failed, gaveUp, offered, rejected, succeeded } = now
    const { busy, breakersOpen, queued, wasted } = stands
    this.buckets.push({
      at, offered, attempts, succeeded, failed, rejected, gaveUp, wasted, pending, queued, busy, breakersOpen,
      p50: latencyNow.percentile(0.5), p99: latencyNow.percentile(0.99)
    })
    for (const key of ["offered", "attempts", "succeeded", "failed", "gaveUp"] as const) all[key] += now[key]
    for (const [why, count] of Object.entries(rejected) as Array<[Rejection, number]>) all.rejected[why] = (all.rejected[why] ?? 0) + count
    this.now = none()
    latencyNow.clear()
  }

  /** Of the buckets that are over. */
  totals(duration: number): Omit<Totals, "retries" | "hedges" | "openings" | "requests" | "recovery"> {
    const { attempts, failed, gaveUp, offered, rejected, succeeded } = this.all
    return {
      callers: this.callers, calls: offered, succeeded, failed, rejected, gaveUp, pending: this.pending, attempts,
      amplification: offered === 0 ? 0 : attempts / offered,
      goodput: succeeded * 1000 / duration,
      latency: this.latency.percentiles(),
      timeToFailure: this.timeToFailure.percentiles()
    }
  }
}
