/**
 * Where processes share a rate limit: the port that every store implements, and the memory store.
 *
 * A process is not asked about each call: it takes allotments from the shared bucket ahead of need, tells now and then what
 * it has left, and gives back what it does not use. What the store decides: who holds how much, and what time it is.
 * Over all processes together never more than `burst + limit * T / window` begins in any interval T.
 *
 * The promises every adapter keeps are one conformance suite (`test/conformance`), which runs over all of them.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Allotment, type AllotmentRequest, type LimiterStore as SharingStore, limiterStore, LimiterTable } from "./core/limits/limiterStore.ts"
import type { StoreUnavailable } from "./core/tasks/taskErrors.ts"

export type { Allotment, AllotmentRequest, LimiterStorePort as Port } from "./core/limits/limiterStore.ts"
export { takeStatement, takeValues } from "./core/limits/limiterStore.ts"

/** The port: what every store does. */
export interface Service {
  /**
   * Tells what a process still holds, takes back what it returns, and gives it more. A question with a `turn` that is not
   * above the last one is void: it was overtaken.
   */
  readonly take: (request: AllotmentRequest) => Effect.Effect<Allotment, StoreUnavailable>
}

/**
 * Where processes share a rate limit.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import { LimiterStore } from "@outrigger/sdk"
 *
 * const shared = LimiterStore.port.pipe(Effect.provide(LimiterStore.layerMemory))
 */
export class LimiterStore extends Context.Service<LimiterStore, Service>()("@outrigger/sdk/LimiterStore") {}

/** A store in this process's memory: for tests, and for several outriggers in one process. */
export const layerMemory: Layer.Layer<LimiterStore> = Layer.sync(LimiterStore, () => {
  const table = new LimiterTable()
  return LimiterStore.of({ take: (request) => Effect.map(Clock.currentTimeMillis, (now) => table.take(request, now)) })
})

/** The store at hand as a policy of either face takes it: `rateLimit: { limit, window, shared }`. */
export const port: Effect.Effect<SharingStore, never, LimiterStore> = Effect.gen(function*() {
  const { take } = yield* LimiterStore
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  return limiterStore({ take: (request) => run(take(request)) })
})
