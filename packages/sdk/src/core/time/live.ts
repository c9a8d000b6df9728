/** The machine's own clock, timers and chance: the one place where the engine's port meets them. */
import { type TimerHandle, type TimerPort, Timers } from "./timers.ts"

/** `setTimeout` fires at once beyond it. */
const longest = 2 ** 31 - 1

class LiveTimer implements TimerHandle {
  private timer: ReturnType<typeof setTimeout>
  private held = true

  /** `setTimeout` counts in whole milliseconds of the loop's clock and may be up to one early: look, and wait for the rest. */
  constructor(delay: number, fire: () => void) {
    const due = performance.now() + delay
    const wait = (left: number): ReturnType<typeof setTimeout> => {
      const timer = setTimeout(() => {
        const rest = due - performance.now()
        if (rest > 0) this.timer = wait(rest)
        else fire()
      }, Math.min(Math.ceil(left), longest))
      if (!this.held) timer.unref()
      return timer
    }
    this.timer = wait(delay)
  }

  cancel(): void {
    clearTimeout(this.timer)
  }

  hold(yes: boolean): void {
    this.held = yes
    if (yes) this.timer.ref()
    else this.timer.unref()
  }
}

const never: TimerHandle = { cancel() {}, hold() {} }

export const livePort: TimerPort = {
  now: () => performance.now(),
  epoch: () => Date.now(),
  random: () => Math.random(),
  at: (delay, fire) => delay === Infinity ? never : new LiveTimer(delay, fire)
}

/**
 * The lanes of the live clock. They do not keep the process alive, or it would live on for a timeout after its last call; a
 * call that is still pending when nothing else is left does.
 */
export const liveTimers = new Timers(livePort)
globalThis.process?.on?.("beforeExit", () => liveTimers.holdPending())
