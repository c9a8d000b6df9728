/** The loops of the promise face, the same for every library. */
import type { Loop } from "../harness/suite.ts"

export const work = async (): Promise<number> => 1

/** Made once, and not thrown: a stack, or a throw, costs more than most calls, and costs all alike. */
export const down = new Error("down")
export const broken = (): Promise<number> => Promise.reject(down)

/** One call after the other, each awaited. */
export const calls = (call: () => PromiseLike<unknown>): Loop => async (count) => {
  for (let n = 0; n < count; n++) await call()
}

/** The same, of calls that fail. */
export const failures = (call: () => PromiseLike<unknown>): Loop => async (count) => {
  for (let n = 0; n < count; n++) {
    try {
      await call()
    } catch {
      continue
    }
    throw new Error("this call was to fail")
  }
}

/** How many calls wait side by side where each waits for timers. */
export const crowd = 1000

/** Failing calls that wait for timers between their attempts, a thousand at once. */
export const crowdedFailures = (call: () => Promise<unknown>): Loop => async (count) => {
  const one = async () => {
    try {
      await call()
    } catch {
      return
    }
    throw new Error("this call was to fail")
  }
  for (let begun = 0; begun < count; begun += crowd) await Promise.all(Array.from({ length: Math.min(crowd, count - begun) }, one))
}
