/**
 * Policies tried out before their dependency fails: what callers and the dependency would see in an outage, a brown-out or an
 * overload. It runs on virtual time, over the real engine, and the same seed gives the same result. Nothing here is an effect:
 * it computes, and a million calls take a few seconds, in which nothing else runs.
 */
import type * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import { InvalidPolicyOption } from "./core/errors.ts"
import type { PolicyOptions } from "./core/options.ts"
import { compare as compareCore, type Without } from "./core/simulate/compare.ts"
import type { FaultOptions } from "./core/simulate/faults.ts"
import type { LoadOptions } from "./core/simulate/load.ts"
import type { DependencyModel } from "./core/simulate/model.ts"
import type { SimulationOptions } from "./core/simulate/options.ts"
import type { SimulationResult } from "./core/simulate/result.ts"
import { simulate as simulateCore } from "./core/simulate/simulate.ts"
import { millisOf } from "./internal/millisOf.ts"
import { unshared } from "./internal/sharedStore.ts"
import type * as Policy from "./Policy.ts"

export type { Without } from "./core/simulate/compare.ts"
export { plot, type PlotOptions } from "./core/simulate/plot.ts"
export type { Percentiles } from "./core/simulate/histogram.ts"
export type { Bucket, Rejection, SimulationResult as Result, Totals } from "./core/simulate/result.ts"

/** What is played. */
export interface Options extends SimulationOptions<Duration.Input> {}

/** Who calls, when, and what they do who are not served. */
export interface Load extends LoadOptions<Duration.Input> {}

/** The dependency when it is well, and the script of what goes wrong. */
export interface Model extends DependencyModel<Duration.Input> {}

/** One line of the script. */
export type Fault = FaultOptions<Duration.Input>

/** A preset carries its schedule beside; a schedule alone runs in a fiber, and there is none here. */
const toCoreOptions = (policy: Policy.Options): PolicyOptions<unknown> => {
  const { retry } = policy
  if (Schedule.isSchedule(retry)) {
    throw new InvalidPolicyOption("simulation", "retry", "a schedule", "options such as { times, base, factor }, or a preset: schedules are not simulated")
  }
  const core = { ...policy as PolicyOptions<unknown>, breaker: unshared(policy.breaker) }
  if (retry === undefined || retry === false) return core
  const { schedule: _, ...options } = retry as typeof retry & { readonly schedule?: unknown }
  return { ...core, retry: options }
}

/** Options, or those that a policy has now; the policy itself is left alone. */
const played = (policy: Policy.Options | Policy.Policy) =>
  "run" in policy ? { name: policy.name, options: toCoreOptions(policy.options) } : toCoreOptions(policy)

/**
 * Plays a policy against a scripted dependency under load. Options that make no sense throw `InvalidPolicyOption`; more than
 * twenty million attempts, a `RangeError`.
 *
 * @example
 * import { Retry, Simulation } from "@outrigger/sdk"
 *
 * const { totals } = Simulation.simulate({ timeout: "2 seconds", retry: Retry.database, breaker: { failures: 5 } }, {
 *   load: { perSecond: 200 },
 *   dependency: {
 *     latency: { p50: "40 millis", p99: "200 millis" },
 *     workers: 20,
 *     faults: [{ kind: "outage", at: "30 seconds", for: "20 seconds" }]
 *   },
 *   duration: "2 minutes"
 * })
 */
export const simulate = (policy: Policy.Options | Policy.Policy, options: Options): SimulationResult =>
  simulateCore(played(policy), options, millisOf)

/**
 * Plays the policy as it is, and then without each of these parts, under the same callers and faults. `"naive"` leaves the
 * retries and takes away all that holds them back. For `plot`.
 */
export const compare = (policy: Policy.Options | Policy.Policy, options: Options, parts: ReadonlyArray<Without>): ReadonlyArray<SimulationResult> =>
  compareCore(played(policy), options, parts, millisOf)
