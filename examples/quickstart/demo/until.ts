/** Waiting for a named state: the storm's only clock but for the customers' own pace. */
import { setTimeout as pause } from "node:timers/promises"

/** Looks again and again until there is something to see; fails when there is nothing within `bound` ms. */
export const until = async <A>(what: string, bound: number, look: () => Promise<A | undefined>): Promise<A> => {
  for (const end = performance.now() + bound; performance.now() < end; await pause(100)) {
    const seen = await look()
    if (seen !== undefined) return seen
  }
  throw new Error(`Waited ${bound / 1000} s for ${what}`)
}
