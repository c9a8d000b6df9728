import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { turn } from "../../../src/core/router/wheel.ts"

const wheel = (weights: ReadonlyArray<number>) => weights.map((weight, index) => ({ name: "abcdefgh"[index]!, weight, owed: 0 }))
const turns = (weights: ReadonlyArray<number>, count: number) => {
  const all = wheel(weights)
  return Array.from({ length: count }, () => turn(all)!.name).join("")
}

describe("smooth weighted round robin", () => {
  it.each([
    ["equals take turns in their order", [1, 1, 1], "abcabc"],
    ["the heaviest is spread out", [5, 1, 1], "aabacaa"],
    ["two and one", [2, 1], "abaaba"],
    ["weights need not be whole", [0.5, 0.25], "abaaba"],
    ["one alone", [3], "aaa"]
  ])("%s", (_, weights, expected) => assert.strictEqual(turns(weights, expected.length), expected))

  it("gives each exactly its share in every round, whatever the weights, and no one's tries in one heap", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), fc.nat(50), (weights, skipped) => {
      const sum = weights.reduce((a, b) => a + b, 0)
      const round = turns(weights, skipped + sum).slice(skipped)
      assert.deepStrictEqual(weights.map((_, index) => round.split("abcdefgh"[index]!).length - 1), weights)
    }), { numRuns: 2000 })
  })

  it("shares among those who are there, and who was away is owed no more and no less when it is back", () => {
    const [a, b, c] = wheel([2, 1, 1])
    const round = (...there: ReadonlyArray<NonNullable<typeof a>>) => Array.from({ length: 12 }, () => turn(there)!.name).toSorted().join("")
    assert.strictEqual(round(a!, b!, c!), "aaaaaabbbccc")
    assert.strictEqual(round(a!, c!), "aaaaaaaacccc")
    assert.strictEqual(round(a!, b!, c!), "aaaaaabbbccc")
  })

  it("has nobody when nobody is there", () => assert.isUndefined(turn([])))
})
