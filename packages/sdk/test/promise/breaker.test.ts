/** The breaker's strategies under real calls. */
import { assert, describe, it } from "vitest"
import { Dependency } from "../../src/core/dependency.ts"
import type { BreakerOptions } from "../../src/core/options/breaker.ts"
import { Api } from "../../src/promise/Api.ts"
import { caught, gate, virtual } from "../support/virtual.ts"

const make = (breaker: BreakerOptions, options: { readonly timeout?: number; readonly bulkhead?: { readonly concurrency: number } } = {}) => {
  const { port, timers } = virtual()
  const api = new Api(new Dependency("x", { breaker, timeout: 60_000, ...options }, timers))
  const answer = () => api.call(() => Promise.resolve(1))
  const fail = () => caught(api.call(() => Promise.reject(new Error("boom"))))
  const late = async (millis: number) => {
    const { promise, resolve } = gate<number>()
    const call = caught(api.call(() => promise))
    await port.pass(millis)
    resolve(1)
    return call
  }
  return { answer, api, fail, late, port, state: () => api.state().breaker }
}

describe("the breaker of an api", () => {
  it("opens at a share of failures, though successes come between", async () => {
    const { answer, fail, state } = make({ rate: 0.5, minimumCalls: 6 })
    for (let n = 0; n < 3; n++) {
      assert.strictEqual(state(), "closed")
      await answer()
      await fail()
    }
    assert.strictEqual(state(), "open")
    assert.strictEqual((await fail())._tag, "BreakerOpenError")
  })

  it("opens at a share of slow calls, though all of them succeed", async () => {
    const { late, state } = make({ slow: { over: 100, rate: 1 }, minimumCalls: 2 })
    await late(100)
    await late(101)
    await late(101)
    assert.strictEqual(state(), "closed")
    const all = make({ slow: { over: 100, rate: 1 }, minimumCalls: 2 })
    await all.late(101)
    await all.late(101)
    assert.strictEqual(all.state(), "open")
  })

  it("counts what reached its deadline as a failure, and as slow", async () => {
    const { late, state } = make({ slow: { over: 100, rate: 1 }, minimumCalls: 2 }, { timeout: 200 })
    for (let n = 0; n < 2; n++) assert.strictEqual((await late(300))._tag, "CallTimeoutError")
    assert.strictEqual(state(), "open")
  })

  it("is not diluted by answers of the cache (opossum counts them as successes)", async () => {
    const { answer, api, fail, state } = make({ rate: 0.5, minimumCalls: 4 })
    await answer()
    for (let n = 0; n < 50; n++) await api.cached({ key: "a", ttl: "1 minute" }, () => Promise.resolve(1))
    await fail()
    await fail()
    assert.strictEqual(state(), "open")
  })

  it("does not count what a bulkhead rejects (opossum, resilience4j #1657)", async () => {
    const { answer, api, state } = make({ rate: 0.1, minimumCalls: 2 }, { bulkhead: { concurrency: 1 } })
    const { promise, resolve } = gate<number>()
    const held = api.call(() => promise)
    for (let n = 0; n < 50; n++) assert.strictEqual((await caught(answer()))._tag, "BulkheadFullError")
    resolve(1)
    await held
    await answer()
    assert.strictEqual(state(), "closed")
  })

  it("takes a function that gives nothing for a success (opossum: a failure)", async () => {
    const { api, state } = make({ rate: 0.1, minimumCalls: 2 })
    for (let n = 0; n < 5; n++) assert.isUndefined(await api.call(() => undefined))
    assert.strictEqual(state(), "closed")
  })

  it("keeps its state and its counts when other options of it change", async () => {
    const { api, fail, state } = make({ rate: 1, minimumCalls: 4 })
    await fail()
    await fail()
    api.update({ breaker: { rate: 1, minimumCalls: 3, openFor: "5 seconds" } })
    await fail()
    assert.strictEqual(state(), "open")
    api.update({ breaker: { rate: 1, observe: true } })
    assert.deepStrictEqual([await caught(api.call(() => 1)), state()], [undefined, "open"])
  })
})
