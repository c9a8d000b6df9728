/**
 * Faults on demand, for tests and game days: what a policy does when its dependency is slow, fails, hangs, or turns calls
 * away. A source of faults is asked once for each attempt; nothing is injected unless one is provided.
 */
import type { DurationInput } from "../time/duration.ts"
import { Reader } from "../options/reader.ts"

/** What the policy says when chaos plays one of its parts. */
export type ChaosRejection = "breaker" | "bulkhead" | "rate-limit"

/** What happens to one attempt. */
export interface Fault {
  /** Milliseconds before the attempt begins, or before it fails. */
  readonly latency?: number
  /** The attempt fails with this, and the dependency is not called. */
  readonly error?: { readonly value: unknown }
  /** The attempt never answers: only a timeout or the caller ends it. */
  readonly hang?: boolean
  readonly reject?: ChaosRejection
}

/** Whom a fault is for. */
export interface ChaosTarget {
  readonly dependency: string
  readonly operation: string | undefined
  /** From 1. */
  readonly attempt: number
  /** In [0, 1). */
  readonly random: () => number
}

/** Undefined lets the attempt alone. */
export type Chaos = (target: ChaosTarget) => Fault | undefined

/** How often each fault comes, as shares of all attempts: 0.1 is every tenth. */
export interface ChaosRates<D = DurationInput> {
  readonly latency?: { readonly rate: number; readonly by: D } | undefined
  /** Fails with an `Error` that says so, unless said. */
  readonly error?: { readonly rate: number; readonly with?: unknown } | undefined
  readonly hang?: { readonly rate: number } | undefined
  /** As an open breaker would, unless said. */
  readonly reject?: { readonly rate: number; readonly as?: ChaosRejection | undefined } | undefined
}

/** One line of a script. */
export type ChaosStep<D = DurationInput> =
  | "pass"
  | "hang"
  | { readonly latency: D }
  | { readonly error: unknown; readonly latency?: D }
  | { readonly reject: ChaosRejection }

const rejections = ["breaker", "bulkhead", "rate-limit"] as const

const chaosError = ({ attempt, dependency }: ChaosTarget): Error => new Error(`chaos: ${dependency} fails attempt ${attempt}`)

/** Faults by chance. Options that make no sense throw `InvalidPolicyOption`. */
export const chaosRates = (options: ChaosRates<unknown>, millisOf?: (duration: unknown) => number): Chaos => {
  const read = new Reader("chaos", millisOf)
  read.known("", options, ["latency", "error", "hang", "reject"])
  const rate = (part: "latency" | "error" | "hang" | "reject", names: ReadonlyArray<string>): number => {
    const value = options[part]
    if (value === undefined) return 0
    read.known(`${part}.`, value, ["rate", ...names])
    return read.number(`${part}.rate`, value.rate, 0, 1)
  }
  const rates = { latency: rate("latency", ["by"]), error: rate("error", ["with"]), hang: rate("hang", []), reject: rate("reject", ["as"]) }
  const by = options.latency === undefined ? 0 : read.millis("latency.by", options.latency.by)
  const reject = read.oneOf("reject.as", options.reject?.as ?? "breaker", rejections)
  const own = options.error !== undefined && "with" in options.error ? { value: options.error.with } : undefined
  return (target) => {
    const comes = (share: number) => share > 0 && target.random() < share
    if (comes(rates.reject)) return { reject }
    if (comes(rates.hang)) return { hang: true }
    const error = comes(rates.error) ? own ?? { value: chaosError(target) } : undefined
    const latency = comes(rates.latency) ? by : 0
    if (error === undefined) return latency > 0 ? { latency } : undefined
    return { error, latency }
  }
}

/** One step for each attempt, in the order in which they begin; once it is played, nothing is injected any more. */
export const chaosScript = (steps: ReadonlyArray<ChaosStep<unknown>>, millisOf?: (duration: unknown) => number): Chaos => {
  const read = new Reader("chaos", millisOf)
  const faults = steps.map((step, index): Fault | undefined => {
    if (step === "pass") return undefined
    if (step === "hang") return { hang: true }
    const at = `script[${index}]`
    read.known(`${at}.`, step, ["latency", "error", "reject"])
    if ("reject" in step) return { reject: read.oneOf(`${at}.reject`, step.reject, rejections) }
    const latency = step.latency === undefined ? 0 : read.millis(`${at}.latency`, step.latency, "from zero")
    return "error" in step ? { latency, error: { value: step.error } } : { latency }
  })
  let next = 0
  return () => faults[next++]
}
