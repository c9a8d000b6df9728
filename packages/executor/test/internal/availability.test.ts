import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Registry, TaskStore } from "@outrigger/sdk"
import { openings } from "../../src/internal/availability.ts"

const free = TaskStore.defineTask("free", {})
const charge = TaskStore.defineTask("charge", { needs: ["payments"] })
const ship = TaskStore.defineTask("ship", { needs: ["payments", "carrier"] })
const names = ({ open }: ReturnType<typeof openings>) => open.map(({ name }) => name)
const idle = () => 0

/** A registry of two dependencies, whose breakers are moved by hand. */
const bench = Effect.gen(function*() {
  const registry = yield* Registry.Registry
  const breakerOf = (name: string, halfOpenCalls: number) =>
    registry.dependency("api", name, { breaker: { failures: 1, openFor: 10_000, halfOpenCalls } }).breaker!
  const payments = breakerOf("payments", 2)
  const carrier = breakerOf("carrier", 1)
  return { registry, payments, carrier }
}).pipe(Effect.provide(Layer.fresh(Registry.layer)))

type Breaker = NonNullable<NonNullable<ReturnType<Registry.Service["get"]>>["breaker"]>

const trip = (breaker: Breaker, now: number) => {
  const ticket = { generation: 0, probe: 0 }
  breaker.admit(ticket, now)
  breaker.settled(ticket, "failure", () => now)
}

describe("openings", () => {
  it.effect("leaves everything open while all breakers are closed, and for needs that nobody registered", () => Effect.gen(function*() {
    const { registry } = yield* bench
    const stranger = TaskStore.defineTask("stranger", { needs: ["nobody"] })
    assert.deepStrictEqual(names(openings([free, charge, ship, stranger], registry, 0, idle)), ["free", "charge", "ship", "stranger"])
  }))

  it.effect("leaves open what needs a dependency whose breaker only observes, until it is isolated by hand", () => Effect.gen(function*() {
    const registry = yield* Registry.Registry
    const breaker = registry.dependency("api", "payments", { breaker: { failures: 1, openFor: 10_000, observe: true } }).breaker!
    trip(breaker, 0)
    assert.deepStrictEqual([breaker.state.tag, names(openings([charge], registry, 0, idle))], ["open", ["charge"]])
    breaker.isolate()
    assert.deepStrictEqual(names(openings([charge], registry, 0, idle)), [])
  }).pipe(Effect.provide(Layer.fresh(Registry.layer))))

  it.effect("leaves out what needs a dependency whose breaker is open or isolated", () => Effect.gen(function*() {
    const { carrier, payments, registry } = yield* bench
    trip(carrier, 0)
    assert.deepStrictEqual(names(openings([free, charge, ship], registry, 9999, idle)), ["free", "charge"])
    payments.isolate()
    const now = openings([free, charge, ship], registry, 9999, idle)
    assert.deepStrictEqual([names(now), now.probing], [["free"], []])
  }))

  it.effect("lets through as many probes as the breaker does once its time is over, less those that run", () => Effect.gen(function*() {
    const { payments, registry } = yield* bench
    trip(payments, 0)
    for (const [running, expected] of [[0, [2]], [1, [1]], [2, []]] as const) {
      const { probing } = openings([free, charge], registry, 10_000, () => running)
      assert.deepStrictEqual(probing.map(({ limit }) => limit), [...expected])
    }
  }))

  it.effect("lets the narrowest of several needs decide", () => Effect.gen(function*() {
    const { carrier, payments, registry } = yield* bench
    trip(payments, 0)
    trip(carrier, 0)
    assert.deepStrictEqual(openings([ship], registry, 10_000, idle).probing.map(({ limit }) => limit), [1])
  }))
})
