import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { Api, BreakerStore, Policy, Registry } from "@outrigger/sdk"
import { memoryBreakerStore } from "@outrigger/sdk/promise"

class Payments extends Api.Service<Payments>()("payments", { retry: false, breaker: { failures: 1, openFor: "10 seconds", shared: true } }) {}

/** As in a process of its own: with a registry of its own. */
const processOf = Layer.build(Layer.fresh(Layer.provide(Payments.layer, Layer.fresh(Registry.layer))))

describe("a policy whose breaker is shared", () => {
  it.effect("takes the store of its layer, and opens with the others on Effect's clock", () => Effect.gen(function*() {
    const processes = [yield* processOf, yield* processOf, yield* processOf]
    const busy = (millis: number) => Effect.gen(function*() {
      for (let n = 0; n < millis; n += 200) {
        for (const one of processes) yield* Effect.exit(Effect.provideContext(Payments.call("pay", Effect.succeed(1)), one))
        yield* TestClock.adjust("200 millis")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      return yield* Effect.forEach(processes, (one) => Effect.map(Effect.provideContext(Payments.state, one), ({ breaker }) => breaker))
    })
    const fail = (one: typeof processes[number]) => Effect.exit(Effect.provideContext(Payments.call("pay", Effect.fail({ status: 503 })), one))
    assert.deepStrictEqual(yield* busy(2000), ["closed", "closed", "closed"])
    yield* fail(processes[0]!)
    assert.deepStrictEqual(yield* busy(2000), ["open", "closed", "closed"])
    yield* fail(processes[1]!)
    assert.deepStrictEqual(yield* busy(1200), ["open", "open", "open"])
    assert.deepStrictEqual(yield* busy(13_000), ["closed", "closed", "closed"])
    yield* Effect.provideContext(Payments.isolate, processes[2]!)
    assert.deepStrictEqual(yield* busy(1200), ["isolated", "isolated", "isolated"])
  }).pipe(Effect.provide(BreakerStore.layerMemory)))

  it("is over the store that it is given, or refused when that is none", async () => {
    const { exchange } = memoryBreakerStore(() => 0)
    const asked = await new Promise<ReadonlyArray<BreakerStore.Exchange>>((resolve) => {
      Policy.make("own", { breaker: { shared: { exchange: (requests: ReadonlyArray<BreakerStore.Exchange>) => (resolve(requests), exchange(requests)) } } })
    })
    assert.deepStrictEqual(asked.map(({ name }) => name), ["own"])
    const make = (shared: any) => () => Policy.make("none", { breaker: { shared } })
    assert.throws(make(null), /none: breaker\.shared is null, but must be an object of options/)
    assert.throws(make({ store: {} }), /none: breaker\.shared\.store is .* must be a BreakerStore, such as/)
    assert.throws(make({ exchange: true }), /none: breaker\.shared\.store is .* must be a BreakerStore, such as/)
    assert.throws(make({ store: BreakerStore.portOf({ exchange: async () => [] }), quorum: 2 }), /none: breaker\.shared\.quorum is 2, but must be a share/)
  })

  it("wants a store where there is no layer", () => {
    assert.throws(() => Policy.make("alone", { breaker: { shared: true } }), /breaker\.shared is true, but must be a store, or true where the layer/)
  })
})
