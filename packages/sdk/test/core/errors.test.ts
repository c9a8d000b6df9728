import { assert, it } from "vitest"
import { BreakerOpenError } from "../../src/core/errors.ts"

it("rejections are errors without a stack that say what happened", () => {
  const error = new BreakerOpenError("payments", "charge", "open", 1500)
  assert.strictEqual(`${error}`, "BreakerOpenError: payments.charge: not called: the breaker is open, try again in 1.5s")
  assert.instanceOf(error, Error)
  assert.notInclude(error.stack ?? "", "at ")
})
