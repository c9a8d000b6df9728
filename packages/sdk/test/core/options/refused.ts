/** What reading these options is refused with. */
import { assert } from "vitest"
import { InvalidPolicyOption } from "../../../src/core/errors.ts"

export const refused = (read: () => unknown): InvalidPolicyOption => {
  try {
    read()
  } catch (error) {
    assert.instanceOf(error, InvalidPolicyOption)
    return error
  }
  return assert.fail("it was taken")
}
