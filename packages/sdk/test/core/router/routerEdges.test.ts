import { assert, describe, it } from "vitest"
import { Dependency } from "../../../src/core/dependency.ts"
import { Route } from "../../../src/core/router/route.ts"
import { Target } from "../../../src/core/router/router.ts"
import { errors, make } from "../../support/router.ts"

describe("a target whose policy has no breaker", () => {
  it("is always in, is never waited for, and is well", () => {
    const { port, timers } = make({ a: 1 })
    const target = new Target("plain", "plain", 1, new Dependency("plain", {}, timers), () => undefined)
    assert.deepStrictEqual([target.in, target.rejects(port), target.standing(port), target.recovery(0), target.hasten(0), target.why(0)],
      [true, false, "in", Infinity, false, "plain is well"])
  })
})

describe("a target that is not in", () => {
  it("says that it is on trial without a time, where nobody knows one", () => {
    const { dependency, open, port, targets } = make({ a: 1 })
    open("a")
    port.time = 5000
    dependency("a").breaker!.admit({ generation: -1, probe: 0 }, 5000)
    assert.strictEqual(targets[0]!.why(5000), "the breaker of a is half-open")
  })
})

describe("a router", () => {
  it("shows as one, and passes with weights where all are in", () => {
    const { router } = make({ a: 1, b: 2 }, { strategy: "weighted" })
    assert.deepInclude(router.entry(0, 0), { status: "pass", componentType: "router", observedValue: "b" })
  })

  it("keeps the order that was written, whatever the weights, and blames nobody behind the one that it is on", () => {
    const { open, router } = make({ a: 1, b: 5, c: 9 })
    assert.strictEqual(router.preferred!.name, "a")
    open("a")
    open("c")
    assert.strictEqual(router.entry(0, 0).why, "on b; the breaker of a is open, tries again in 5s")
  })

  it("tells who is preferred again when none was", () => {
    const { dependency, port, router } = make({ a: 1 })
    const seen: Array<unknown> = []
    dependency("a").isolate()
    router.look(port)
    router.listeners.on("preferred", (event) => seen.push(event))
    dependency("a").restore()
    router.look(port)
    assert.deepStrictEqual(seen, [{ from: undefined, to: "a", why: "a is well" }])
  })

  it("looks who is preferred when a call has ended badly", () => {
    const { open, port, router } = make({ a: 1, b: 1 }, { maxTargets: 1 })
    const route = new Route(router, port, Infinity)
    route.first()
    route.begin()
    open("a")
    route.settled(false, errors.down, undefined)
    assert.strictEqual(router.preferred!.name, "b")
  })
})
