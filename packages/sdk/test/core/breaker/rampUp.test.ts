import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { RampUp, shareAt } from "../../../src/core/breaker/rampUp.ts"

describe("a ramp-up", () => {
  it.each([[-5, 100], [0, 100], [1, 100], [2, 101], [500, 550], [999, 999], [1000, 1000], [1e9, 1000]])(
    "lets through, %i ms after the close of a second, %i thousandths", (elapsed, share) => assert.strictEqual(shareAt(elapsed, 1000), share))

  it("lets through exactly the sum of its shares at every moment, the first call among them", () => {
    fc.assert(fc.property(fc.array(fc.nat(40), { maxLength: 200 }), fc.integer({ min: 1, max: 2000 }), (waits, duration) => {
      const ramp = new RampUp()
      ramp.begin(duration, 7)
      let now = 7
      let shares = 900
      let through = 0
      for (const wait of waits) {
        now += wait
        shares += shareAt(now - 7, duration)
        if (ramp.admits(now)) through++
        assert.strictEqual(through, Math.floor(shares / 1000))
      }
    }), { numRuns: 3000 })
  })

  it("lets every tenth call through at first, every other half-way, and all in the end", () => {
    const through = (at: number, calls: number) => {
      const ramp = new RampUp()
      ramp.begin(900, 0)
      return Array.from({ length: calls }, () => ramp.admits(at)).filter(Boolean).length
    }
    assert.deepStrictEqual([through(0, 100), through(400, 100), through(899, 100), through(900, 100)], [10, 50, 100, 100])
  })

  it("is over when its time is, and begins anew when told", () => {
    const ramp = new RampUp()
    assert.strictEqual(ramp.active, false)
    ramp.begin(1000, 0)
    assert.deepStrictEqual([ramp.active, ramp.left(400), ramp.left(1000), ramp.left(2000)], [true, 600, 0, 0])
    ramp.admits(999)
    assert.strictEqual(ramp.active, true)
    ramp.admits(1000)
    assert.deepStrictEqual([ramp.active, ramp.left(400)], [false, 0])
    ramp.begin(1000, 2000)
    assert.deepStrictEqual(Array.from({ length: 11 }, () => ramp.admits(2000)), [true, ...Array<boolean>(9).fill(false), true])
  })

  it("begins with the first call where nobody has looked at the clock", () => {
    const ramp = new RampUp()
    ramp.begin(1000, Number.NaN)
    assert.strictEqual(ramp.left(500), 1000)
    assert.deepStrictEqual([ramp.admits(500), ramp.admits(500), ramp.left(700)], [true, false, 800])
  })
})
