/** The loops inside fibers: the same for ours and for Effect's own operators. */
import * as Effect from "effect/Effect"
import type { Loop } from "../harness/suite.ts"
import { crowd, down } from "./loops.ts"

/** What is protected: an effect that is over at once, and one over a promise. */
export const works = {
  "fiber-": Effect.sync(() => 1),
  "fiber-promise-": Effect.promise(async () => 1)
} as const

export const broken: Effect.Effect<number, Error> = Effect.fail(down)

type Ready<A, E = never> = Effect.Effect<A, E>

/** One effect after the other, all in one fiber. */
export const effects = (effect: Ready<unknown, unknown>): Loop => (count) =>
  Effect.runPromise(Effect.gen(function*() {
    for (let n = 0; n < count; n++) yield* effect
  }))

const failing = (effect: Ready<unknown, unknown>) =>
  Effect.matchEffect(effect, { onFailure: () => Effect.void, onSuccess: () => Effect.die("this effect was to fail") })

/** The same, of effects that fail. */
export const failures = (effect: Ready<unknown, unknown>): Loop => effects(failing(effect))

/** Failing effects that wait for timers between their attempts, a thousand fibers at once. */
export const crowdedFailures = (effect: Ready<unknown, unknown>): Loop => {
  const one = failing(effect)
  return async (count) => {
    for (let begun = 0; begun < count; begun += crowd) {
      const many = Array.from({ length: Math.min(crowd, count - begun) }, () => one)
      await Effect.runPromise(Effect.all(many, { concurrency: "unbounded", discard: true }))
    }
  }
}

/** Named for each kind of work: `fiber-retry`, `fiber-promise-retry`. */
export const forEachWork = <A>(make: (work: Ready<number>) => Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
  Object.fromEntries(Object.entries(works).flatMap(([prefix, work]) =>
    Object.entries(make(work)).map(([name, loop]) => [prefix + name, loop] as const)))
