/** The engine's dependency under a policy: for what else stands on both. */
import type { Dependency } from "../core/dependency.ts"

const dependencies = new WeakMap<object, Dependency>()

/** Said once, by the policy that is made. */
export const standsOn = (policy: object, dependency: Dependency): void => {
  dependencies.set(policy, dependency)
}

/** Undefined for what is no policy of ours. */
export const dependencyOf = (policy: unknown): Dependency | undefined =>
  typeof policy === "object" && policy !== null ? dependencies.get(policy) : undefined
