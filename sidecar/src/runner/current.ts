/** Which attempt the code that runs now belongs to: it follows promises, timers and fibers. */
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

/** Begins an attempt inside the storage: whatever it does later is known to be its own. */
export const enter = (task: TaskStore.ClaimedTask, begin: () => void): void => storage.run(refOf(task), begin)
