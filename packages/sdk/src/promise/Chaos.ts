/**
 * Faults on demand, for tests and game days: what a policy does when its dependency is slow, fails, hangs, or turns calls
 * away. Nothing is injected until a source of faults is handed to `api.chaos(source)` or `outrigger.chaos(source)`.
 */
import { type Chaos, type ChaosRates, chaosRates, chaosScript, type ChaosStep } from "../core/call/chaos.ts"

export type { Chaos, ChaosRates as Rates, ChaosRejection as Rejection, ChaosStep as Step, ChaosTarget as Target, Fault } from "../core/call/chaos.ts"

/**
 * Faults by chance, as shares of all attempts. Options that make no sense throw `InvalidPolicyOption`.
 *
 * @example
 * import { Chaos, createOutrigger } from "@outrigger/sdk/promise"
 *
 * const github = createOutrigger({ service: "shop" }).api("github", { timeout: "1 second" })
 * const end = github.chaos(Chaos.rates({ latency: { rate: 0.1, by: "2 seconds" }, error: { rate: 0.05 } }))
 * end()
 */
export const rates = (options: ChaosRates): Chaos => chaosRates(options)

/** One step for each attempt, in the order in which they begin: `["pass", "hang", { error: new Error("boom") }]`. */
export const script = (steps: ReadonlyArray<ChaosStep>): Chaos => chaosScript(steps)
