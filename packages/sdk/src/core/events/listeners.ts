/** Who hears of what. */

/** The listeners of several kinds of event. */
export class Listeners<Events extends object> {
  private readonly of: { readonly [K in keyof Events]: Array<(event: Events[K]) => void> }

  constructor(of: { readonly [K in keyof Events]: Array<(event: Events[K]) => void> }) {
    this.of = of
  }

  /** The returned function unsubscribes. */
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void {
    const listeners = this.of[type]
    if (listeners === undefined) throw new TypeError(`no event is called ${JSON.stringify(type)}: there are ${Object.keys(this.of).join(", ")}`)
    listeners.push(listener)
    return () => {
      const at = listeners.indexOf(listener)
      if (at >= 0) listeners.splice(at, 1)
    }
  }

  heard(type: keyof Events): boolean {
    return this.of[type].length > 0
  }

  /** A listener that throws must not break a call: its error surfaces by itself. */
  emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of this.of[type].slice()) {
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
