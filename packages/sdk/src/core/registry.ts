/** All that a process has registered: its named dependencies and checks. One for each `createOutrigger`, and for each test. */
import type { Chaos } from "./call/chaos.ts"
import { Dependency, type DependencyState, stateOf } from "./dependency.ts"
import { formatMillis } from "./time/duration.ts"
import { InvalidPolicyOption } from "./errors.ts"
import { type CheckEntry, type CheckSettings, type CheckState, entryOf, explain, iso, type Report, reportOf } from "./health/health.ts"
import type { PolicyOptions } from "./options.ts"
import type { Timers } from "./time/timers.ts"

export type Kind = "api" | "database" | "policy"

interface Registered {
  readonly kind: Kind
  readonly dependency: Dependency
  readonly fingerprint: string
}

/** A check that somebody runs; the registry only shows it. */
export interface RegisteredCheck {
  readonly settings: CheckSettings
  state: CheckState
}

/** Settings as text: functions by identity cannot be told apart, and count as alike. */
const fingerprintOf = (kind: Kind, dependency: Dependency): string =>
  JSON.stringify([kind, dependency.settings], (key, value: unknown) =>
    key === "store" && value !== undefined ? "store" : typeof value === "function" ? "function" : value === Infinity ? "Infinity" : value)

export class Registry {
  private readonly dependencies = new Map<string, Registered>()
  private chaos: Chaos | null = null
  private readonly checks = new Map<string, RegisteredCheck>()
  private readonly entries = new Map<string, (now: number, epoch: number) => CheckEntry>()

  /** The dependency of this name: made now, or the one that was made with the same options. */
  dependency(
    kind: Kind, name: string, options: PolicyOptions<unknown>, timers?: Timers, millisOf?: (duration: unknown) => number
  ): Dependency {
    const dependency = new Dependency(name, options, timers, millisOf)
    const fingerprint = fingerprintOf(kind, dependency)
    const known = this.dependencies.get(name)
    if (known === undefined) {
      dependency.chaos = this.chaos
      this.dependencies.set(name, { kind, dependency, fingerprint })
      dependency.begin()
      return dependency
    }
    if (known.fingerprint === fingerprint) return known.dependency
    throw new InvalidPolicyOption(name, "name", name, `new: ${known.kind === "api" ? "an" : "a"} ${known.kind} of this name exists with other options; make it once and share it, or choose another name`)
  }

  /** Faults for all dependencies, those to come among them, until the returned function is called. */
  provideChaos(chaos: Chaos): () => void {
    const give = (source: Chaos | null) => {
      this.chaos = source
      for (const { dependency } of this.dependencies.values()) dependency.chaos = source
    }
    give(chaos)
    return () => {
      if (this.chaos === chaos) give(null)
    }
  }

  remove(name: string): void {
    void this.dependencies.get(name)?.dependency.close()
    this.dependencies.delete(name)
  }

  /** Ends what its dependencies share with other processes. */
  async close(): Promise<void> {
    await Promise.all([...this.dependencies.values()].map(({ dependency }) => dependency.close()))
  }

  /** Shows a check under `name:measure` until the returned function is called. */
  check(key: string, check: RegisteredCheck): () => void {
    if (this.checks.has(key)) throw new InvalidPolicyOption(key, "name", key, "new: a check of this name exists")
    this.checks.set(key, check)
    return () => {
      if (this.checks.get(key) === check) this.checks.delete(key)
    }
  }

  /** The check that shows under this key. */
  checkOf(key: string): RegisteredCheck | undefined {
    return this.checks.get(key)
  }

  /** Shows what `make` gives at the moment of a report under `name:measure`, until the returned function is called. */
  entry(key: string, make: (now: number, epoch: number) => CheckEntry): () => void {
    if (this.entries.has(key)) throw new InvalidPolicyOption(key, "name", key, "new: an entry of this name exists")
    this.entries.set(key, make)
    return () => {
      if (this.entries.get(key) === make) this.entries.delete(key)
    }
  }

  get(name: string): Dependency | undefined {
    return this.dependencies.get(name)?.dependency
  }

  /** Every dependency by name. */
  all(): ReadonlyMap<string, { readonly kind: Kind; readonly dependency: Dependency }> {
    return this.dependencies
  }

  /** Statistics of all dependencies at this moment. */
  states(): Readonly<Record<string, DependencyState>> {
    return Object.fromEntries([...this.dependencies].map(([name, { dependency }]) => [name, stateOf(dependency)]))
  }

  /** False while a check that concerns readiness fails. */
  ready(): boolean {
    return [...this.checks.values()].every(({ settings, state }) => !settings.readiness || state.status !== "fail")
  }

  /** Health at this moment, from memory. */
  report(now: number, epoch: number, service?: string): Report {
    const entries: Record<string, ReadonlyArray<CheckEntry>> = {}
    for (const [key, { settings, state }] of this.checks) entries[key] = [entryOf(state, settings, now)]
    for (const [name, { dependency, kind }] of this.dependencies) {
      const entry = breakerEntry(dependency, kind, now, epoch)
      if (entry !== undefined) entries[`${name}:breaker`] = [entry]
    }
    for (const [key, make] of this.entries) entries[key] = [make(now, epoch)]
    return reportOf(entries, epoch, service)
  }
}

const breakerEntry = (dependency: Dependency, kind: Kind, now: number, epoch: number): CheckEntry | undefined => {
  const { breaker, breakerSince, lastFailure, settings, statistics } = dependency
  if (breaker === null) return undefined
  const { tag } = breaker.state
  const shown = {
    componentType: kind,
    observedValue: tag,
    criticality: settings.criticality,
    time: iso(epoch),
    ...(breakerSince !== undefined && { since: iso(breakerSince) })
  }
  if (tag === "closed") return { status: "pass", ...shown }
  const retryAfter = breaker.retryAfter(now)
  const why = [
    tag === "isolated" ? "isolated by hand" : `breaker ${tag}${breakerSince === undefined ? "" : ` since ${iso(breakerSince)}`}`,
    ...(settings.breaker?.observe === true && tag !== "isolated" ? ["it only observes, and rejects nothing"] : []),
    ...(tag === "isolated" ? [] : [`${statistics.openings} opening${statistics.openings === 1 ? "" : "s"} so far`]),
    ...(lastFailure === undefined ? [] : [`last failure: ${explain(lastFailure.error)}`]),
    ...(retryAfter === undefined ? [] : [`tries again in ${formatMillis(retryAfter)}`])
  ].join("; ")
  return { status: settings.criticality === "critical" && tag === "open" ? "fail" : "warn", ...shown, why }
}
