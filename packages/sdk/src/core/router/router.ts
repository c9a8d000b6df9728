/**
 * One call, several dependencies that can answer it. A router picks the target of each try; `route.ts` is the call that
 * goes from one to the next.
 *
 *            its breaker opens, or is isolated; its check fails
 *     in ------------------------------------------------------> out
 *      ^                                                          |  openFor is over, its check passes again
 *      |   its breaker closes                                     v
 *      +------------------------------------------------------- trial      gets calls as its breaker lets them through
 *
 * A standing is read when a target is picked, from the breaker and the check: nothing is stored that could be out of date, and
 * no timer is needed. The half-open probe is the way back, and the breaker lets so few through that one call at most pays for
 * it, and falls over.
 *
 * What keeps it from flapping: a target whose breaker opened gets no call for `openFor`, and counts as preferred again only
 * when its breaker has closed; a check turns only after `failAfter` bad results in a row.
 *
 * With every target out, a call is not rejected untried: a check is an opinion, so a target whose breaker is closed is tried
 * against it (all of them by the strategy, or the heaviest would drown); else one call each `lastResort` ends the wait of the
 * open breaker that is nearest to its end, and is its probe. Isolated by hand stays isolated.
 */
import type { Dependency } from "../dependency.ts"
import { formatMillis } from "../time/duration.ts"
import { type CheckEntry, type CheckState, iso } from "../health/health.ts"
import { Listeners } from "../events/listeners.ts"
import type { Criticality } from "../options.ts"
import type { TimerPort } from "../time/timers.ts"
import { type Rim, turn } from "./wheel.ts"

export type Strategy = "ordered" | "weighted" | "random"

/** Milliseconds throughout; Infinity for no limit, or never. */
export interface RouterSettings {
  readonly strategy: Strategy
  readonly timeout: number
  readonly leastTime: number
  readonly maxTargets: number
  readonly lastResort: number
  readonly criticality: Criticality
}

/** Where a target stands at this moment. */
export type Standing = "in" | "trial" | "out"

/** What became of the tries of one target. */
export interface TargetStatistics {
  tries: number
  successes: number
  /** Transient: the next target was due. */
  failures: number
  /** Errors that no other target would mend. */
  permanent: number
  /** By its policy, before the call was made. */
  rejected: number
  /** The caller left. */
  aborted: number
}

export interface RouterEvents<T extends string = string> {
  /** Undefined when none is in. */
  preferred: { readonly from: T | undefined; readonly to: T | undefined; readonly why: string }
  fallover: { readonly from: T; readonly to: T; readonly operation: string | undefined; readonly error: unknown }
}

/** One of the equivalents; `H` is what the face calls it through. */
export class Target<H> implements Rim {
  readonly name: string
  readonly handle: H
  readonly weight: number
  readonly dependency: Dependency
  /** How its check stands, where it has one that has run. */
  readonly checked: () => CheckState | undefined
  readonly statistics: TargetStatistics = { tries: 0, successes: 0, failures: 0, permanent: 0, rejected: 0, aborted: 0 }
  owed = 0

  constructor(name: string, handle: H, weight: number, dependency: Dependency, checked: () => CheckState | undefined) {
    this.name = name
    this.handle = handle
    this.weight = weight
    this.dependency = dependency
    this.checked = checked
  }

  get failsCheck(): boolean {
    return this.checked()?.status === "fail"
  }

  /** Would its breaker reject a call now? The clock is read only when it matters. */
  rejects({ now }: TimerPort): boolean {
    const { breaker } = this.dependency
    return breaker !== null && breaker.state.tag !== "closed" && breaker.rejects(now())
  }

  /** In, as far as anybody can tell without a clock. */
  get in(): boolean {
    const { breaker } = this.dependency
    return (breaker === null || breaker.state.tag === "closed") && !this.failsCheck
  }

  standing(port: TimerPort): Standing {
    return this.in ? "in" : this.failsCheck || this.rejects(port) ? "out" : "trial"
  }

  /** Why it is not in, in plain words. */
  why(now: number): string {
    const { breaker } = this.dependency
    const tag = breaker?.state.tag ?? "closed"
    if (tag === "isolated") return `${this.name} is isolated by hand`
    if (tag === "closed") return this.failsCheck ? `the check of ${this.name} fails${said(this.checked())}` : `${this.name} is well`
    const wait = breaker!.retryAfter(now)
    return `the breaker of ${this.name} is ${tag}${wait === undefined ? "" : `, tries again in ${formatMillis(wait)}`}`
  }

  /** When a call may be let through; Infinity where nobody knows. */
  recovery(now: number): number {
    return this.dependency.breaker?.retryAfter(now) ?? Infinity
  }

  /** Ends the wait of an open breaker: the next call is its probe. */
  hasten(now: number): boolean {
    return this.dependency.breaker?.hasten(now) === true
  }
}

const said = (state: CheckState | undefined): string => state?.last?.result.output === undefined ? "" : `: ${state.last.result.output}`

export class Router<H> {
  readonly name: string
  readonly settings: RouterSettings
  /** As they were written. */
  readonly targets: ReadonlyArray<Target<H>>
  /** The best first: as written, or the heaviest. */
  readonly ranked: ReadonlyArray<Target<H>>
  readonly listeners = new Listeners<RouterEvents>({ preferred: [], fallover: [] })
  /** The best that was in when somebody last looked. */
  preferred: Target<H> | undefined
  calls = 0
  fallovers = 0
  lastResorts = 0
  private preferredSince: number | undefined = undefined
  /** From when on a call may end the wait of an open breaker again. */
  private lastResortFrom: number

  constructor(name: string, settings: RouterSettings, targets: ReadonlyArray<Target<H>>) {
    this.name = name
    this.settings = settings
    this.targets = targets
    this.ranked = settings.strategy === "ordered" ? targets : targets.toSorted((a, b) => b.weight - a.weight)
    this.preferred = this.ranked[0]
    this.lastResortFrom = settings.lastResort === Infinity ? Infinity : -Infinity
  }

  /** The target of the next try; null when `tried` is all that a call should try. `reached` says that one of those was really called. */
  pick(tried: ReadonlyArray<Target<H>>, reached: boolean, port: TimerPort): Target<H> | null {
    this.look(port)
    const { targets } = this
    if (this.settings.strategy === "ordered") {
      for (const target of targets) if (target.standing(port) !== "out" && !tried.includes(target)) return target
    } else {
      const chosen = this.choose(targets.filter((target) => target.standing(port) !== "out" && !tried.includes(target)), port)
      if (chosen !== undefined) return chosen
    }
    return reached ? null : this.desperate(targets.filter((target) => !tried.includes(target)), tried.length === 0, port)
  }

  private choose(candidates: ReadonlyArray<Target<H>>, port: TimerPort): Target<H> | undefined {
    const { strategy } = this.settings
    if (strategy === "weighted") return turn(candidates)
    return strategy === "ordered" ? candidates[0] : byLot(candidates, port.random())
  }

  /** All are out. `first` when a rejection would be the first that the caller hears. */
  private desperate(rest: ReadonlyArray<Target<H>>, first: boolean, port: TimerPort): Target<H> | null {
    const against = this.choose(rest.filter((target) => !target.rejects(port)), port)
    if (against !== undefined) {
      this.lastResorts++
      return against
    }
    const now = port.now()
    const nearest = rest.reduce<Target<H> | null>((best, one) => best === null || one.recovery(now) < best.recovery(now) ? one : best, null)
    if (nearest !== null && now >= this.lastResortFrom && nearest.hasten(now)) {
      this.lastResortFrom = now + this.settings.lastResort
      this.lastResorts++
      return nearest
    }
    return first ? nearest : null
  }

  /** Notes which target is preferred now, and tells of a change. */
  look(port: TimerPort): void {
    const best = this.best
    const before = this.preferred
    if (best === before) return
    this.preferred = best
    this.preferredSince = port.epoch()
    if (!this.listeners.heard("preferred")) return
    const why = before === undefined || before.in ? best!.why(port.now()) : before.why(port.now())
    this.listeners.emit("preferred", { from: before?.name, to: best?.name, why })
  }

  private get best(): Target<H> | undefined {
    for (const target of this.ranked) if (target.in) return target
    return undefined
  }

  /** Its entry in the health report: `warn` when it does without a target that it would use. */
  entry(now: number, epoch: number): CheckEntry {
    const { best } = this
    const { criticality, strategy } = this.settings
    const missed = this.ranked.filter((target) => !target.in)
    const shown = {
      componentType: "router",
      observedValue: best?.name ?? "none",
      criticality,
      time: iso(epoch),
      ...(this.preferredSince !== undefined && { since: iso(this.preferredSince) })
    }
    if (strategy === "ordered" ? best === this.ranked[0] : missed.length === 0) return { status: "pass", ...shown }
    const status = best === undefined && criticality === "critical" ? "fail" : "warn"
    const because = missed.slice(0, strategy !== "ordered" || best === undefined ? undefined : this.ranked.indexOf(best))
    const why = [best === undefined ? "no target is in" : `on ${best.name}`, ...because.map((target) => target.why(now))].join("; ")
    return { status, ...shown, why }
  }

  /** A copy of its state at this moment. */
  state<T extends string>(port: TimerPort): RouterState<T> {
    return {
      preferred: this.best?.name as T | undefined,
      calls: this.calls,
      fallovers: this.fallovers,
      lastResorts: this.lastResorts,
      targets: Object.fromEntries(this.targets.map((target) =>
        [target.name, { standing: target.standing(port), ...target.statistics }])) as RouterState<T>["targets"]
    }
  }
}

const byLot = <T extends Rim>(candidates: ReadonlyArray<T>, random: number): T | undefined => {
  let left = random * candidates.reduce((sum, { weight }) => sum + weight, 0)
  return candidates.find(({ weight }) => (left -= weight) < 0) ?? candidates.at(-1)
}

/** What everybody may see of a router. */
export interface RouterState<T extends string = string> {
  /** The best target that is in; undefined when none is. */
  readonly preferred: T | undefined
  readonly calls: number
  /** How often a call went on to another target. */
  readonly fallovers: number
  /** How often one was tried with every target out. */
  readonly lastResorts: number
  readonly targets: { readonly [K in T]: Readonly<TargetStatistics> & { readonly standing: Standing } }
}
