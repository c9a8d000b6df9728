import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import * as TestClock from "effect/testing/TestClock"
import { Policy, Resolver } from "@outrigger/sdk"

class NameOf extends Request.TaggedClass("NameOf")<{ readonly id: number }, string, Policy.Rejected | "down"> {}
class Unready extends Request.TaggedClass("Unready")<{ readonly id: number }, string, "down"> {}

let made = 0
const policyOf = (options: Policy.Options) => Policy.make(`resolver-${made++}`, options)
const retry = { times: 1, base: 100, jitter: "none", budget: false } as const

/** Fails as a whole as often as it is told, then answers. */
const names = (failures: number) => {
  const batches: Array<ReadonlyArray<number>> = []
  const resolver = RequestResolver.make<NameOf>((entries) => Effect.suspend(() => {
    batches.push(entries.map(({ request }) => request.id))
    if (batches.length <= failures) return Effect.fail("down" as const)
    return Effect.sync(() => entries.forEach((entry) => entry.completeUnsafe(Exit.succeed(`user ${entry.request.id}`))))
  }))
  return { batches, resolver }
}
const ask = (resolver: RequestResolver.RequestResolver<NameOf>, ...ids: ReadonlyArray<number>) =>
  Effect.forEach(ids, (id) => Effect.exit(Effect.request(new NameOf({ id }), resolver)), { concurrency: "unbounded" })

describe("a resolver under a policy", () => {
  it.effect("is one call a batch: tried again as a whole, and all are answered", () => Effect.gen(function*() {
    const policy = policyOf({ retry })
    const { batches, resolver } = names(1)
    const fiber = yield* Effect.forkChild(ask(Resolver.under(policy, resolver), 1, 2))
    yield* TestClock.adjust(100)
    assert.deepStrictEqual(yield* Fiber.join(fiber), [Exit.succeed("user 1"), Exit.succeed("user 2")])
    assert.deepStrictEqual(batches, [[1, 2], [1, 2]])
    assert.deepInclude(policy.state(), { calls: 1, retries: 1, recovered: 1 })
  }))

  it.effect("gives everybody in a batch its last failure, or the policy's rejection", () => Effect.gen(function*() {
    const policy = policyOf({ breaker: { failures: 1 } })
    const { batches, resolver } = names(1)
    const under = Resolver.under(policy, resolver, { operation: "names" })
    assert.deepStrictEqual(yield* ask(under, 1, 2), [Exit.fail("down" as const), Exit.fail("down" as const)])
    const tags = (yield* ask(under, 3, 4)).map((exit) => Exit.isFailure(exit) && (exit.cause.reasons[0] as { readonly error?: Policy.Rejected }).error?.message)
    assert.match(String(tags[0]), /names: not called: the breaker is open/)
    assert.deepStrictEqual([tags[1], batches.length], [tags[0], 1])
  }))

  it.effect("keeps how its requests are gathered", () => Effect.gen(function*() {
    const { batches, resolver } = names(0)
    const under = Resolver.under(policyOf({ timeout: "1 second" }), RequestResolver.batchN(resolver, 2))
    yield* ask(under, 1, 2, 3)
    assert.deepStrictEqual(batches.map((ids) => ids.length).sort(), [1, 2])
  }))

  it("takes only requests that may be rejected", () => {
    // @ts-expect-error the error of these requests has no room for a rejection
    void (() => Resolver.under(policyOf({}), RequestResolver.make<Unready>(() => Effect.void)))
  })
})
