/** Handlers and schedules of the promise face, for an executor: each becomes a layer, whichever copy of the SDK made it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { handlerFailureOf } from "./core/tasks/handlerFailure.ts"
import type { TaskHandler as PromiseHandler, TaskSchedule as PromiseSchedule } from "./promise/Task.ts"
import { type HandlerContext, type HandlerFailure, TaskHandlers } from "./TaskHandlers.ts"

export {
  isTaskHandler, isTaskSchedule, type TaskHandler as PromiseHandler, type TaskSchedule as PromiseSchedule
} from "./promise/Task.ts"

/**
 * Runs a promise under interruption: the signal is aborted, and then the promise is awaited, however long it takes. One that
 * ignores its signal shows as stuck, and its runner is replaced.
 */
const run = (handler: PromiseHandler, version: number, payload: unknown, context: HandlerContext): Effect.Effect<unknown, HandlerFailure> =>
  Effect.withFiber((fiber) => {
    const abort = new AbortController()
    const fork = Effect.runForkWith(fiber.context)
    const promise = Promise.resolve().then(() => handler.run(payload, {
      id: context.id, name: context.name, attempt: context.attempt, deadline: context.deadline, fence: context.fence, metadata: context.metadata,
      get signal() {
        return abort.signal
      },
      progress: (ratio, text) => {
        fork(context.progress(ratio, text))
      }
    }, version))
    return Effect.callback<unknown, HandlerFailure>((resume) => {
      promise.then((value) => resume(Effect.succeed(value)), (error: unknown) => resume(Effect.fail(handlerFailureOf(error))))
      return Effect.suspend(() => {
        abort.abort()
        return Effect.promise(() => promise.then(() => undefined, () => undefined))
      })
    })
  })

/** Handles its task for as long as the layer lives. */
export const fromHandler = (handler: PromiseHandler): Layer.Layer<never> => Layer.effectDiscard(
  Effect.flatMap(TaskHandlers, (handlers) => {
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
