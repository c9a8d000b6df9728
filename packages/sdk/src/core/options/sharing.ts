/** How a breaker is shared among processes, as people write it. */
import type { BreakerSharing, BreakerStore } from "../breaker/breakerStore.ts"
import type { DurationInput } from "../time/duration.ts"
import type { Reader } from "./reader.ts"

/** What the processes have in common. Those that share a breaker should say the same. */
export interface SharingOptions<D = DurationInput> {
  readonly store: BreakerStore
  /** The share of the processes alive that must have opened by themselves to open for all; 0.5 unless said. */
  readonly quorum?: number | undefined
  /** So many of them at least; 2 unless said. One that is alone needs no other. */
  readonly minimumVotes?: number | undefined
  /** How often the store is told and asked while calls come, and how old news may be; 1 second unless said. */
  readonly interval?: D | undefined
  /**
   * How long a process counts as alive after it was last heard of, how long it may be the one that probes, and how long it
   * follows what it last heard; 5 intervals unless said, and 2 at least.
   */
  readonly lease?: D | undefined
}

const isStore = (value: unknown): value is BreakerStore =>
  typeof value === "object" && value !== null && typeof (value as Partial<BreakerStore>).exchange === "function"

export const readSharing = (read: Reader, shared: unknown): BreakerSharing => {
  if (isStore(shared)) return readSharing(read, { store: shared })
  read.known("breaker.shared.", shared, ["store", "quorum", "minimumVotes", "interval", "lease"])
  const { interval, lease, minimumVotes, quorum, store } = shared as SharingOptions<unknown>
  const every = interval === undefined ? 1000 : read.millis("breaker.shared.interval", interval)
  const lasts = lease === undefined ? 5 * every : read.millis("breaker.shared.lease", lease)
  return {
    store: isStore(store) ? store : read.refuse("breaker.shared.store", typeof store, "a BreakerStore: an object with exchange"),
    quorum: read.share("breaker.shared.quorum", quorum ?? 0.5),
    minimumVotes: read.whole("breaker.shared.minimumVotes", minimumVotes ?? 2, 1),
    interval: every,
    lease: lasts >= 2 * every ? lasts : read.refuse("breaker.shared.lease", lease, `at least 2 breaker.shared.interval (${2 * every} ms)`)
  }
}
