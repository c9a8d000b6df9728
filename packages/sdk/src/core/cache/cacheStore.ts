/**
 * Answers that outlive the process: a store behind the memory of a cache. It is read when memory knows nothing of a key, and
 * written behind, so that no call waits for a write. Whatever the store does, a cache without one is the worst that comes of it:
 *
 *   it fails, or says nonsense   counted, and a miss
 *   it hangs                     the same, after `storeTimeout`
 *   it is slow to write          one write of a key is under way at most, and of those that wait only the newest is kept
 *   it cannot forget             nothing that was stored before is believed any more, as long as this process lives
 *   it writes after its time     and the key was invalidated meanwhile: it is told to forget once more
 */
import type { TimerPort } from "../time/timers.ts"

/** An answer as a store keeps it. What JSON cannot hold comes back as JSON has it. */
export interface StoredAnswer {
  readonly value: unknown
  /** Epoch ms. */
  readonly storedAt: number
}

/** Where answers outlive the process. Its errors never reach a caller, and every promise of it is waited for a while only. */
export interface CacheStore {
  /** The answer of this key; undefined or null when there is none. */
  get(key: string): PromiseLike<StoredAnswer | null | undefined>
  /** Keeps an answer. Nobody asks for it when it is older than `maxAge` ms, which may be Infinity. */
  set(key: string, answer: StoredAnswer, maxAge: number): PromiseLike<void>
  delete(key: string): PromiseLike<void>
  /** Forgets all. A store that cannot is told to delete what memory knows; what else it has returns after a restart. */
  clear?(): PromiseLike<void>
}

/** The cache of one dependency, made whole. */
export interface CacheSettings {
  readonly maxEntries: number
  readonly store: CacheStore | undefined
  /** Ms. */
  readonly storeTimeout: number
}

interface Setting {
  readonly answer: StoredAnswer
  readonly maxAge: number
}

/** What is to be written of a key next: an answer, that it is gone, or nothing. */
type Wish = Setting | "delete" | undefined

/** Rejects when the store has not answered in time. Only while a caller waits may its timer alone keep the process alive. */
const within = <A>(ask: () => PromiseLike<A>, millis: number, port: TimerPort, held: boolean): Promise<A> =>
  new Promise<A>((resolve, reject) => {
    const timer = port.at(millis, () => reject(new Error("the store did not answer in time")))
    timer.hold(held)
    new Promise<A>((begun) => begun(ask())).then(resolve, reject).finally(() => timer.cancel())
  })

const isAnswer = (found: unknown): found is StoredAnswer =>
  typeof found === "object" && found !== null && Number.isFinite((found as Partial<StoredAnswer>).storedAt)

export class StoreBehind {
  readonly store: CacheStore
  failures = 0
  private readonly settings: CacheSettings
  private readonly loads = new Map<string, Promise<void>>()
  private readonly writes = new Map<string, Wish>()
  private invalidations = 0
  /** Epoch ms: what was stored up to then is not believed. */
  private floor = -Infinity

  constructor(store: CacheStore, settings: CacheSettings) {
    this.store = store
    this.settings = settings
  }

  /** Hands what the store has to `found`. All who ask meanwhile wait for the same. Never rejects. */
  load(key: string, port: TimerPort, found: (answer: StoredAnswer) => void): Promise<void> {
    if (this.writes.has(key)) return Promise.resolve() // memory had it a moment ago, or it is to be forgotten
    const under = this.loads.get(key)
    if (under !== undefined) return under
    const load = within(() => this.store.get(key), this.settings.storeTimeout, port, true).then((answer) => {
      if (answer === undefined || answer === null || this.loads.get(key) !== load) return
      if (!isAnswer(answer)) this.failures++
      else if (answer.storedAt > this.floor) found(answer)
    }, () => {
      this.failures++
    }).finally(() => {
      if (this.loads.get(key) === load) this.loads.delete(key)
    })
    this.loads.set(key, load)
    return load
  }

  keep(key: string, answer: StoredAnswer, maxAge: number, port: TimerPort): void {
    if (this.writes.has(key) || this.writes.size < this.settings.maxEntries) this.write(key, { answer, maxAge }, port)
    else this.failures++
  }

  invalidate(key: string, port: TimerPort): void {
    this.invalidations++
    this.loads.delete(key)
    this.write(key, "delete", port)
  }

  /** `keys` are those that memory knows. */
  clear(keys: Iterable<string>, port: TimerPort): void {
    const { settings, store } = this
    this.floor = port.epoch()
    const known = store.clear === undefined ? keys : []
    for (const key of new Set([...known, ...this.writes.keys(), ...this.loads.keys()])) this.invalidate(key, port)
    if (store.clear === undefined) return
    within(() => store.clear!(), settings.storeTimeout, port, false).catch(() => {
      this.failures++
    })
  }

  private write(key: string, wish: Setting | "delete", port: TimerPort): void {
    const busy = this.writes.has(key)
    this.writes.set(key, busy ? wish : undefined)
    if (!busy) this.run(key, wish, port)
  }

  private run(key: string, wish: Setting | "delete", port: TimerPort): void {
    const { invalidations, store } = this
    const since = port.epoch()
    let late = false
    const put = ({ answer, maxAge }: Setting) => Promise.resolve(store.set(key, answer, maxAge)).then(() => {
      if (late && invalidations !== this.invalidations) this.write(key, "delete", port)
    })
    within(() => wish === "delete" ? store.delete(key) : put(wish), this.settings.storeTimeout, port, false).catch(() => {
      late = true
      this.failures++
      if (wish === "delete") this.floor = Math.max(this.floor, since)
    }).then(() => {
      const next = this.writes.get(key)
      if (next === undefined) this.writes.delete(key)
      else {
        this.writes.set(key, undefined)
        this.run(key, next, port)
      }
    })
  }
}
