import { assert, describe, it } from "vitest"
import { instantOf, isTimeZone, transitionBetween, wallOf } from "../../../src/core/schedules/zone.ts"

const berlin = "Europe/Berlin"
const spring = Date.UTC(2026, 2, 29, 1)
const autumn = Date.UTC(2026, 9, 25, 1)
const hour = 3_600_000
const day = 24 * hour

describe("a change of the clocks", () => {
  it.each([
    [spring - 1, spring], [spring - 1500, spring + 1], [spring - 7 * hour - 1, spring + 2 * hour], [spring - 40 * day, spring + 40 * day]
  ])("is found to the second: between %i and %i", (from, to) => {
    assert.strictEqual(transitionBetween(berlin, from, to), spring)
  })

  it("is after the first of both, and not after the last", () => {
    assert.strictEqual(transitionBetween(berlin, spring, spring + day), undefined)
    assert.strictEqual(transitionBetween(berlin, spring - day, spring - 1), undefined)
    assert.strictEqual(transitionBetween(berlin, spring, spring), undefined)
  })

  it("is the first of several, and none where there is none", () => {
    assert.strictEqual(transitionBetween(berlin, spring, spring + 400 * day), autumn)
    assert.strictEqual(transitionBetween("Asia/Tokyo", spring - day, spring + 400 * day), undefined)
    assert.strictEqual(transitionBetween("UTC", spring - day, spring + 400 * day), undefined)
  })
})

describe("the wall", () => {
  it("is ahead of UTC by what the zone says, to the millisecond", () => {
    assert.deepStrictEqual([wallOf(berlin, spring - 1), wallOf(berlin, spring), wallOf("UTC", spring + 1)], [spring + hour - 1, spring + 2 * hour, spring + 1])
  })

  it("shows a time twice, of which the first counts, or leaves it out", () => {
    assert.strictEqual(instantOf(berlin, Date.UTC(2026, 9, 25, 2, 30)), autumn - hour / 2)
    assert.strictEqual(instantOf(berlin, Date.UTC(2026, 2, 29, 2, 30)), spring)
  })

  it("is of a zone that the runtime knows", () => {
    assert.deepStrictEqual([berlin, "UTC", "Mars/Olympus"].map(isTimeZone), [true, true, false])
  })
})
