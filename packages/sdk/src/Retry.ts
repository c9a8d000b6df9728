/**
 * When to try again. The presets fit the kinds of work that Outrigger knows; each has its `schedule`, the same delays for
 * Effect's own operators.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { type RetryOptions, retryPresets } from "./core/options/retry.ts"
import { delayOf, type Jitter } from "./core/retry/retry.ts"

export { type Backoff, delayOf } from "./core/retry/retry.ts"

/** What is left out is as `Retry.api` has it. */
export type Options = RetryOptions<Duration.Input>

/** A preset: options, and the same as a `Schedule`. Durations in milliseconds. */
export interface Preset {
  readonly times: number
  readonly base: number
  readonly factor: number
  readonly max: number
  readonly jitter: Jitter
  readonly schedule: Schedule.Schedule<number>
}

const preset = (options: Omit<Preset, "schedule">): Preset => ({
  ...options,
  schedule: Schedule.recurs(options.times).pipe(
    Schedule.modifyDelay(({ attempt }) =>
      Effect.map(Random.next, (random) => Duration.millis(delayOf(options, attempt, options.base, random))))
  )
})

/** 2 retries, 100 ms doubling, at most 2 s. */
export const database: Preset = preset(retryPresets.database)

/** 2 retries, 1 s doubling, at most 30 s. */
export const api: Preset = preset(retryPresets.api)

/** 12 retries, 10 s doubling, at most 10 min. */
export const task: Preset = preset(retryPresets.task)
