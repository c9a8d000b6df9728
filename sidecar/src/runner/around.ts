/**
 * What stands around the handlers of a file: its named exports `middleware`, one or an array, and `hooks`. Middleware is of the
 * same face as the handlers: promise functions around promise handlers, the executor's `Middleware` around Layers.
 */
import type { Hooks, Middleware } from "@outrigger/executor"
import { PromiseTask } from "@outrigger/sdk"
import * as Layer from "effect/Layer"

/** What a module exports, as `import` gives it: that of CommonJS lies in its default. */
export interface Exports {
  readonly default?: unknown
  readonly [name: string]: unknown
}

export interface Around {
  /** Around promise handlers. */
  readonly promise: ReadonlyArray<PromiseTask.PromiseMiddleware>
  /** Around Layers. */
  readonly effect: ReadonlyArray<Middleware.Middleware>
  readonly hooks: Hooks.Hooks | undefined
}

const named = (module: Exports, name: string): unknown => module[name] ?? (module.default as Partial<Exports> | null | undefined)?.[name]

/** For these handlers; throws a `TypeError` that says what is wrong. */
export const aroundOf = (module: Exports, handlers: ReadonlyArray<unknown>): Around => {
  const middleware = [named(module, "middleware") ?? []].flat() as ReadonlyArray<any>
  const hooks = named(module, "hooks")
  if (middleware.some((one) => typeof one !== "function")) throw new TypeError('exports "middleware": it must be a function, or an array of them')
  if (hooks !== undefined && (typeof hooks !== "object" || hooks === null)) throw new TypeError('exports "hooks": it must be an object such as { onSettled }')
  const ofPromises = handlers.some((one) => PromiseTask.isTaskHandler(one))
  const ofLayers = handlers.some((one) => Layer.isLayer(one))
  if (middleware.length > 0 && ofPromises && ofLayers) {
    throw new TypeError('exports "middleware" beside both promise handlers and Layers: it can be of one kind only, so make them all of one kind')
  }
  return { promise: ofPromises ? middleware : [], effect: ofPromises ? [] : middleware, hooks: hooks as Hooks.Hooks | undefined }
}
