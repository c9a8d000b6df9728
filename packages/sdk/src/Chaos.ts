/**
 * Faults on demand, for tests and game days: what a policy does when its dependency is slow, fails, hangs, or turns calls
 * away. Nothing is injected unless a source of faults is provided, and only while it is.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Chaos, type ChaosRates, chaosRates, chaosScript, type ChaosStep } from "./core/call/chaos.ts"
import { millisOf } from "./internal/millisOf.ts"
import { Registry } from "./Registry.ts"

export type { Chaos, ChaosRejection as Rejection, ChaosTarget as Target, Fault } from "./core/call/chaos.ts"

/** How often each fault comes, as shares of all attempts. */
export interface Rates extends ChaosRates<Duration.Input> {}

/** One line of a script. */
export type Step = ChaosStep<Duration.Input>

/** Faults by chance: `{ latency: { rate: 0.1, by: "2 seconds" }, error: { rate: 0.05 } }`. Nonsense throws `InvalidPolicyOption`. */
export const rates = (options: Rates): Chaos => chaosRates(options, millisOf)

/** One step for each attempt, in the order in which they begin: `["pass", "hang", { error: new Error("boom") }]`. */
export const script = (steps: ReadonlyArray<Step>): Chaos => chaosScript(steps, millisOf)

/**
 * Lets chaos play with every policy of the registry at hand, or only with those named, for as long as the layer lives.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Chaos, Policy } from "@outrigger/sdk"
 *
 * const payments = Policy.make("payments", { timeout: "1 second", retry: { times: 2, base: "10 millis" } })
 * const gameDay = Chaos.layer(Chaos.rates({ error: { rate: 0.2 }, hang: { rate: 0.01 } }), { only: ["payments"] })
 * const charge = Effect.succeed("receipt").pipe(Policy.run(payments), Effect.provide(gameDay))
 */
export const layer = (chaos: Chaos, options: { readonly only?: ReadonlyArray<string> } = {}): Layer.Layer<never> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const registry = yield* Registry
    const { only } = options
    const chosen: Chaos = only === undefined ? chaos : (target) => only.includes(target.dependency) ? chaos(target) : undefined
    yield* Effect.acquireRelease(Effect.sync(() => registry.provideChaos(chosen)), (end) => Effect.sync(end))
  }))
