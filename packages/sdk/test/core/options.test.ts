import { assert, describe, it } from "vitest"
import { InvalidPolicyOption } from "../../src/core/errors.ts"
import { type PolicyOptions, readOptions } from "../../src/core/options.ts"

describe("options", () => {
  it.each<[PolicyOptions | Record<string, unknown>, string]>([
    [{ timeout: Number.NaN }, "timeout"], [{ timeout: 0 }, "timeout"], [{ timeout: "soon" }, "timeout"], [{ attemptTimeout: -5 }, "attemptTimeout"],
    [{ retry: { times: -1 } }, "retry.times"], [{ retry: { times: 1.5 } }, "retry.times"], [{ retry: { base: 10, max: 5 } }, "retry.base"],
    [{ retry: { factor: 0.5 } }, "retry.factor"], [{ retry: { jitter: "some" } }, "retry.jitter"], [{ retry: { tiems: 3 } }, "retry.tiems"],
    [{ retry: { budget: { ratio: -1 } } }, "retry.budget.ratio"], [{ retry: 3 }, "retry"], [{ breaker: { failures: 0 } }, "breaker.failures"],
    [{ breaker: { halfOpenCalls: 0 } }, "breaker.halfOpenCalls"], [{ breaker: { openFor: -1 } }, "breaker.openFor"], [{ bulkhead: { concurrency: 0 } }, "bulkhead.concurrency"],
    [{ bulkhead: { concurrency: 1, queue: -1 } }, "bulkhead.queue"], [{ classify: "x" }, "classify"], [{ criticality: "very" }, "criticality"], [{ tiemout: 5 }, "tiemout"]
  ])("%j is refused, naming policy, option, value and what is allowed", (options, option) => {
    try {
      readOptions("payments", options as PolicyOptions)
      assert.fail("it was taken")
    } catch (error) {
      assert.instanceOf(error, InvalidPolicyOption)
      assert.deepStrictEqual([error.policy, error.option], ["payments", option])
      assert.match(error.message, /^payments: .* is .*, but must be .+/)
    }
  })
  it("of false turn a part off", () => {
    const { breaker, bulkhead, retry, timeout } = readOptions("x", { timeout: false, retry: false, breaker: false, bulkhead: false })
    assert.deepStrictEqual([timeout, retry, breaker, bulkhead], [Infinity, undefined, undefined, undefined])
  })
})
