/** Which attempt the code that runs now belongs to: it follows promises, timers and fibers. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { TaskStore } from "@outrigger/sdk"
import { AsyncLocalStorage } from "node:async_hooks"
import type { AttemptRef } from "./protocol.ts"

const storage = new AsyncLocalStorage<AttemptRef>()

export const currentAttempt = (): AttemptRef | undefined => storage.getStore()

/** Where the watchdog asks, from another thread, in the middle of whatever runs: it can name nothing but a global. */
export const currentKey = "outrigger.current"
Object.defineProperty(globalThis, Symbol.for(currentKey), { value: currentAttempt, configurable: true })

/** Of a claimed task, what the agent has to know. */
export const refOf = ({ attempt, fence, id, name, version }: TaskStore.ClaimedTask): AttemptRef => ({ id, name, version, attempt, fence })

/**
 * Runs an attempt as a fiber that begins inside the storage: to enter it in the midst of a fiber would mark whatever else
 * runs later in the same turn.
 */
export const around = (task: TaskStore.ClaimedTask, run: Effect.Effect<unknown, unknown>): Effect.Effect<unknown, unknown> =>
  Effect.withFiber((parent) => Effect.callback((resume) => {
    const fiber = storage.run(refOf(task), () => Effect.runForkWith(parent.context)(run))
    fiber.addObserver((exit) => resume(exit))
    return Fiber.interrupt(fiber)
  }))
