/** Bounds how long an interrupted caller waits for what it leaves behind. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** The driver cancels the query on the server and drains its connection, for up to 5 s where the server is silent. */
const longest = "1 second"

/**
 * The effect in a fiber of its own. Interrupted, the caller waits for its end, but not longer than a second: it goes on
 * unseen, and the driver ends its connection when that does not come to rest.
 */
export const leaveSoon = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) => Effect.flatMap(Effect.context<R>(), (context) => {
    const work = Effect.runForkWith(context)(effect)
    return Effect.onInterrupt(restore(Fiber.join(work)), () => Effect.callback<void>((resume) => {
      const wait = Effect.runForkWith(context)(Effect.sleep(longest))
      wait.addObserver(() => resume(Effect.void))
      work.addObserver(() => wait.interruptUnsafe())
      work.interruptUnsafe()
    }))
  }))
