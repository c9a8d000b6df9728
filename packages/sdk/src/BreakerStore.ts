/**
 * Where processes share their breakers: the port that every store implements, and the memory store. A policy shares its breaker
 * with `breaker: { shared: true }`; `docs/breakers.md` says what that promises and what it costs.
 *
 * A store decides who of the processes is alive, whether enough of them have opened to open for all, when an opening is over, who
 * of them probes, and what time it is. The promises every adapter keeps are one conformance suite (`test/conformance`).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  type BreakerExchange, type BreakerStore as SharingStore, type BreakerStorePort as Port, breakerStore, BreakerTable, type SharedBreakerState
} from "./core/breaker/breakerStore.ts"

export { answersOf, exchangeStatement } from "./core/breaker/breakerStore.ts"
export type {
  BreakerAction as Action, BreakerExchange as Exchange, BreakerStorePort as Port, SharedBreakerState as SharedState, SharedReason
} from "./core/breaker/breakerStore.ts"
export type { SharingOptions } from "./core/breaker/sharing.ts"

/** The store cannot be asked now. Each process goes on by its own breaker until it can. */
export class BreakerStoreUnavailable extends Data.TaggedError("BreakerStoreUnavailable")<{
  readonly reason: string
  readonly retryable: boolean
  readonly cause?: unknown
}> {
  override get message(): string {
    return `The breaker store cannot be asked: ${this.reason}`
  }
}

/** The port: what every store does. */
export interface Service {
  /** One round trip for any number of breakers; the answers come in the order of the requests. */
  readonly exchange: (requests: ReadonlyArray<BreakerExchange>) => Effect.Effect<ReadonlyArray<SharedBreakerState>, BreakerStoreUnavailable>
}

/** The store that policies with `breaker: { shared: true }` share their breakers in. */
export class BreakerStore extends Context.Service<BreakerStore, Service>()("@outrigger/sdk/BreakerStore") {}

/**
 * A store in memory, for tests and for several policies of one process. It ends with the process, and no other sees it.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { BreakerStore } from "@outrigger/sdk"
 *
 * const answers = BreakerStore.BreakerStore.use((store) => store.exchange([])).pipe(Effect.provide(BreakerStore.layerMemory))
 */
export const layerMemory: Layer.Layer<BreakerStore> = Layer.effect(BreakerStore, Effect.map(Clock.Clock, (clock) => {
  const table = new BreakerTable()
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  return BreakerStore.of({ exchange: (requests) => Effect.sync(() => table.exchange(requests, now())) })
}))

const ports = new WeakMap<Service | Port, SharingStore>()

/**
 * The store as promises, for the engine; the same for the same store. Who does not wait any more interrupts the exchange, and
 * with it what runs on a server. A store of promises is taken as it is.
 */
export const portOf = (store: Service | Port): SharingStore => {
  let port = ports.get(store)
  if (port === undefined) {
    port = breakerStore({
      exchange: (requests, signal) => {
        const asked = store.exchange(requests, signal)
        return Effect.isEffect(asked) ? Effect.runPromise(asked, signal === undefined ? {} : { signal }) : asked
      }
    })
    ports.set(store, port)
  }
  return port
}
