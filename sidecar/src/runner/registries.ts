/**
 * The dependencies of the handlers, of both faces. Effect handlers share the registry of the process; each `createOutrigger` of
 * the promise face has one of its own, perhaps of another copy of the SDK, and announces it under a global symbol.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Registry } from "@outrigger/sdk"

/** What is used of a registry, whichever copy of the SDK made it. Times are those of `performance.now()`. */
interface Announced {
  readonly get: Registry.Service["get"]
  readonly report: Registry.Service["report"]
}

const announcedKey = Symbol.for("outrigger.registries")

const announced = (): ReadonlyArray<Announced> => {
  const found = (globalThis as { readonly [announcedKey]?: Iterable<Announced> })[announcedKey]
  return found === undefined ? [] : [...found]
}

type Dependency = NonNullable<ReturnType<Registry.Service["get"]>>
type Breaker = NonNullable<Dependency["breaker"]>

/** An executor asks by Effect's monotonic clock; the promise face's breakers go by `performance.now()`. */
const onOurClock = (dependency: Dependency): Dependency => {
  const { breaker } = dependency
  if (breaker === null) return dependency
  const rejects: Breaker["rejects"] = () => breaker.rejects(performance.now())
  return Object.create(dependency, { breaker: { value: Object.create(breaker, { rejects: { value: rejects } }) } }) as Dependency
}

/** The registry at hand, which finds the announced dependencies too: for an executor, which leaves alone what needs one that is down. */
export const layerJoined: Layer.Layer<never> = Layer.effect(Registry.Registry, Effect.map(Registry.Registry, (own) => {
  const get: Registry.Service["get"] = (name) => {
    const found = own.get(name)
    if (found !== undefined) return found
    for (const registry of announced()) {
      const dependency = registry.get(name)
      if (dependency !== undefined) return onOurClock(dependency)
    }
    return undefined
  }
  return Object.create(own, { get: { value: get } }) as Registry.Service
}))

/** The checks of all of them. */
export const allChecks = (own: Registry.Service): Registry.Report["checks"] => {
  const epoch = Date.now()
  const others = announced().map((registry) => registry.report(performance.now(), epoch).checks)
  return Object.assign({}, ...others, own.report(Number(process.hrtime.bigint()) / 1e6, epoch).checks) as Registry.Report["checks"]
}
