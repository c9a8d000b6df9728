/** The named dependencies and checks of this process, unless another registry is provided: each test provides its own. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Registry as CoreRegistry } from "./core/registry.ts"

export type { DependencyState } from "./core/dependency.ts"
export type { CheckEntry, CheckResult, CheckSettings, CheckState, Report, Status } from "./core/health/health.ts"
export { explain, reportOf } from "./core/health/health.ts"
export type { RegisteredCheck } from "./core/registry.ts"
export { probesOf } from "./core/tasks/needs.ts"

/** All that a process has registered. */
export type Service = CoreRegistry

/** The registry at hand; one for the process by default. */
export const Registry = Context.Reference<CoreRegistry>("@outrigger/sdk/Registry", { defaultValue: () => new CoreRegistry() })

/** A registry of its own for whatever is built with this layer. */
export const layer: Layer.Layer<never> = Layer.effect(Registry, Effect.acquireRelease(
  Effect.sync(() => new CoreRegistry()),
  (registry) => Effect.promise(() => registry.close())
))
