/** Ours in a fiber; statistics, events and the retry budget on, as they always are. */
import { Api } from "@outrigger/sdk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type { Loop, Subject } from "../harness/suite.ts"
import { broken, crowdedFailures, effects, failures, forEachWork } from "./fiberLoops.ts"
import * as the from "./settings.ts"

/** Only what a case names; the log line of each retry goes nowhere. */
const api = (options: Api.Options): Promise<Api.Shape> => {
  class Bench extends Api.Service<Bench>()("bench", { timeout: false, retry: false, breaker: false, ...options }) {}
  const layer = Layer.provide(Bench.layer, Logger.layer([]))
  return Effect.runPromise(Effect.provide(Bench.use((shape) => Effect.succeed(shape)), layer))
}

const retry = { times: the.retries }
const breaker = { failures: the.failures, openFor: the.openFor }
const bulkhead = { concurrency: the.concurrency, queue: the.queue }
const { attemptTimeout, timeout } = the
const full: Api.Options = { retry, breaker, timeout, attemptTimeout, bulkhead }

const success = forEachWork<() => Promise<Loop>>((work) => {
  const protectedBy = (options: Api.Options) => async () => effects((await api(options)).policy.run(work))
  return {
    retry: protectedBy({ retry }),
    timeout: protectedBy({ timeout }),
    breaker: protectedBy({ breaker }),
    bulkhead: protectedBy({ bulkhead }),
    "rate-limit": protectedBy({ rateLimit: the.rateLimit }),
    hedge: protectedBy({ hedge: the.hedge }),
    "retry-breaker-timeout": protectedBy({ retry, breaker, timeout }),
    "full-stack": protectedBy(full)
  }
})

export default {
  ...success,
  "fiber-cache-hit": async () => {
    const { cache } = await api({ retry, breaker, timeout })
    return effects(cache.value({ key: "one", ttl: the.ttl }, {}, Effect.succeed(1)))
  },
  "fiber-rejected-open": async () => {
    const { policy } = await api({ breaker: { ...breaker, failures: 1 } })
    await Effect.runPromise(Effect.ignore(policy.run(broken)))
    return failures(policy.run(Effect.succeed(1)))
  },
  "fiber-failing-two-retries": async () => {
    const { policy } = await api({ retry: { ...retry, base: the.shortDelay, factor: 1, jitter: "none", budget: { ratio: the.retries } } })
    return crowdedFailures(policy.run(broken))
  },
  "fiber-aborted": async () => {
    const { policy } = await api(full)
    return effects(Effect.flatMap(Effect.forkChild(policy.run(Effect.never), { startImmediately: true }), Fiber.interrupt))
  }
} satisfies Subject
