/**
 * Until when an answer is of use. A policy inside takes the shorter of this and its own timeout, and does not begin a retry
 * that it cannot hold. Over HTTP it goes with `@outrigger/sdk/HttpDeadline`.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Deadline, timersOf } from "./internal/effectCall.ts"

/** The moment, in monotonic ms of the clock at hand; Infinity for none. */
export { Deadline }

const nowOf = (fiber: Fiber.Fiber<unknown, unknown>): number => timersOf(fiber.getRef(Clock.Clock), fiber.context).port.now()

/** Milliseconds left, none negative; Infinity where there is no deadline. */
export const left: Effect.Effect<number> = Effect.withFiber((fiber) => {
  const deadline = fiber.getRef(Deadline)
  return Effect.succeed(deadline === Infinity ? Infinity : Math.max(0, deadline - nowOf(fiber)))
})

/**
 * Gives what runs inside no longer than this, and no longer than it had. It ends the calls of policies and databases inside,
 * not the effect itself: for that there is `Effect.timeout`.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { Deadline, Policy } from "@outrigger/sdk"
 *
 * const stock = Policy.make("stock", { timeout: "5 seconds" })
 * const page = Effect.all([stock.run(Effect.succeed(7)), stock.run(Effect.succeed(9))]).pipe(Deadline.within("2 seconds"))
 */
export const within = (duration: Duration.Input) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const end = nowOf(fiber) + Duration.toMillis(Duration.fromInputUnsafe(duration))
    return Effect.provideService(effect, Deadline, Math.min(end, fiber.getRef(Deadline)))
  })
