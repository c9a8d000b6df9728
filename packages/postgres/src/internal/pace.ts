/** What may turn out slow (it wades through dead rows while a session holds a snapshot) gets a tenth of the time at most. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Monotonic milliseconds. */
export const now: Effect.Effect<number> = Effect.map(Clock.Clock, (clock) => Number(clock.monotonicTimeNanosUnsafe()) / 1e6)

/** Runs `effect` when it is due: `every` ms, or later by what the last run cost ten times over. Otherwise gives `idle`. */
export const paced = (every: number) => {
  let due = -Infinity
  return <A, E>(effect: Effect.Effect<A, E>, idle: A): Effect.Effect<A, E> => Effect.flatMap(now, (began) => {
    if (began < due) return Effect.succeed(idle)
    due = Infinity // one at a time
    return Effect.onExit(effect, () => Effect.map(now, (ended) => {
      due = ended + Math.max(every, 10 * (ended - began))
    }))
  })
}
