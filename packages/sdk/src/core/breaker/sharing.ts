/**
 * What the engine knows of a breaker that processes share: types alone. The code comes with the store that a policy is given
 * (see `breakerStore.ts`), so an app that shares no breaker carries none of it.
 */
import type { Breaker, BreakerState } from "./breaker.ts"
import type { BreakerExchange, SharedBreakerState } from "./shared.ts"
import type { Reader } from "../options/reader.ts"
import type { DurationInput } from "../time/duration.ts"
import type { TimerPort } from "../time/timers.ts"

/**
 * The port: what every store does. It may reject, or take long: then each process goes on by its own breaker. Plain JSON both
 * ways.
 */
export interface BreakerStorePort {
  /** One round trip for any number of breakers; the answers come in the order of the requests. `signal`: nobody waits any more. */
  readonly exchange: (requests: ReadonlyArray<BreakerExchange>, signal?: AbortSignal) => Promise<ReadonlyArray<SharedBreakerState>>
}

/** A store as policies take it: with all that it takes to share a breaker over it, as `breakerStore` adds that to a port. */
export interface BreakerStore extends BreakerStorePort {
  /** What the options mean that stand beside the store. */
  readonly readSharing: (read: Reader, options: SharingOptions<unknown>) => BreakerSharing
  /** Shares it from now on, until it is closed. */
  readonly share: (parts: SharedBreakerParts) => BreakerTie
}

/** How a breaker is shared, as people write it. What the processes have in common: those that share a breaker should say the same. */
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

/** How a breaker is shared, made whole: milliseconds. */
export interface BreakerSharing {
  readonly store: BreakerStore
  /** The share of the processes alive that must have opened, above 0 and at most 1. */
  readonly quorum: number
  /** So many at least, where so many are alive. */
  readonly minimumVotes: number
  /** Between two exchanges. */
  readonly interval: number
  /** How long a process counts as alive, may probe, and follows what it last heard. */
  readonly lease: number
}

/** A breaker, and what it takes to share it. */
export interface SharedBreakerParts {
  readonly breaker: Breaker
  readonly name: string
  readonly key?: string | undefined
  readonly sharing: BreakerSharing
  readonly port: TimerPort
  /** A number that rises with every call, those that were rejected among them. */
  readonly calls: () => number
  /** Hears at most once a minute that the store cannot be reached. */
  readonly warn: (line: string) => void
}

/** A breaker that is shared: tells the other processes of it, and it of them. */
export interface BreakerTie {
  readonly breaker: Breaker
  /** From now on: other options, or another clock. */
  update(sharing: BreakerSharing, port?: TimerPort): void
  /** The breaker has changed its state; to be called for every change. */
  moved(from: BreakerState, to: BreakerState): void
  /** Ends it: takes the vote and the lease back. The breaker stays as it is. Never rejects. */
  close(): Promise<void>
}
