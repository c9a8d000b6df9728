/** How a breaker is shared among processes, read. A store brings this along: see `breakerStore`. */
import type { BreakerSharing, SharingOptions } from "../breaker/sharing.ts"
import type { Reader } from "./reader.ts"

export const readSharing = (read: Reader, { interval, lease, minimumVotes, quorum, store }: SharingOptions<unknown>): BreakerSharing => {
  const every = interval === undefined ? 1000 : read.millis("breaker.shared.interval", interval)
  const lasts = lease === undefined ? 5 * every : read.millis("breaker.shared.lease", lease)
  return {
    store,
    quorum: read.share("breaker.shared.quorum", quorum ?? 0.5),
    minimumVotes: read.whole("breaker.shared.minimumVotes", minimumVotes ?? 2, 1),
    interval: every,
    lease: lasts >= 2 * every ? lasts : read.refuse("breaker.shared.lease", lease, `at least 2 breaker.shared.interval (${2 * every} ms)`)
  }
}
