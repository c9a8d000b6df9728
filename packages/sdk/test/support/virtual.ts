/** A clock moved by hand. */
import { type TimerPort, Timers } from "../../src/core/time/timers.ts"

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export class VirtualPort implements TimerPort {
  time = 0
  /** Of every timer that waits. */
  waiting: ReadonlyArray<{ readonly due: number; readonly fire: () => void }> = []
  readonly now = () => this.time
  readonly epoch = () => 1_700_000_000_000 + this.time
  readonly random = () => 0.5
  readonly at = (delay: number, fire: () => void) => {
    const entry = { due: this.time + delay, fire }
    if (delay !== Infinity) this.waiting = [...this.waiting, entry]
    return { cancel: () => { this.waiting = this.waiting.filter((one) => one !== entry) }, hold() {} }
  }

  /** Lets time go by, and all that falls due happen in order. */
  async pass(millis: number): Promise<void> {
    const end = this.time + millis
    for (;;) {
      await turn()
      const [next] = this.waiting.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)
      if (next === undefined) break
      this.time = Math.max(this.time, next.due)
      this.waiting = this.waiting.filter((one) => one !== next)
      next.fire()
    }
    this.time = end
    await turn()
  }
}

export const virtual = () => {
  const port = new VirtualPort()
  return { port, timers: new Timers(port) }
}

/** A promise opened or failed from outside. */
export const gate = <A>() => Promise.withResolvers<A>()

export const hang = () => new Promise<never>(() => {})

export const caught = (promise: Promise<unknown>): Promise<any> => promise.then(() => undefined, (error: unknown) => error)
