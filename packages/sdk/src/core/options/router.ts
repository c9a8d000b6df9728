/** A router's options as people write them, made whole. */
import type { Dependency } from "../dependency.ts"
import type { DurationInput } from "../time/duration.ts"
import type { Criticality } from "../options.ts"
import type { RouterSettings, Strategy } from "../router/router.ts"
import { Reader } from "./reader.ts"

/** How a router picks. `D` is what the face takes for a duration. */
export interface RouterOptions<D = DurationInput> {
  /**
   * `ordered`: the first that is well, as they are written. `weighted`: in turn, each exactly as often as its weight says.
   * `random`: by lot, with the same odds, for many processes that must not keep step. `ordered` unless said.
   */
  readonly strategy?: Strategy | undefined
  /** The whole call, all targets together; no limit unless said. The nearer of this and the caller's deadline counts. */
  readonly timeout?: D | false | undefined
  /** What a try needs: with no more time than this left, no further target is tried. Zero unless said. */
  readonly leastTime?: D | undefined
  /** How many targets one call may try; all unless said. */
  readonly maxTargets?: number | undefined
  /** With every target out, how often a call may try the open breaker that is nearest to its end; a second unless said, `false` for never. */
  readonly lastResort?: D | false | undefined
  /** What it does to the health of the process that no target is left; "degrades" unless said. */
  readonly criticality?: Criticality | undefined
}

/** One target as it was written. */
export interface WrittenTarget<H> {
  readonly name: string
  readonly handle: H
  readonly dependency: Dependency
  readonly weight: number
  readonly check: unknown
}

const names = ["targets", "strategy", "timeout", "leastTime", "maxTargets", "lastResort", "criticality"]

/** How a face names what a target is called through, and what that stands on: undefined for what is none. */
export interface HandleKind {
  readonly key: string
  readonly dependencyOf: (value: unknown) => Dependency | undefined
}

/** Options made whole; throws `InvalidPolicyOption`. */
export const readRouter = <H>(
  name: string,
  options: RouterOptions<unknown> & { readonly targets: Readonly<Record<string, unknown>> },
  kind: HandleKind,
  millisOf?: (duration: unknown) => number
): { readonly settings: RouterSettings; readonly targets: ReadonlyArray<WrittenTarget<H>> } => {
  const read = new Reader(name, millisOf)
  if (typeof name !== "string" || name.trim() === "") read.refuse("name", name, "a name that is not empty")
  read.known("", options, names)
  const strategy = read.oneOf("strategy", options.strategy ?? "ordered", ["ordered", "weighted", "random"])
  const targets = readTargets<H>(read, options.targets, kind, strategy)
  const { lastResort = 1000, leastTime = 0, maxTargets = targets.length } = options
  return {
    settings: {
      strategy,
      timeout: read.limit("timeout", options.timeout),
      leastTime: read.millis("leastTime", leastTime, "from zero"),
      maxTargets: read.whole("maxTargets", maxTargets, 1),
      lastResort: lastResort === false ? Infinity : read.millis("lastResort", lastResort, "from zero"),
      criticality: read.oneOf("criticality", options.criticality ?? "degrades", ["critical", "degrades", "ignored"])
    },
    targets
  }
}

const readTargets = <H>(read: Reader, written: unknown, { dependencyOf, key }: HandleKind, strategy: Strategy): ReadonlyArray<WrittenTarget<H>> => {
  if (typeof written !== "object" || written === null || Object.keys(written).length === 0) {
    return read.refuse("targets", written, "at least one target by its name")
  }
  const owners = new Map<Dependency, string>()
  return Object.entries(written).map(([name, value]: [string, unknown]) => {
    const at = `targets.${name}`
    if (/^(0|[1-9]\d*)$/.test(name)) read.refuse("targets", name, "named by more than a number: JavaScript would move it to the front")
    const alone = dependencyOf(value) !== undefined
    if (!alone) read.known(`${at}.`, value, [key, "weight", "check"])
    const { [key]: handle, check, weight } = (alone ? { [key]: value } : value) as Readonly<Record<string, unknown>>
    const dependency = dependencyOf(handle)
    if (dependency === undefined) return read.refuse(`${at}.${key}`, typeof handle, `the ${key} itself`)
    const owner = owners.get(dependency)
    if (owner !== undefined) read.refuse(at, dependency.name, `another dependency than that of ${owner}`)
    owners.set(dependency, name)
    if (weight !== undefined && strategy === "ordered") read.refuse(`${at}.weight`, weight, 'left out: only "weighted" and "random" have weights')
    if (weight !== undefined && !(typeof weight === "number" && weight > 0 && weight < Infinity)) {
      read.refuse(`${at}.weight`, weight, "a number above zero, finite")
    }
    return { name, handle: handle as H, dependency, weight: (weight ?? 1) as number, check }
  })
}
