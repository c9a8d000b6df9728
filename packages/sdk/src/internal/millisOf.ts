/** The durations of the Effect face, for the engine's options. */
import * as Duration from "effect/Duration"

/** Milliseconds; NaN for what is no duration. */
export const millisOf = (input: unknown): number => {
  const duration = Duration.fromInput(input as Duration.Input)
  return duration._tag === "Some" ? Duration.toMillis(duration.value) : Number.NaN
}
