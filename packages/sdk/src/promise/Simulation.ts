/**
 * Policies tried out before their dependency fails: what callers and the dependency would see in an outage, a brown-out or an
 * overload. It runs on virtual time, over the real engine, and the same seed gives the same result.
 */
import type { PolicyOptions } from "../core/options.ts"
import { compare as compareCore, without as withoutCore, type Without } from "../core/simulate/compare.ts"
import type { LivePolicy, SimulationOptions } from "../core/simulate/options.ts"
import type { SimulationResult } from "../core/simulate/result.ts"
import { simulate as simulateCore } from "../core/simulate/simulate.ts"

export type { Without } from "../core/simulate/compare.ts"
export type { FaultOptions as Fault, ServerLimitOptions as ServerLimit } from "../core/simulate/faults.ts"
export type { Percentiles } from "../core/simulate/histogram.ts"
export type { ComeAgainOptions as ComeAgain, LoadOptions as Load, LoadStep } from "../core/simulate/load.ts"
export type { DependencyModel as Model } from "../core/simulate/model.ts"
export type { LivePolicy, SimulationOptions as Options } from "../core/simulate/options.ts"
export type { RequestCounts } from "../core/simulate/plant.ts"
export { plot, type PlotOptions } from "../core/simulate/plot.ts"
export type { Bucket, Rejection, SimulationResult as Result, Totals } from "../core/simulate/result.ts"

/**
 * Plays a policy against a scripted dependency under load, on virtual time and over the real engine: what callers and the
 * dependency would see. An `Api` gives its options of this moment, and nothing of it is touched. The same seed gives the same
 * result. A million calls take a few seconds, in which nothing else runs: for a script or a worker, not for a request.
 * Options that make no sense throw `InvalidPolicyOption`; more than twenty million attempts, a `RangeError`.
 *
 * @example
 * import { simulate } from "@outrigger/sdk/promise"
 *
 * const { totals } = simulate({ timeout: "2 seconds", retry: { times: 3, base: "100 millis" }, breaker: { failures: 5 } }, {
 *   load: { perSecond: 200 },
 *   dependency: {
 *     latency: { p50: "40 millis", p99: "200 millis" },
 *     workers: 20,
 *     faults: [{ kind: "outage", at: "30 seconds", for: "20 seconds" }]
 *   },
 *   duration: "2 minutes"
 * })
 * console.log(totals.amplification, totals.goodput, totals.recovery)
 */
export const simulate = (policy: PolicyOptions | LivePolicy, options: SimulationOptions): SimulationResult => simulateCore(policy, options)

/**
 * Plays the policy as it is, and then without each of these parts, under the same callers and faults. `"naive"` leaves the
 * retries and takes away all that holds them back.
 *
 * @example
 * import { Simulation } from "@outrigger/sdk/promise"
 *
 * const svg = Simulation.plot(Simulation.compare({ retry: { times: 3 }, breaker: {} }, {
 *   load: { perSecond: 50 },
 *   dependency: { latency: { p50: 20, p99: 90 }, workers: 5, faults: [{ kind: "brown-out", at: "10 seconds", for: "10 seconds", fails: 0.5 }] },
 *   duration: "1 minute"
 * }, ["budget", "naive"]))
 */
export const compare = (
  policy: PolicyOptions | LivePolicy, options: SimulationOptions, parts: ReadonlyArray<Without>
): ReadonlyArray<SimulationResult> => compareCore(policy, options, parts)

/** The options without this part, as `compare` plays them. */
export const without = (options: PolicyOptions, part: Without): PolicyOptions => withoutCore(options, part) as PolicyOptions
