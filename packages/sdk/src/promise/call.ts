/** The promise shell of a call. */
import { AsyncResource } from "node:async_hooks"
import type { Attempt, AttemptContext } from "../core/call/attempt.ts"
import { Call } from "../core/call/call.ts"
import type { Dependency } from "../core/dependency.ts"
import type { CallOptions as CoreCallOptions } from "../core/call/try.ts"
import { discardBody } from "./body.ts"
import { within } from "./inherited.ts"

export interface CallOptions extends CoreCallOptions {
  /** The caller's: when it aborts, the call ends at once and the work is told. */
  readonly signal?: AbortSignal | undefined
  /** On the monotonic clock (`performance.now()`), ms: the call ends at this or at its own timeout, whichever is nearer. */
  readonly deadline?: number | undefined
}

/** What a call runs; called once for each attempt. */
export type Work<A> = (context: AttemptContext) => PromiseLike<A> | A

/** One executor for all promises: it hands over what the constructor takes a line later. */
let resolveLast: (value: never) => void
let rejectLast: (error: unknown) => void
const executor = (resolve: (value: never) => void, reject: (error: unknown) => void) => {
  resolveLast = resolve
  rejectLast = reject
}

const settled = Promise.resolve()

export class PromiseCall<A> extends Call {
  readonly promise: Promise<A>
  private readonly resolve: (value: A) => void
  private readonly reject: (error: unknown) => void
  private readonly work: Work<A>
  /** Where the caller's AsyncLocalStorage is kept, when an attempt may begin in another call's timer or turn. */
  private readonly scope: AsyncResource | null
  private readonly inherits: boolean
  private readonly signal: AbortSignal | undefined
  private onAbort: (() => void) | null = null
  /** Whether the caller can have seen its promise: to reject one that nobody has seen costs Node 0.5 us. */
  private begun = false

  constructor(dependency: Dependency, work: Work<A>, options: CallOptions | undefined, inherits: boolean) {
    super(dependency, dependency.currentLanes, options)
    this.work = work
    this.promise = new Promise<A>(executor as never)
    this.resolve = resolveLast as (value: A) => void
    this.reject = rejectLast
    this.inherits = inherits
    this.signal = options?.signal
    this.scope = dependency.wanders ? new AsyncResource("outrigger.Call") : null
    if (this.signal !== undefined) {
      this.onAbort = () => this.aborted()
      this.signal.addEventListener("abort", this.onAbort)
    }
  }

  private aborted(): void {
    const reason: unknown = this.signal!.reason
    this.abort(reason)
    this.reject(reason)
    this.unlisten()
  }

  /** Runs the call; the promise may be handed out then. */
  begin(inherited: number): void {
    this.start(inherited)
    this.begun = true
  }

  protected override run(attempt: Attempt): void {
    if (this.scope === null) this.attend(attempt)
    else this.scope.runInAsyncScope(this.attend, this, attempt)
  }

  private attend(attempt: Attempt): void {
    let answer: PromiseLike<A> | A
    let later: boolean
    try {
      answer = this.inherits ? within(this.deadline, this.work, attempt) : this.work(attempt)
      later = answer instanceof Promise || isThenable(answer)
    } catch (error) {
      return this.settle(attempt, false, error, error)
    }
    if (!later) return this.settle(attempt, true, answer, answer)
    if (!(answer instanceof Promise)) answer = Promise.resolve(answer) // a stranger's `then` may call twice, or throw
    answer.then((value) => this.settle(attempt, true, value, value), (error: unknown) => this.settle(attempt, false, error, error))
  }

  protected override stop(attempt: Attempt, reason: unknown): void {
    attempt.abort(reason)
  }

  protected override discard(value: unknown): void {
    discardBody(value)
  }

  protected override done(ok: boolean, value: unknown): void {
    if (this.onAbort !== null) this.unlisten()
    if (ok) this.resolve(value as A)
    else if (this.begun) this.reject(value)
    else settled.then(() => this.reject(value))
  }

  private unlisten(): void {
    this.signal!.removeEventListener("abort", this.onAbort!)
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  value !== null && (typeof value === "object" || typeof value === "function")
  && typeof (value as { then?: unknown }).then === "function"
