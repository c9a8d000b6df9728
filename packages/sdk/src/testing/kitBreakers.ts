/**
 * The breakers of what tasks need: those of the outriggers that the kit knows, or else of any in this process, the newest first.
 * They go by their own clock, which a kit does not move.
 */
import { probesOf } from "../core/tasks/needs.ts"
import { announced } from "../promise/announce.ts"
import type { Outrigger } from "../promise/createOutrigger.ts"

export class KitBreakers {
  private readonly known = new Set<Outrigger>()

  /** Until the returned function is called. */
  add(outrigger: Outrigger): () => void {
    this.known.add(outrigger)
    return () => void this.known.delete(outrigger)
  }

  /** How many attempts at once they let through. */
  probes(needs: ReadonlyArray<string>): number {
    return needs.length === 0 ? Infinity : probesOf(needs, (name) => this.find(name), performance.now())
  }

  private find(name: string) {
    for (const outrigger of this.known) {
      const dependency = outrigger["registry"].get(name) // nobody else has a use for it
      if (dependency !== undefined) return dependency
    }
    return announced().toReversed().map((registry) => registry.get(name)).find((dependency) => dependency !== undefined)
  }
}
