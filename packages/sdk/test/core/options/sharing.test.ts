import { assert, describe, it } from "vitest"
import { breakerStore } from "../../../src/core/breaker/breakerStore.ts"
import { InvalidPolicyOption } from "../../../src/core/errors.ts"
import { readBreaker, readShared } from "../../../src/core/options/breaker.ts"
import { Reader } from "../../../src/core/options/reader.ts"

const port = { exchange: async () => [] }
const store = breakerStore(port)
const read = (shared: any) => readShared(new Reader("payments"), { shared })

describe("the options of sharing", () => {
  it("are a store alone, or with how it is shared", () => {
    const usual = { store, quorum: 0.5, minimumVotes: 2, interval: 1000, lease: 5000 }
    assert.deepStrictEqual(read(store), usual)
    assert.deepStrictEqual(read({ store }), usual)
    assert.deepStrictEqual(read({ store, quorum: 1, minimumVotes: 1, interval: "200 millis" }), { store, quorum: 1, minimumVotes: 1, interval: 200, lease: 1000 })
    assert.deepStrictEqual(read({ store, lease: "2 seconds" }), { ...usual, lease: 2000 })
  })

  it.each([
    [true, "breaker.shared", "an object"],
    [{}, "breaker.shared.store", "a BreakerStore"],
    [null, "breaker.shared", "an object"],
    ["redis", "breaker.shared", "an object"],
    [{ store: "redis" }, "breaker.shared.store", "must be a BreakerStore, such as sharedState(pool).breakers or breakerStore({ exchange })"],
    [{ store: null }, "breaker.shared.store", "a BreakerStore"],
    [{ store: { ...store, exchange: undefined } }, "breaker.shared.store", "a BreakerStore"],
    [{ store: port }, "breaker.shared.store", "breakerStore({ exchange })"],
    [port, "breaker.shared", "breakerStore({ exchange })"],
    [{ store, quorum: 0 }, "breaker.shared.quorum", "a share"],
    [{ store, quorum: 1.01 }, "breaker.shared.quorum", "a share"],
    [{ store, minimumVotes: 0 }, "breaker.shared.minimumVotes", "a whole number from 1"],
    [{ store, interval: 0 }, "breaker.shared.interval", "above zero"],
    [{ store, interval: -1, lease: 4000 }, "breaker.shared.interval", "above zero"],
    [{ store, lease: 0 }, "breaker.shared.lease", "above zero"],
    [{ store, lease: 1999 }, "breaker.shared.lease", "at least 2 breaker.shared.interval (2000 ms)"],
    [{ store, votes: 2 }, "breaker.shared.votes", "left out"]
  ])("%o is refused: %s must be %s", (shared, option, allowed) => {
    let refused: unknown
    try {
      read(shared)
    } catch (error) {
      refused = error
    }
    assert.instanceOf(refused, InvalidPolicyOption)
    assert.strictEqual((refused as InvalidPolicyOption).option, option)
    assert.include((refused as InvalidPolicyOption).message, allowed)
  })

  it("are not of a breaker that says none", () => {
    assert.isUndefined(read(undefined))
  })

  it("stand among the options of a breaker", () => {
    assert.strictEqual(readBreaker(new Reader("payments"), { shared: store }).failures, 5)
  })
})
