/**
 * The Effect shell of a batch: a fiber of its own, in the context of the caller that opened it, but with the latest deadline
 * of all. `RequestResolver` would leave a batch running that nobody waits for, and asks for equal requests twice.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { type Answers, Asker, type Batch, type BatchShell, Collector, type MissingAnswerError } from "../core/batch.ts"
import type { Rejected } from "../core/errors.ts"
import { type BatchOptions, readBatch } from "../core/options/batch.ts"
import { Reader } from "../core/options/reader.ts"
import type { Policy } from "../Policy.ts"
import { Deadline, timersOf } from "./effectCall.ts"
import { millisOf } from "./millisOf.ts"

export interface BatchedOptions<Id, M, E, R, Key = Id> extends BatchOptions<Duration.Input> {
  /** What tells one key from another, where the keys are objects; the key itself unless said. */
  readonly key?: ((id: Id) => Key) | undefined
  /**
   * Asks for many at once. It gives an array, as long as `ids` and in their order, or a `Map` by key. An `Error` in place of
   * an answer fails that caller alone. Its services are those of the caller who asked first.
   */
  readonly run: (ids: ReadonlyArray<Id>) => Effect.Effect<Answers<M, NoInfer<Key>>, E, R>
}

/** What one caller may hear: its own `Error`, what the whole batch failed with, or that its answer is missing. */
export type BatchedError<M, E> = E | Extract<M, Error> | MissingAnswerError | Rejected

type Resume = (exit: Exit.Exit<unknown, unknown>) => void

class EffectAsker extends Asker {
  private readonly fiber: Fiber.Fiber<unknown, unknown>
  private readonly resume: Resume

  constructor(fiber: Fiber.Fiber<unknown, unknown>, resume: Resume) {
    super()
    this.fiber = fiber
    this.resume = resume
  }

  override open(batch: Batch): void {
    batch.surroundings = this.fiber.context
  }

  override answered(ok: boolean, value: unknown, raw: unknown): void {
    this.resume(raw !== undefined ? raw as Exit.Exit<never, unknown> : ok ? Exit.succeed(value) : Exit.fail(value))
  }
}

/** Asks for one key through the policy of this service. */
export type Batched<Id, M, E, R> = (policy: Policy, id: Id) => Effect.Effect<Exclude<M, Error>, BatchedError<M, E>, R>

/** Throws `InvalidPolicyOption` for options that make no sense. Each policy, so each layer that is built, has batches of its own. */
export const makeBatched = <Id, M, E, R, Key>(
  name: string, operation: string, options: BatchedOptions<Id, M, E, R, Key>
): Batched<Id, M, E, R> => {
  const settings = readBatch(new Reader(name, millisOf), options)
  const { key = (id: Id) => id } = options
  const collectors = new WeakMap<Policy, Collector>()
  return (policy, id) => {
    let collector = collectors.get(policy)
    if (collector === undefined) {
      collectors.set(policy, collector = new Collector(name, operation, settings, shellOf(policy, operation, options)))
    }
    return ask(collector, id, () => key(id))
  }
}

const shellOf = <Id, M, E, R, Key>(
  policy: Policy, operation: string, { idempotent, run }: BatchedOptions<Id, M, E, R, Key>
): BatchShell => ({
  run(batch) {
    const context = Context.add(batch.surroundings as Context.Context<R>, Deadline, batch.deadline)
    const work = policy.run(Effect.suspend(() => run(batch.ids as ReadonlyArray<Id>)), { operation, idempotent })
    const fiber = Effect.runForkWith(context)(work)
    batch.work = fiber
    if (batch.phase === "over") fiber.interruptUnsafe() // its last asker left while it began
    fiber.addObserver((exit) => Exit.isSuccess(exit) ? batch.succeeded(exit.value) : batch.failed(undefined, exit))
  },
  stop(batch) {
    (batch.work as Fiber.Fiber<unknown, unknown> | undefined)?.interruptUnsafe()
  }
})

/** Interrupted, an asker leaves; the last one to leave awaits the finalizers of the work. */
const ask = <A, E, R>(collector: Collector, id: unknown, key: () => unknown): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const { port } = timersOf(fiber.getRef(Clock.Clock), fiber.context)
    return Effect.callback<A, E>((resume) => {
      const asker = new EffectAsker(fiber, resume as Resume)
      collector.ask(asker, id, key(), fiber.getRef(Deadline), port)
      return Effect.suspend(() => {
        const work = asker.batch?.work as Fiber.Fiber<unknown, unknown> | undefined
        return collector.leave(asker) && work !== undefined ? Effect.asVoid(Fiber.await(work)) : Effect.void
      })
    })
  })
