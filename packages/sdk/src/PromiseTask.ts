/** Handlers and schedules of the promise face, for an executor: each becomes a layer, whichever copy of the SDK made it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Middleware, withMiddleware } from "./promise/middleware.ts"
import type {
  HandlerContext as PromiseContext, TaskHandler as PromiseHandler, TaskSchedule as PromiseSchedule
} from "./promise/Task.ts"
import { failureOf, type HandlerContext, type HandlerFailure, TaskHandlers } from "./TaskHandlers.ts"

export {
  isTaskHandler, isTaskSchedule, type TaskHandler as PromiseHandler, type TaskSchedule as PromiseSchedule
} from "./promise/Task.ts"

export type { Middleware as PromiseMiddleware } from "./promise/middleware.ts"

/** What the handler is told. The signal, which few read and which is dear to make, is made when it is first read. */
class Told implements PromiseContext {
  readonly id: string
  readonly name: string
  readonly attempt: number
  readonly deadline: number
  readonly fence: string
  readonly metadata: Readonly<Record<string, string>>
  readonly progress: PromiseContext["progress"]
  private controller: AbortController | undefined = undefined
  private aborted = false

  constructor({ attempt, deadline, fence, id, metadata, name }: HandlerContext, progress: PromiseContext["progress"]) {
    this.id = id
    this.name = name
    this.attempt = attempt
    this.deadline = deadline
    this.fence = fence
    this.metadata = metadata
    this.progress = progress
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController()
    if (this.aborted) this.controller.abort()
    return this.controller.signal
  }

  abort(): void {
    this.aborted = true
    this.controller?.abort()
  }
}

/**
 * Runs a promise under interruption: the signal is aborted, and then the promise is awaited, however long it takes. One that
 * ignores its signal shows as stuck, and its runner is replaced.
 */
const run = (handler: PromiseHandler, version: number, payload: unknown, context: HandlerContext): Effect.Effect<unknown, HandlerFailure> =>
  Effect.withFiber(({ context: services }) => Effect.callback<unknown, HandlerFailure>((resume) => {
    const told = new Told(context, (ratio, text) => {
      Effect.runForkWith(services)(context.progress(ratio, text))
    })
    const promise = Promise.resolve().then(() => handler.run(payload, told, version))
    promise.then((value) => resume(Effect.succeed(value)), (error: unknown) => resume(Effect.fail(failureOf(error))))
    return Effect.suspend(() => {
      told.abort()
      return Effect.promise(() => promise.then(() => undefined, () => undefined))
    })
  }))

/** Handles its task for as long as the layer lives, with this middleware around it. */
export const fromHandler = (bare: PromiseHandler, middleware: ReadonlyArray<Middleware> = []): Layer.Layer<never> => Layer.effectDiscard(
  Effect.flatMap(TaskHandlers, (handlers) => {
    const handler = withMiddleware(bare, middleware)
    const { definition, older = [] } = handler
    const own = handlers.add({ definition, run: (payload, context) => run(handler, definition.version, payload, context) })
    const others = Effect.forEach(older, (version) => handlers.add({
      definition: { ...definition, version }, older: true, run: (payload, context) => run(handler, version, payload, context)
    }), { discard: true })
    return Effect.andThen(own, others)
  })
)

/** Declares its schedule for as long as the layer lives; fails with what its task refuses. */
export const fromSchedule = (schedule: PromiseSchedule): Layer.Layer<never, Error> => Layer.effectDiscard(
  Effect.flatMap(Effect.tryPromise({ try: () => schedule.declaration(), catch: (error) => error as Error }), (declaration) =>
    Effect.flatMap(TaskHandlers, (handlers) => handlers.addSchedule(declaration)))
)
