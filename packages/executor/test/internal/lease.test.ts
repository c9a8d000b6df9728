import { assert, describe, it } from "@effect/vitest"
import { granted, renewed, renewEvery, trusted } from "../../src/internal/lease.ts"

const lease = granted(30_000, 1000)

describe("lease", () => {
  it.each([
    [1000, true], [20_999, true], [21_000, false], [31_000, false]
  ])("of 30 s, confirmed at 1000, is trusted at %i: %s", (now, expected) => assert.strictEqual(trusted(lease, now), expected))

  it("counts a renewal from when it was sent, for the store cannot have counted from earlier", () => {
    assert.isTrue(trusted(renewed(lease, 11_000), 30_999))
    assert.isFalse(trusted(renewed(lease, 11_000), 31_000))
  })

  it("is not shortened by a renewal that is answered late", () => {
    assert.strictEqual(renewed(renewed(lease, 11_000), 5000).confirmedAt, 11_000)
  })

  it("is renewed often enough that one renewal may fail", () => {
    assert.isAtMost(renewEvery(30_000) * 2, 30_000 * 2 / 3)
  })
})
