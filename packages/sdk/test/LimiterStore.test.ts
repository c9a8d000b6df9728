import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LimiterStore, Policy } from "@outrigger/sdk"
import { suite } from "../../../test/conformance/LimiterStore.ts"
import { passingHere } from "../../../test/passing.ts"

suite("the memory store", Layer.merge(LimiterStore.layerMemory, passingHere))

it.effect("a store is given to a policy as a port of promises", () => Effect.gen(function*() {
  const port = yield* LimiterStore.port
  const request = { name: "payments", limit: 10, window: 1000, burst: 10, process: "a", turn: 1, holds: 0, back: 0, least: 0, want: 3, lease: 1000 }
  assert.strictEqual((yield* Effect.promise(() => port.take(request))).granted, 3)
}).pipe(Effect.provide(LimiterStore.layerMemory)))

it.effect("a policy shares its limit over a port that somebody wrote, and stays with it when it is given again", () => Effect.gen(function*() {
  const asked: Array<LimiterStore.AllotmentRequest> = []
  const shared: LimiterStore.Port = {
    take: async (request) => (asked.push(request), { granted: request.want, kept: request.holds, retryAfter: 0, processes: 1 })
  }
  const quota = Policy.make("quota", { rateLimit: { limit: 10, window: "1 second", shared } })
  assert.strictEqual(yield* quota.run(Effect.succeed(1)), 1)
  quota.update({ rateLimit: { limit: 20, window: "1 second", shared } })
  assert.strictEqual(yield* quota.run(Effect.succeed(2)), 2)
  assert.deepStrictEqual(asked.map(({ limit, name }) => [name, limit]), [["quota", 10], ["quota", 20]])
  assert.strictEqual(new Set(asked.map(({ process }) => process)).size, 1)
}))

it("what is no store is refused when the policy is made", () => {
  const make = (shared: any) => () => Policy.make("none", { rateLimit: { limit: 10, window: "1 second", shared } })
  for (const shared of [{}, null, "redis", { take: true }]) assert.throws(make(shared), /none: rateLimit\.shared is .* must be a store, such as/)
  assert.throws(() => Policy.make("none", { rateLimit: null as any }), /none: rateLimit is null, but must be an object of options/)
})
