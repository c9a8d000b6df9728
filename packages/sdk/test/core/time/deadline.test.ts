import { assert, describe, it } from "vitest"
import { deadlineAfter, timeLeft } from "../../../src/core/time/deadline.ts"

describe("time left", () => {
  it.each([
    [1500, 1000, "500"], [1500.9, 1000, "500"], [1000.9, 1000, "0"], [1000, 1000, "0"], [900, 1000, "0"], [Infinity, 1000, undefined]
  ])("until %d at %d is %s", (deadline, now, left) => {
    assert.strictEqual(timeLeft(deadline, now), left)
  })

  it.each([
    ["500", 1500], ["0", 1000], ["00007", 1007], ["999999999999999", 1000 + 999_999_999_999_999], ["1000000000000000", Infinity],
    ["-1", Infinity], ["+5", Infinity], ["1.5", Infinity], ["1e3", Infinity], ["0x10", Infinity], ["", Infinity], [" 5", Infinity], ["5\n", Infinity],
    ["5, 6", Infinity], ["5 millis", Infinity], ["NaN", Infinity], ["Infinity", Infinity], [undefined, Infinity], [null, Infinity], [5, Infinity], [["5"], Infinity]
  ])("of %j, told at 1000, ends at %d", (header, deadline) => {
    assert.strictEqual(deadlineAfter(header, 1000, Infinity), deadline)
  })

  it.each([["500", 1200], ["199", 1199], ["200", 1200], [undefined, 1200], ["nonsense", 1200]])("is at most what the server allows: %s", (header, deadline) => {
    assert.strictEqual(deadlineAfter(header, 1000, 200), deadline)
  })
})
