/** Shows how far attempts are: only the newest of each is written, ten times a second. */
import * as Effect from "effect/Effect"
import type { TaskStore } from "@outrigger/sdk"
import type { Attempt } from "./attempt.ts"

export class Progress {
  private readonly newest = new Map<Attempt, { readonly ratio: number; readonly text: string }>()

  tell(attempt: Attempt, ratio: number, text: string): void {
    this.newest.set(attempt, { ratio, text })
  }

  forget(attempt: Attempt): void {
    this.newest.delete(attempt)
  }

  /** `taken` is called for an attempt whose fence no longer holds. */
  showing(store: TaskStore.Service, taken: (attempt: Attempt) => void): Effect.Effect<never> {
    const show = Effect.suspend(() => Effect.forEach([...this.newest], ([attempt, { ratio, text }]) => {
      this.newest.delete(attempt)
      if (attempt.endedAt !== undefined) return Effect.void
      const { fence, id } = attempt.task
      return Effect.map(store.progress(attempt.worker, { id, fence, ratio, text }), (shown) => {
        if (!shown) taken(attempt)
      })
    }, { discard: true }))
    return Effect.forever(Effect.andThen(Effect.sleep("100 millis"), Effect.ignore(show)))
  }
}
