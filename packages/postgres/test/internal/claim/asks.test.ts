import { describe, expect, it } from "vitest"
import { Asks } from "../../../src/internal/claim/asks.ts"

const keysOf = (asks: Asks, limit = 100) => asks.take(limit).map(({ key }) => key)
const answer = (asks: Asks, given: Readonly<Record<string, number>>, most = 2, all = true) =>
  asks.answered(asks.take(100), { given: new Map(Object.entries(given)), most, all })

describe("keys that were asked for", () => {
  it("are handed out once, each of them", () => {
    const asks = new Asks()
    asks.add(["a", "b", "a"])
    expect([keysOf(asks), keysOf(asks)]).toEqual([["a", "b"], []])
  })

  it("are as many as have room for two of each, and one at least", () => {
    const asks = new Asks()
    asks.add(["a", "b", "c", "d"])
    expect([keysOf(asks, 5), keysOf(asks, 1), keysOf(asks, 1)]).toEqual([["a", "b"], ["c"], ["d"]])
  })

  it("are asked for again when as many were given as could be", () => {
    const asks = new Asks()
    asks.add(["a", "b"])
    answer(asks, { a: 2, b: 1 })
    expect(keysOf(asks)).toEqual(["a"])
  })

  it("are let go when nobody has a turn", () => {
    const asks = new Asks()
    asks.add(["a"])
    answer(asks, {})
    expect(keysOf(asks)).toEqual([])
  })

  it("are kept for some more claims when whoever has the turn may be of other routes", () => {
    const asks = new Asks()
    asks.add(["a"])
    let claims = 0
    for (let taken = asks.take(100); taken.length > 0; taken = asks.take(100)) {
      asks.answered(taken, { given: new Map(), most: 2, all: false })
      claims++
    }
    expect(claims).toBe(11)
  })

  it("begin anew when somebody asks again meanwhile", () => {
    const asks = new Asks()
    asks.add(["a"])
    const taken = asks.take(100)
    asks.add(["a"])
    asks.answered(taken, { given: new Map(), most: 2, all: true })
    expect(asks.take(100)).toEqual([{ key: "a", vain: 0 }])
  })
})
