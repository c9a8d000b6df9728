/**
 * The handlers that this process can run: `Task.toLayer` adds one, an executor runs them all. Beside them, the schedules that it
 * declares: `Task.schedule` adds one.
 *
 * It is a reference with a default, one for the process, so that a handler's layer needs no executor to exist; each test
 * provides its own (`TaskHandlers.layer`).
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { HandlerFailure } from "./core/tasks/handlerFailure.ts"
import type { Declaration } from "./core/schedules/schedule.ts"
import type { AttemptInfo, TaskDefinition } from "./core/tasks/task.ts"

export { handlerFailureOf as failureOf, type HandlerFailure } from "./core/tasks/handlerFailure.ts"

/** What a handler is given beside the payload. */
export interface HandlerContext extends AttemptInfo {
  /** Aborted when the attempt ends before the handler: timeout, cancellation, lost lease, drain. */
  readonly signal: AbortSignal
  /** Shows how far the attempt is: `ratio` from 0 to 1, and a few words. Never fails: a lost fence interrupts the handler. */
  readonly progress: (ratio: number, text?: string) => Effect.Effect<void>
}

/**
 * One handler with all that it needs. `run` takes the encoded payload and gives the encoded success; it fails with a
 * `HandlerFailure`, and whatever else goes wrong in it is a defect, which is retried.
 */
export interface TaskHandler {
  readonly definition: TaskDefinition
  /** It reads payloads of a version before the task's own: it is claimed, but not announced, for it does not know their schema. */
  readonly older?: true | undefined
  readonly run: (payload: unknown, context: HandlerContext) => Effect.Effect<unknown, HandlerFailure>
  /** What it was built with. `run` provides it by itself; `servicesOf` does so once for many attempts. */
  readonly services?: Context.Context<never> | undefined
}

const Provided = Context.Reference<Context.Context<never> | undefined>("@outrigger/sdk/TaskHandlers/Provided", { defaultValue: () => undefined })

/** The services in which attempts of this handler run with nothing more to provide; an executor makes them once. */
export const servicesOf = (handler: TaskHandler, base: Context.Context<never>): Context.Context<never> =>
  handler.services === undefined ? base : Context.add(Context.merge(base, handler.services), Provided, handler.services)

/** Provides a handler's services, unless it runs among them already. */
export const provide = <A, E, R>(effect: Effect.Effect<A, E, R>, services: Context.Context<R>): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => fiber.getRef(Provided) === services
    ? effect as Effect.Effect<A, E> // so the fiber's own services are these, and more
    : Effect.provideContext(effect, services) as Effect.Effect<A, E>)

export interface Handlers {
  /** Adds a handler until the scope closes. Two handlers of one name and version are a defect that names both. */
  readonly add: (handler: TaskHandler) => Effect.Effect<void, never, Scope.Scope>
  readonly all: () => ReadonlyArray<TaskHandler>
  readonly find: (name: string, version: number) => TaskHandler | undefined
  /** Declares a schedule until the scope closes. Two of one name are a defect that names both tasks. */
  readonly addSchedule: (declaration: Declaration) => Effect.Effect<void, never, Scope.Scope>
  readonly schedules: () => ReadonlyArray<Declaration>
}

const routeOf = (name: string, version: number) => `${name} v${version}`

/** An empty set of handlers. */
export const make = (): Handlers => {
  const handlers = new Map<string, TaskHandler>()
  const schedules = new Map<string, Declaration>()
  return {
    add: (handler) => {
      const route = routeOf(handler.definition.name, handler.definition.version)
      const add = Effect.suspend(() => {
        if (handlers.has(route)) return Effect.die(new Error(`Two handlers for task ${route}: remove one, or give one another version`))
        handlers.set(route, handler)
        return Effect.void
      })
      return Effect.asVoid(Effect.acquireRelease(add, () => Effect.sync(() => handlers.delete(route))))
    },
    all: () => [...handlers.values()],
    find: (name, version) => handlers.get(routeOf(name, version)),
    addSchedule: (declaration) => {
      const add = Effect.suspend(() => {
        const { name, task } = declaration
        const other = schedules.get(name)
        if (other !== undefined) return Effect.die(new Error(`Two schedules named "${name}", of the tasks ${other.task.name} and ${task.name}: give one another name`))
        schedules.set(name, declaration)
        return Effect.void
      })
      return Effect.asVoid(Effect.acquireRelease(add, () => Effect.sync(() => schedules.delete(declaration.name))))
    },
    schedules: () => [...schedules.values()]
  }
}

/** The handlers of this process, unless another set is provided. */
export const TaskHandlers = Context.Reference<Handlers>("@outrigger/sdk/TaskHandlers", { defaultValue: make })

/** A set of its own for whatever is built with this layer. */
export const layer: Layer.Layer<never> = Layer.sync(TaskHandlers, make)
