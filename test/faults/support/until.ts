/** Waiting for a state that can be seen, never for a time. */
import { setTimeout } from "node:timers/promises"

/** Far beyond what a slow machine needs: only a state that never comes reaches it. */
const patience = 120_000

/** Looks again until there is something to see; names what never came, and what was there instead. */
export const until = async <A>(what: string, look: () => Promise<A | undefined>, instead: () => unknown = () => ""): Promise<A> => {
  const givenUp = performance.now() + patience
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > givenUp) throw new Error(`It never came to this: ${what}. ${JSON.stringify(await instead())}`)
    await setTimeout(20)
  }
}
