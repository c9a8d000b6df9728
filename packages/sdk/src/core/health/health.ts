/**
 * Health, as data: the state of one check, and the report that all of them make.
 *
 * A check's raw results pass through `step`, which turns it bad only after `failAfter` bad ones in a row and good again after
 * `recoverAfter`; `entryOf` shows it at a moment, and a result older than its interval allows is stale, never green. Nothing
 * here runs a check, waits, or reads a clock.
 *
 * The report's shape is draft-inadarei-api-health-check-06, with `criticality`, `since`, `age` and `why` beside.
 */
import type { Criticality } from "../options.ts"
import { formatMillis } from "../time/duration.ts"

export type Status = "pass" | "warn" | "fail"

/** What a check function gives. */
export interface CheckResult {
  readonly status: Status
  readonly observedValue?: string | number | boolean | undefined
  readonly observedUnit?: string | undefined
  /** In plain words, when the status is not `pass`. */
  readonly output?: string | undefined
}

/** Milliseconds throughout. */
export interface CheckSettings {
  readonly every: number
  readonly timeout: number
  readonly failAfter: number
  readonly recoverAfter: number
  readonly criticality: Criticality
  /** Whether its failure takes the process out of service (`/readyz`). */
  readonly readiness: boolean
}

/** One check as it stands. `at` is monotonic, `time` and `since` are epoch ms. */
export interface CheckState {
  readonly status: Status | "unknown"
  readonly since: number
  /** Results in a row that contradict `status`. */
  readonly against: number
  readonly last: { readonly result: CheckResult; readonly at: number; readonly time: number } | undefined
}

/** Before its first result. */
export const initial = (epoch: number): CheckState => ({ status: "unknown", since: epoch, against: 0, last: undefined })

const rank: Record<Status, number> = { pass: 0, warn: 1, fail: 2 }

/** The state after a result. The first result counts at once: nobody should wait for health at the start. */
export const step = (
  state: CheckState, result: CheckResult, now: number, epoch: number, { failAfter, recoverAfter }: CheckSettings
): CheckState => {
  const last = { result, at: now, time: epoch }
  if (state.status === "unknown") return { status: result.status, since: epoch, against: 0, last }
  if (result.status === state.status) return { ...state, against: 0, last }
  const against = state.against + 1
  const needed = rank[result.status] > rank[state.status] ? failAfter : recoverAfter
  return against >= needed ? { status: result.status, since: epoch, against: 0, last } : { ...state, against, last }
}

/** One entry of a report. */
export interface CheckEntry {
  readonly status: Status
  readonly componentType?: string
  readonly observedValue?: string | number | boolean
  readonly observedUnit?: string
  /** ISO 8601, of the result. */
  readonly time?: string
  readonly output?: string
  readonly criticality: Criticality
  /** ISO 8601: since when it has had this status. */
  readonly since?: string
  /** Milliseconds since the result. */
  readonly age?: number
  /** In plain words, whenever it is not `pass`. */
  readonly why?: string
}

/** `application/health+json`. */
export interface Report {
  readonly status: Status
  readonly serviceId?: string
  readonly time: string
  /** Keyed `name:measure`. */
  readonly checks: Readonly<Record<string, ReadonlyArray<CheckEntry>>>
}

export const iso = (epoch: number): string => new Date(epoch).toISOString()

/** How old a result may be: the next should have come, even if it took its whole timeout, and once more for a slow machine. */
export const staleAfter = ({ every, timeout }: CheckSettings): number => 2 * every + timeout

/** The check as it shows at this moment. */
export const entryOf = (state: CheckState, settings: CheckSettings, now: number): CheckEntry => {
  const { criticality } = settings
  if (state.last === undefined || state.status === "unknown") {
    return { status: "warn", criticality, since: iso(state.since), why: "it has not run yet" }
  }
  const { result, time } = state.last
  const age = now - state.last.at
  const stale = age > staleAfter(settings)
  const status = stale && state.status === "pass" ? "warn" : state.status
  const why = stale
    ? `stale: the last result is ${formatMillis(age)} old, one is due every ${formatMillis(settings.every)}`
    : result.output ?? `the check says ${state.status}`
  return {
    status,
    criticality,
    ...(result.observedValue !== undefined && { observedValue: result.observedValue }),
    ...(result.observedUnit !== undefined && { observedUnit: result.observedUnit }),
    ...(result.output !== undefined && { output: result.output }),
    time: iso(time),
    since: iso(state.since),
    age: Math.round(age),
    ...(status !== "pass" && { why })
  }
}

/** Critical failing is `fail`; anything else that is not well is `warn`; what is ignored only shows. */
export const overall = (entries: Iterable<CheckEntry>): Status => {
  let worst: Status = "pass"
  for (const { criticality, status } of entries) {
    if (criticality === "ignored" || status === "pass") continue
    const counts: Status = status === "fail" && criticality === "critical" ? "fail" : "warn"
    if (rank[counts] > rank[worst]) worst = counts
  }
  return worst
}

/** All of it, at one moment. */
export const reportOf = (
  checks: Readonly<Record<string, ReadonlyArray<CheckEntry>>>, epoch: number, service?: string
): Report => ({
  status: overall(Object.values(checks).flat()),
  ...(service !== undefined && { serviceId: service }),
  time: iso(epoch),
  checks
})

/** An error's text for people: bounded, and with no password of a URL in it. */
export const explain = (error: unknown): string => {
  const name = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : ""
  const text = error instanceof Error ? error.message : typeof error === "string" ? error : JSON.stringify(error) ?? String(error)
  const status = (error as { readonly status?: unknown } | null | undefined)?.status
  const shown = typeof status === "number" && !(error instanceof Error) ? `status ${status}` : `${name}${text}`
  return shown.replace(/(\w+:\/\/)[^\s/@]*@/g, "$1").slice(0, 300)
}

/** Whoever returns nothing found nothing wrong. */
export const normalResult = (value: unknown): CheckResult => {
  if (value === undefined) return { status: "pass" }
  const { status } = (value ?? {}) as { readonly status?: unknown }
  return status === "pass" || status === "warn" || status === "fail"
    ? value as CheckResult
    : { status: "fail", output: `the check gave ${JSON.stringify(value)}, but must give { status: "pass" | "warn" | "fail" }` }
}
