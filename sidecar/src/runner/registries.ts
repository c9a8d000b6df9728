/**
 * The dependencies of the handlers, of both faces. Effect handlers share the registry of the process; each `createOutrigger` of
 * the promise face has one of its own, perhaps of another copy of the SDK, and announces it under a global symbol.
 */
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

/** Lets `own` find the announced dependencies too. */
export const joinAnnounced = (own: Registry.Service): void => {
  const get = own.get.bind(own)
  own.get = (name) => {
    const found = get(name)
    if (found !== undefined) return found
    for (const registry of announced()) {
      const dependency = registry.get(name)
      if (dependency !== undefined) return onOurClock(dependency)
    }
    return undefined
  }
}

/** The checks of all of them. */
export const allChecks = (own: Registry.Service): Registry.Report["checks"] => {
  const epoch = Date.now()
  const others = announced().map((registry) => registry.report(performance.now(), epoch).checks)
  return Object.assign({}, ...others, own.report(Number(process.hrtime.bigint()) / 1e6, epoch).checks) as Registry.Report["checks"]
}
