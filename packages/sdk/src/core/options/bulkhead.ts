/** How many calls at once, as people write it. */
import type { BulkheadSettings } from "../limits/bulkhead.ts"
import type { DurationInput } from "../time/duration.ts"
import { type AdaptiveOptions, readAdaptive } from "./adaptive.ts"
import type { Reader } from "./reader.ts"

export interface BulkheadOptions<D = DurationInput> {
  /** How many calls may run at once. */
  readonly concurrency?: number | undefined
  /** In place of `concurrency`: how many may run at once is found by measuring. */
  readonly adaptive?: AdaptiveOptions | undefined
  /** How many may wait for a permit, first come first served; none unless said. */
  readonly queue?: number | undefined
  /** How long one may wait before it is rejected; until its own deadline unless said. */
  readonly queueTimeout?: D | undefined
}

export const readBulkhead = (read: Reader, options: BulkheadOptions<unknown>): BulkheadSettings => {
  read.known("bulkhead.", options, ["concurrency", "adaptive", "queue", "queueTimeout"])
  const adaptive = options.adaptive === undefined ? undefined : readAdaptive(read, options.adaptive)
  if (adaptive !== undefined && options.concurrency !== undefined) read.refuse("bulkhead.concurrency", options.concurrency, "left out beside bulkhead.adaptive")
  return {
    concurrency: adaptive?.initial ?? read.whole("bulkhead.concurrency", options.concurrency, 1),
    adaptive,
    queue: read.whole("bulkhead.queue", options.queue ?? 0, 0),
    queueTimeout: read.limit("bulkhead.queueTimeout", options.queueTimeout)
  }
}
