/** The dependency of a simulation, as people write it. */
import type { DurationInput } from "../time/duration.ts"
import type { Reader } from "../options/reader.ts"
import {
  type Condition, type FaultOptions, type FaultSettings, readFaults, readLimit, type ServerLimitOptions
} from "./faults.ts"
import { LogNormal } from "./random.ts"

/** A dependency as it is when nothing is wrong, and its script. */
export interface DependencyModel<D = DurationInput> {
  /** How long one answer takes when nobody waits: half of them at most `p50`, one of a hundred longer than `p99`. */
  readonly latency: { readonly p50: D; readonly p99: D }
  /** How many requests it works on at once. */
  readonly workers: number
  /** How many more may wait; the next is turned away with a 503. Ten for each worker unless said. */
  readonly queue?: number | undefined
  /** Share of answers that are failures on a good day; none unless said. */
  readonly fails?: number | undefined
  /** Whether it stops working for callers who have left; most servers do not, and so it is false unless said. */
  readonly dropsAbandoned?: boolean | undefined
  /** A rate limit of its own, always on; none unless said. */
  readonly rateLimit?: ServerLimitOptions<D> | false | undefined
  readonly faults?: ReadonlyArray<FaultOptions<D>> | undefined
}

export interface PlantSettings {
  readonly service: LogNormal
  readonly workers: number
  readonly queue: number
  readonly dropsAbandoned: boolean
  readonly always: Condition
  readonly faults: ReadonlyArray<FaultSettings>
}

export const readPlant = (read: Reader, model: DependencyModel<unknown>): PlantSettings => {
  read.known("dependency.", model, ["latency", "workers", "queue", "fails", "dropsAbandoned", "rateLimit", "faults"])
  read.known("dependency.latency.", model.latency, ["p50", "p99"])
  const p50 = read.millis("dependency.latency.p50", model.latency.p50)
  const p99 = read.millis("dependency.latency.p99", model.latency.p99)
  if (p99 < p50) read.refuse("dependency.latency.p99", model.latency.p99, `at least p50 (${p50} ms)`)
  const { rateLimit = false } = model
  if (rateLimit !== false) read.known("dependency.rateLimit.", rateLimit, ["perSecond", "burst", "retryAfter"])
  const workers = read.whole("dependency.workers", model.workers, 1)
  return {
    workers,
    service: new LogNormal(p50, p99),
    queue: read.whole("dependency.queue", model.queue ?? 10 * workers, 0),
    dropsAbandoned: read.flag("dependency.dropsAbandoned", model.dropsAbandoned ?? false),
    always: {
      outage: undefined,
      fails: read.number("dependency.fails", model.fails ?? 0, 0, 1),
      slower: 1,
      limit: rateLimit === false ? undefined : readLimit(read, "dependency.rateLimit", rateLimit)
    },
    faults: readFaults(read, model.faults ?? [])
  }
}
