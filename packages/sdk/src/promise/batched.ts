/** The promise shell of a batch. */
import { AsyncResource } from "node:async_hooks"
import { type Answers, Asker, type Batch, type BatchShell, Collector } from "../core/batch.ts"
import type { AttemptContext } from "../core/call/attempt.ts"
import { type BatchOptions, readBatch } from "../core/options/batch.ts"
import { Reader } from "../core/options/reader.ts"
import type { TimerPort } from "../core/time/timers.ts"
import type { CallOptions, Work } from "./call.ts"
import { inheritedDeadline, within } from "./inherited.ts"

export interface BatchedOptions<Id, M, Key = Id> extends BatchOptions {
  /** What tells one key from another, where the keys are objects; the key itself unless said. */
  readonly key?: ((id: Id) => Key) | undefined
  /**
   * Asks for many at once; called once for each attempt. It gives an array, as long as `ids` and in their order, or a `Map` by
   * key. An `Error` in place of an answer rejects that caller alone.
   */
  readonly run: (ids: ReadonlyArray<Id>, context: AttemptContext) => PromiseLike<Answers<M, NoInfer<Key>>> | Answers<M, NoInfer<Key>>
}

/** One caller's options: they end its waiting, not the batch. */
export interface BatchedCallOptions {
  readonly signal?: AbortSignal | undefined
  /** On the monotonic clock (`performance.now()`), ms. */
  readonly deadline?: number | undefined
}

/** Asks for one. Rejects with its own `Error`, with what the whole batch failed with, or with a `MissingAnswerError`. */
export type Batched<Id, A> = (id: Id, options?: BatchedCallOptions) => Promise<A>

class PromiseAsker<A> extends Asker {
  readonly promise: Promise<A>
  private resolve!: (value: A) => void
  private reject!: (error: unknown) => void
  private readonly signal: AbortSignal | undefined
  private readonly onAbort: () => void

  constructor(collector: Collector, signal: AbortSignal | undefined) {
    super()
    this.promise = new Promise<A>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.signal = signal
    this.onAbort = () => {
      this.reject(signal!.reason)
      this.unlisten()
      collector.leave(this)
    }
    signal?.addEventListener("abort", this.onAbort)
  }

  override open(batch: Batch): void {
    batch.surroundings = new AsyncResource("outrigger.Batch")
  }

  override answered(ok: boolean, value: unknown): void {
    this.unlisten()
    if (ok) this.resolve(value as A)
    else this.reject(value)
  }

  private unlisten(): void {
    this.signal?.removeEventListener("abort", this.onAbort)
  }
}

/** What a batch needs of its `Api`. */
interface Host<T> {
  readonly name: string
  readonly port: () => TimerPort
  /** Whether its calls take the deadline of the call around them. */
  readonly inherits: boolean
  readonly call: (work: Work<T>, options: CallOptions) => Promise<T>
}

/** Gathers keys, and asks for them in one call of the host. */
export const makeBatched = <Id, M, Key>(
  host: Host<Answers<M, Key>>, operation: string, options: BatchedOptions<Id, M, Key>
): Batched<Id, Exclude<M, Error>> => {
  const settings = readBatch(new Reader(host.name), options)
  const { idempotent, key = (id: Id) => id, run } = options
  const ask = (batch: Batch): void => {
    const abort = new AbortController()
    batch.work = abort
    host.call((context) => run(batch.ids as ReadonlyArray<Id>, context), { operation, idempotent, deadline: batch.deadline, signal: abort.signal })
      .then((answers) => batch.succeeded(answers), (error: unknown) => batch.failed(error, undefined))
  }
  // The surroundings are the opener's, but not its deadline: the others may have longer.
  const begin = host.inherits ? (batch: Batch) => within(batch.deadline, ask, batch) : ask
  const shell: BatchShell = {
    run: (batch) => (batch.surroundings as AsyncResource).runInAsyncScope(begin, undefined, batch),
    stop: (batch) => (batch.work as AbortController).abort()
  }
  const collector = new Collector(host.name, operation, settings, shell)
  return (id, { deadline = Infinity, signal } = {}) => {
    if (signal?.aborted) return Promise.reject(signal.reason)
    try {
      const known = key(id)
      const asker = new PromiseAsker<Exclude<M, Error>>(collector, signal)
      collector.ask(asker, id, known, host.inherits ? Math.min(deadline, inheritedDeadline()) : deadline, host.port())
      return asker.promise
    } catch (error) {
      return Promise.reject(error)
    }
  }
}
