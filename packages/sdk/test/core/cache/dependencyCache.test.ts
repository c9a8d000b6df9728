import { assert, describe, it, vi } from "vitest"
import { DependencyCache, RefusedAnswer } from "../../../src/core/cache/dependencyCache.ts"
import { Dependency } from "../../../src/core/dependency.ts"
import { cacheDefaults } from "../../../src/core/options/cache.ts"
import { virtual } from "../../support/virtual.ts"

const times = { ttl: 100, staleWhileRevalidate: 0, staleIfError: 0, jitter: 0 }

const make = () => {
  const { port, timers } = virtual()
  const cache = new DependencyCache<string, never>(new Dependency("github", {}, timers), cacheDefaults)
  /** What becomes of this value, which a flight has brought. */
  const land = (value: unknown) => {
    const decision = cache.decide("k", port.now(), times)
    return decision.tag === "wait" ? cache.landed(decision.flight, value, times, port) : assert.fail("nothing is kept yet")
  }
  const kept = () => cache.fresh("k", port.now(), times)?.fresh
  return { kept, land }
}

describe("what a flight has brought", () => {
  it("is no Response, which only one could read, and the next ask begins another", () => {
    const { kept, land } = make()
    assert.throws(() => land(new Response("x")), RefusedAnswer, "github.cached: a Response can be read only once")
    assert.isUndefined(kept())
    assert.deepStrictEqual([land("good"), kept()?.value], [{ value: "good", stale: false, storedAt: 1_700_000_000_000 }, "good"])
  })

  it("is kept where the platform knows no Response", () => {
    vi.stubGlobal("Response", undefined)
    try {
      const { kept, land } = make()
      land("good")
      assert.strictEqual(kept()?.value, "good")
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
