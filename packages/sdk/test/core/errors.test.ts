import { assert, describe, it } from "vitest"
import { BreakerOpenError, BulkheadFullError, CallTimeoutError, InvalidPolicyOption, RateLimitedError } from "../../src/core/errors.ts"

describe("rejections", () => {
  it("are errors without a stack that say what happened", () => {
    const error = new BreakerOpenError("payments", "charge", "open", 1500)
    assert.strictEqual(`${error}`, "BreakerOpenError: payments.charge: not called: the breaker is open, try again in 1.5s")
    assert.instanceOf(error, Error)
    assert.notInclude(error.stack ?? "", "at ")
  })

  it("leave the stacks of others as they were", () => {
    const limit = Error.stackTraceLimit
    const error = new BulkheadFullError("payments", undefined, 1, 2)
    assert.notInclude(error.stack, "at ")
    assert.strictEqual(Error.stackTraceLimit, limit)
    assert.include(new Error("own").stack, "at ")
  })

  it.each([
    [() => new CallTimeoutError("payments", "charge", 2000), "CallTimeoutError", "payments.charge: no answer within 2s", undefined],
    [() => new CallTimeoutError("payments", undefined, Number.NaN), "CallTimeoutError", "payments: no answer before the deadline", undefined],
    [() => new CallTimeoutError("payments", undefined, Infinity), "CallTimeoutError", "payments: no answer before the deadline", undefined],
    [() => new BreakerOpenError("payments", undefined, "isolated"), "BreakerOpenError", "payments: not called: the breaker is isolated", undefined],
    [() => new BreakerOpenError("payments", "charge", "half-open", 0), "BreakerOpenError", "payments.charge: not called: the breaker is half-open, try again in 0ms", 0],
    [() => new BulkheadFullError("payments", "charge", 3, 2), "BulkheadFullError", "payments.charge: not called: 3 calls run and 2 wait already", undefined],
    [() => new RateLimitedError("payments", undefined, "too many"), "RateLimitedError", "payments: not called: too many", undefined],
    [() => new RateLimitedError("payments", "charge", "too many", 20), "RateLimitedError", "payments.charge: not called: too many, try again in 20ms", 20]
  ])("say all that there is to say (%#)", (make, tag, message, retryAfter) => {
    const error = make()
    assert.deepStrictEqual([error._tag, error.name, error.message, error.retryAfter, error.dependency], [tag, tag, message, retryAfter, "payments"])
    assert.strictEqual(error.operation, message.startsWith("payments.charge") ? "charge" : undefined)
  })

  it.each([CallTimeoutError, BreakerOpenError, BulkheadFullError, RateLimitedError, InvalidPolicyOption])("%s keeps its name when its code is made small", (type) => {
    const { prototype } = type
    assert.deepStrictEqual(Object.getOwnPropertyDescriptor(prototype, "name"), { value: type.name, configurable: true, writable: true, enumerable: false })
  })
})

describe("an option that makes no sense", () => {
  const holdsItself: { self?: unknown } = {}
  holdsItself.self = holdsItself

  it.each<[value: unknown, shown: string]>([
    ["soon", '"soon"'], [5, "5"], [Number.NaN, "NaN"], [undefined, "undefined"], [null, "null"], [{ a: 1 }, '{"a":1}'], [[1], "[1]"], [true, "true"], [Symbol.iterator, "Symbol(Symbol.iterator)"],
    [10n, "10"], [holdsItself, "an object"], [{ limit: 10n }, "an object"], [Object.create(null), "{}"]
  ])("is named, with its value as it was written (%#)", (value, shown) => {
    const error = new InvalidPolicyOption("payments", "timeout", value, "a number")
    assert.deepStrictEqual([error._tag, error.policy, error.option, `${error}`],
      ["InvalidPolicyOption", "payments", "timeout", `InvalidPolicyOption: payments: timeout is ${shown}, but must be a number`])
  })
})
