/** What goes out together, as people write it. */
import type { BatchSettings } from "../batch.ts"
import type { DurationInput } from "../time/duration.ts"
import type { Reader } from "./reader.ts"

export interface BatchOptions<D = DurationInput> {
  /** Keys in one batch, which goes out as soon as it has them; 100 unless said. */
  readonly maxSize?: number | undefined
  /** How long the first key may wait for others; none unless said: then a batch is what one turn of the event loop asks for. */
  readonly delay?: D | undefined
  /** False: a batch is retried only with proof that nothing was applied. True unless said. */
  readonly idempotent?: boolean | undefined
}

/** Options of a batch, and the functions that each face adds to them. */
export const readBatch = (
  read: Reader, options: BatchOptions<unknown> & { readonly key?: unknown; readonly run?: unknown }
): BatchSettings => {
  read.known("batched.", options, ["maxSize", "delay", "idempotent", "key", "run"])
  read.optionalFunction("batched.key", options.key)
  if (typeof options.run !== "function") read.refuse("batched.run", options.run, "a function of the keys")
  if (options.idempotent !== undefined) read.flag("batched.idempotent", options.idempotent)
  return {
    maxSize: read.whole("batched.maxSize", options.maxSize ?? 100, 1),
    delay: read.millis("batched.delay", options.delay ?? 0, "from zero")
  }
}
