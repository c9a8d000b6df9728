/** What a dependency tells while it works, to whoever listens. */
import type { BreakerReason, BreakerState } from "./breaker.ts"
import type { Rejected } from "./errors.ts"

export interface Events {
  breaker: {
    readonly from: BreakerState["tag"]
    readonly to: BreakerState["tag"]
    readonly reason: BreakerReason
    /** Whose breaker, where there is one for each key. */
    readonly key: string | undefined
  }
  retry: {
    readonly operation: string | undefined
    /** The attempt that comes, from 2, of how many. */
    readonly attempt: number
    readonly of: number
    readonly delay: number
    readonly error: unknown
  }
  /** Another attempt was sent beside a slow one. */
  hedge: { readonly operation: string | undefined; readonly attempt: number }
  /** The caller was given something else instead of this error. */
  fallback: { readonly operation: string | undefined; readonly error: unknown }
  timeout: { readonly operation: string | undefined; readonly attempt: number }
  reject: { readonly operation: string | undefined; readonly error: Rejected }
}

type Listeners = { readonly [K in keyof Events]: Array<(event: Events[K]) => void> }

export class Emitter {
  private readonly listeners: Listeners = { breaker: [], retry: [], hedge: [], fallback: [], timeout: [], reject: [] }

  /** The returned function unsubscribes. */
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void {
    const listeners = this.listeners[type]
    if (listeners === undefined) throw new TypeError(`no event is called ${JSON.stringify(type)}: there are ${Object.keys(this.listeners).join(", ")}`)
    listeners.push(listener)
    return () => {
      const at = listeners.indexOf(listener)
      if (at >= 0) listeners.splice(at, 1)
    }
  }

  heard(type: keyof Events): boolean {
    return this.listeners[type].length > 0
  }

  /** A listener that throws must not break a call: its error surfaces by itself. */
  emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of this.listeners[type].slice()) {
      try {
        listener(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
