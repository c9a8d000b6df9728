/** Effect's own operators, in the order of our policy: timeout, retry, permit, breaker, attempt timeout. */
import * as Cache from "effect/Cache"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Loop, Subject } from "../harness/suite.ts"
import { broken, crowdedFailures, effects, failures, forEachWork } from "./fiberLoops.ts"
import * as the from "./settings.ts"

type Work = Effect.Effect<unknown, unknown>

const breakerOf = (inARow: number): Promise<CircuitBreaker.CircuitBreaker> =>
  CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(inARow), openDuration: the.openFor }).pipe(
    Effect.provideService(Scope.Scope, Scope.makeUnsafe()), // open as long as the process lives
    Effect.provide(CircuitBreaker.layerStoreMemory()),
    Effect.runPromise
  )

const breaking = async () => (await breakerOf(the.failures)).execute({ key: "bench" })

const retrying = (work: Work, delay: Duration.Input = "1 second"): Work =>
  Effect.retry(work, { times: the.retries, schedule: Schedule.spaced(delay), while: (error) => !(error instanceof CircuitBreaker.CircuitBreakerError) })

const success = forEachWork<() => Loop | Promise<Loop>>((work) => ({
  retry: () => effects(retrying(work)),
  timeout: () => effects(Effect.timeout(work, the.timeout)),
  breaker: async () => effects(work.pipe(await breaking())),
  bulkhead: () => effects(Semaphore.withPermits(Semaphore.makeUnsafe(the.concurrency), 1)(work)),
  "retry-breaker-timeout": async () => effects(work.pipe(await breaking(), retrying, Effect.timeout(the.timeout))),
  "full-stack": async () => {
    const permits = Semaphore.makeUnsafe(the.concurrency)
    const attempt = work.pipe(Effect.timeout(the.attemptTimeout), await breaking(), Semaphore.withPermits(permits, 1))
    return effects(attempt.pipe(retrying, Effect.timeout(the.timeout)))
  }
}))

export default {
  ...success,
  "fiber-cache-hit": async () => {
    const cache = await Effect.runPromise(Cache.make({ capacity: 1000, timeToLive: the.ttl, lookup: (_: string) => Effect.succeed(1) }))
    return effects(Cache.get(cache, "one"))
  },
  "fiber-rejected-open": async () => {
    const breaker = await breakerOf(1)
    await Effect.runPromise(Effect.ignore(breaker.execute(broken, { key: "bench" })))
    return failures(breaker.execute(Effect.succeed(1), { key: "bench" }))
  },
  "fiber-failing-two-retries": () => crowdedFailures(retrying(broken, the.shortDelay))
} satisfies Subject
