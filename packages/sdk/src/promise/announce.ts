/**
 * Lets the process that this code runs in find its registries: the sidecar's runner shows the dependencies of the handlers it
 * runs, and leaves tasks unclaimed while what they need is down. The door is a global symbol, because handlers may come with
 * another copy of the SDK than the runner's.
 */
import type { Registry } from "../core/registry.ts"

const key = Symbol.for("outrigger.registries")

const door = globalThis as { [key]?: Set<Registry> }

/** All of this process, the oldest first. */
export const announced = (): ReadonlyArray<Registry> => [...door[key] ?? []]

/** Until the returned function is called. Times given to a registry are those of `performance.now()`. */
export const announce = (registry: Registry): () => void => {
  const all = door[key] ??= new Set()
  all.add(registry)
  return () => all.delete(registry)
}
