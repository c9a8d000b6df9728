/**
 * Effect's own `RequestResolver`s under a policy, for who has requests and resolvers already. For a function that asks for many
 * there is `Api.batched`, which also asks once for equal keys, and ends a batch that nobody waits for any more.
 */
import type * as Effect from "effect/Effect"
import type * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import type { Policy, Rejected, RunOptions } from "./Policy.ts"

/** The requests may fail with what a policy says in place of an answer. */
type Rejectable<A extends Request.Any> = Rejected extends Request.Error<A> ? RequestResolver.RequestResolver<A> : never

/**
 * The same resolver, whose batches run under a policy: its breaker, retries, timeout and limits are for the batch as a whole. A batch
 * is tried again when it fails as a whole; what it has answered already stays answered. The error of the requests must have room for
 * `Policy.Rejected`.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import * as Request from "effect/Request"
 * import * as RequestResolver from "effect/RequestResolver"
 * import { Policy, Resolver, Retry } from "@outrigger/sdk"
 *
 * class NameOf extends Request.TaggedClass("NameOf")<{ readonly id: number }, string, Policy.Rejected> {}
 *
 * const users = Policy.make("users", { timeout: "2 seconds", retry: Retry.api, breaker: { failures: 5 } })
 * const names = Resolver.under(users, RequestResolver.make<NameOf>((entries) =>
 *   Effect.sync(() => entries.forEach((entry) => entry.completeUnsafe(Exit.succeed(`user ${entry.request.id}`))))
 * ), { operation: "names" })
 * const name = Effect.request(new NameOf({ id: 7 }), names)
 */
export const under = <A extends Request.Any>(policy: Policy, resolver: Rejectable<A>, options?: RunOptions): RequestResolver.RequestResolver<A> =>
  RequestResolver.makeWith<A>({
    batchKey: resolver.batchKey, // itself: Effect knows by it whether equal keys share a batch
    preCheck: resolver.preCheck,
    delay: resolver.delay,
    collectWhile: resolver.collectWhile,
    runAll: (entries, key) => policy.run(resolver.runAll(entries, key), options) as Effect.Effect<void, Request.Error<A>>
  })
