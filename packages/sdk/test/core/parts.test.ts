import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Budget } from "../../src/core/budget.ts"
import { classify, provesNothingApplied } from "../../src/core/classify.ts"
import { formatMillis, toMillis } from "../../src/core/duration.ts"
import { BreakerOpenError, InvalidPolicyOption } from "../../src/core/errors.ts"
import { entryOf, explain, initial, reportOf, step } from "../../src/core/health.ts"
import { type PolicyOptions, readOptions } from "../../src/core/options.ts"
import { payloadFault } from "../../src/core/payload.ts"
import { Registry } from "../../src/core/registry.ts"
import { delayOf, retryAfterOf } from "../../src/core/retry.ts"

describe("durations", () => {
  it.each([[1500, 1500], ["250 millis", 250], ["30 seconds", 30_000], ["1 minute", 60_000], ["1.5 hours", 5_400_000], ["2 days", 172_800_000]])(
    "%s is %d ms", (input, millis) => assert.strictEqual(toMillis(input), millis))
  it.each(["soon", "10", "10 parsecs", "-1 second", "", null, undefined, {}])("%s is none", (input) => assert.isNaN(toMillis(input)))
  it.each([[12, "12ms"], [1500, "1.5s"], [90_000, "1m 30s"], [90_061_000, "1d 1h"]])("%d is shown as %s", (millis, text) => assert.strictEqual(formatMillis(millis), text))
})

const coded = (code: string) => Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("inner"), { code }) })

describe("what an outcome means", () => {
  it.each<[what: string, value: unknown, ok: boolean, outcome: string]>([
    ["a value", 1, true, "success"], ["undefined", undefined, true, "success"], ["status 200", { status: 200 }, true, "success"],
    ["status 404", { status: 404 }, true, "permanent"], ["status 429", { status: 429 }, true, "transient"], ["status 408", { status: 408 }, true, "transient"],
    ["status 503", { status: 503 }, true, "transient"], ["an error of status 400", { status: 400 }, false, "permanent"], ["an error of status 500", { status: 500 }, false, "transient"],
    ["a refused connection", coded("ECONNREFUSED"), false, "transient"], ["a lost socket", coded("UND_ERR_SOCKET"), false, "transient"],
    ["a bug", new TypeError("x is not a function"), false, "permanent"], ["an own error", new Error("boom"), false, "transient"],
    ["a constraint", Object.assign(new Error("dup"), { code: "23505" }), false, "permanent"], ["bad syntax", Object.assign(new Error("syn"), { code: "42601" }), false, "permanent"],
    ["a deadlock", Object.assign(new Error("dead"), { code: "40P01" }), false, "transient"], ["undefined thrown", undefined, false, "transient"],
    ["a validation error", Object.assign(new Error("no"), { name: "ZodError" }), false, "permanent"]
  ])("%s", (_, value, ok, outcome) => assert.strictEqual(classify(value, ok), outcome))

  it("proves that nothing was applied only where no connection was made, or the dependency said so", () => {
    const proofs = [coded("ECONNREFUSED"), coded("ENOTFOUND"), { status: 429 }].map((value) => provesNothingApplied(value, false))
    const none = [coded("ECONNRESET"), new Error("boom"), { status: 503 }, undefined].map((value) => provesNothingApplied(value, false))
    assert.deepStrictEqual([proofs, none], [[true, true, true], [false, false, false, false]])
  })
})

describe("retry delays", () => {
  const backoff = { base: 100, factor: 2, max: 1000, jitter: "none" } as const
  it("double up to the longest", () => assert.deepStrictEqual([1, 2, 3, 4, 5, 50].map((n) => delayOf(backoff, n, 0, 0.5)), [100, 200, 400, 800, 1000, 1000]))
  it("are never negative, never NaN, never over the longest, whatever the jitter", () => {
    const jitter = fc.constantFrom("none" as const, "full" as const, "equal" as const, "decorrelated" as const)
    fc.assert(fc.property(jitter, fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), fc.double({ min: 0, max: 1000, noNaN: true }), (jitter, retry, random, previous) => {
      const delay = delayOf({ ...backoff, jitter }, retry, previous, random)
      assert.isTrue(delay >= 0 && delay <= 1000)
    }))
  })
  it("hear Retry-After: seconds, or a date", () => {
    const headers = (value: string) => new Response(null, { headers: { "retry-after": value } })
    assert.strictEqual(retryAfterOf(headers("7"), 0), 7000)
    assert.strictEqual(retryAfterOf(headers(new Date(1_700_000_010_000).toUTCString()), 1_700_000_000_000), 10_000)
    assert.strictEqual(retryAfterOf({ response: { headers: { "retry-after": "2" } } }, 0), 2000)
    assert.isUndefined(retryAfterOf(headers("nonsense"), 0))
  })
})

describe("the retry budget", () => {
  it("allows a share of the calls and some beside, over a sliding window", () => {
    const budget = new Budget({ ratio: 0.2, perSecond: 1, window: 10_000 })
    for (let call = 0; call < 100; call++) budget.called(0)
    const spent = (now: number) => {
      let count = 0
      while (budget.spend(now)) count++
      return count
    }
    assert.deepStrictEqual([spent(0), spent(5000), spent(10_500)], [30, 0, 10])
  })
  it("never allows more than its share, whenever it is asked", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3000 })), { maxLength: 300 }), (events) => {
      const budget = new Budget({ ratio: 0.5, perSecond: 0, window: 10_000 })
      let now = 0, calls = 0, retries = 0
      for (const [isCall, wait] of events) {
        now += wait
        if (isCall) {
          budget.called(now)
          calls++
        } else if (budget.spend(now)) retries++
        assert.isAtMost(retries, calls * 0.5)
      }
    }))
  })
})

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

describe("health", () => {
  const settings = { every: 1000, timeout: 500, failAfter: 2, recoverAfter: 1, criticality: "critical", readiness: false } as const
  const fail = { status: "fail", output: "refused" } as const
  const pass = { status: "pass" } as const
  const play = (...results: ReadonlyArray<typeof fail | typeof pass>) => results.reduce((state, result, index) => step(state, result, index, index, settings), initial(0))

  it("counts the first result at once, then turns bad after two and good after one", () => {
    assert.deepStrictEqual([play(fail), play(pass, fail), play(pass, fail, fail), play(pass, fail, pass, fail), play(pass, fail, fail, pass)].map(({ status }) => status),
      ["fail", "pass", "fail", "pass", "pass"])
  })
  it("is never green on an old result", () => {
    const state = play(pass)
    assert.strictEqual(entryOf(state, settings, 2500).status, "pass")
    const old = entryOf(state, settings, 2501)
    assert.deepInclude(old, { status: "warn", age: 2501 })
    assert.match(old.why!, /^stale: the last result is 2.5s old, one is due every 1s$/)
  })
  it("is not well before the first result, and says so", () => assert.deepInclude(entryOf(initial(0), settings, 0), { status: "warn", why: "it has not run yet" }))
  it("fails for what is critical, warns for the rest, and lets the ignored only show", () => {
    const overall = (status: "fail" | "warn", criticality: "critical" | "degrades" | "ignored") => reportOf({ x: [{ status, criticality }] }, 0).status
    assert.deepStrictEqual([overall("fail", "critical"), overall("warn", "critical"), overall("fail", "degrades"), overall("fail", "ignored")], ["fail", "warn", "warn", "pass"])
  })
  it("explains an error without the password in it", () => {
    assert.strictEqual(explain(new Error("connect postgres://app:secret@db:5432/x refused")), "connect postgres://db:5432/x refused")
    assert.isAtMost(explain("x".repeat(5000)).length, 300)
  })
})

describe("the registry", () => {
  it("gives one dependency for one name and options, and refuses other options", () => {
    const registry = new Registry()
    const first = registry.dependency("api", "github", { timeout: 1000 })
    assert.strictEqual(registry.dependency("api", "github", { timeout: "1 second" }), first)
    assert.throws(() => registry.dependency("api", "github", { timeout: 2000 }), InvalidPolicyOption)
  })
})

describe("payloads", () => {
  it("takes what JSON and PostgreSQL can hold, and says where something else is", () => {
    assert.isUndefined(payloadFault({ a: [1, "ä𝄞", null, true, { b: undefined }] }))
    assert.deepStrictEqual(payloadFault({ a: [{ b: "x\u0000" }] })!.path, ["a", 0, "b"])
    assert.deepStrictEqual(payloadFault({ "k\u0000": 1 })!.path, ["k\u0000"])
    assert.match(payloadFault({ n: 1n })!.message, /bigint/)
    const cycle: Record<string, unknown> = {}
    cycle["self"] = cycle
    assert.match(payloadFault(cycle)!.message, /nests deeper/)
  })
})

it("rejections are errors without a stack that say what happened", () => {
  const error = new BreakerOpenError("payments", "charge", "open", 1500)
  assert.strictEqual(`${error}`, "BreakerOpenError: payments.charge: not called: the breaker is open, try again in 1.5s")
  assert.instanceOf(error, Error)
  assert.notInclude(error.stack ?? "", "at ")
})
