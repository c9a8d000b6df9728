/** Many calls, a few at a time. */
import { Reader } from "../core/options/reader.ts"

export interface MapConcurrentOptions {
  /** How many run at once. */
  readonly concurrency: number
  /** When it aborts, nothing more begins, what runs is told, and the whole rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** False: all items are tried, and their errors come together as an `AggregateError`. True unless said. */
  readonly stopOnError?: boolean | undefined
}

/** Aborts what still runs when the first item has failed, or the caller left. Made when it is first read. */
export interface ItemContext {
  readonly index: number
  readonly signal: AbortSignal
}

export type ItemWork<T, A> = (item: T, context: ItemContext) => PromiseLike<A> | A

class Run<T, A> {
  readonly promise: Promise<Array<A>>
  private resolve!: (results: Array<A>) => void
  private reject!: (error: unknown) => void
  private readonly results: Array<A> = []
  private readonly errors: Array<unknown> = []
  private readonly iterator: Iterator<T> | AsyncIterator<T>
  private readonly work: ItemWork<T, A>
  private readonly concurrency: number
  private readonly stopOnError: boolean
  private controller: AbortController | undefined = undefined
  private stopped: { readonly reason: unknown } | undefined = undefined
  private taken = 0
  private lanes = 0
  /** The source is empty, or nobody takes from it any more. */
  private closed = false

  constructor(items: Iterable<T> | AsyncIterable<T>, concurrency: number, stopOnError: boolean, work: ItemWork<T, A>) {
    this.iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
    this.work = work
    this.concurrency = concurrency
    this.stopOnError = stopOnError
    this.promise = new Promise<Array<A>>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.stopped !== undefined) this.controller.abort(this.stopped.reason)
    }
    return this.controller.signal
  }

  /** Takes items one after another. A lane that finds one opens the next, as long as there may be more. */
  async lane(): Promise<void> {
    this.lanes++
    try {
      for (;;) {
        const { done, value } = await this.take()
        if (done === true) break
        if (this.lanes < this.concurrency) void this.lane()
        await this.item(value, this.taken++)
      }
    } catch (error) {
      this.stop(error)
    }
    if (--this.lanes === 0) this.finish()
  }

  private async take(): Promise<IteratorResult<T>> {
    if (this.closed) return { done: true, value: undefined }
    try {
      const result = await this.iterator.next()
      if (result.done === true) this.closed = true
      return this.closed ? { done: true, value: undefined } : result
    } catch (error) {
      this.closed = true // it has ended itself
      throw error
    }
  }

  private async item(item: T, index: number): Promise<void> {
    try {
      this.results[index] = await this.work(item, contextOf(this, index))
    } catch (error) {
      if (this.stopOnError) throw error
      this.errors.push(error)
    }
  }

  /** The first reason counts. Nobody waits for what still runs. */
  stop(reason: unknown): void {
    if (this.stopped !== undefined) return
    this.stopped = { reason }
    this.reject(reason)
    this.controller?.abort(reason)
    if (this.closed) return
    this.closed = true
    void this.release()
  }

  private async release(): Promise<void> {
    try {
      await this.iterator.return?.()
    } catch {
      // what stopped us says more
    }
  }

  private finish(): void {
    const { length } = this.errors
    if (length > 0) this.reject(new AggregateError(this.errors, `${length} of ${this.taken} items failed`))
    else this.resolve(this.results)
  }
}

const contextOf = (run: { readonly signal: AbortSignal }, index: number): ItemContext => ({ index, get signal() { return run.signal } })

/**
 * Runs `work` for every item, at most `concurrency` at once, and gives the results in the order of the items. The source is read
 * as places come free, so it may be long, or asynchronous. The first error ends it: nothing more begins, `signal` tells what
 * still runs, and the whole rejects with that error at once.
 *
 * @example
 * import { createOutrigger, mapConcurrent } from "@outrigger/sdk/promise"
 *
 * const github = createOutrigger({ service: "shop" }).api("github")
 * const logins = ["ada", "bob", "cyd"]
 * const pages = await mapConcurrent(logins, { concurrency: 2 }, (login, { signal }) =>
 *   github.call((context) => fetch(`https://api.github.com/users/${login}`, context), { signal }))
 */
export const mapConcurrent = async <T, A>(
  items: Iterable<T> | AsyncIterable<T>, options: MapConcurrentOptions, work: ItemWork<T, A>
): Promise<Array<A>> => {
  const { concurrency, signal, stopOnError = true } = options
  if (concurrency !== Infinity) new Reader("mapConcurrent").whole("concurrency", concurrency, 1)
  signal?.throwIfAborted()
  const run = new Run<T, A>(items, concurrency, stopOnError, work)
  const onAbort = () => run.stop(signal!.reason)
  signal?.addEventListener("abort", onAbort)
  void run.lane()
  try {
    return await run.promise
  } finally {
    signal?.removeEventListener("abort", onAbort)
  }
}
