import { describe, expect, it } from "vitest"
import { type Evidence, figuresOf, isPromiseKept, percentile, type Visit } from "../demo/tally.ts"
import type { Counts } from "../ledger.ts"

const ledger = (more: Partial<Counts> = {}): Counts => ({
  requests: 2, retries: 0, charges: 2, ordersCharged: ["W-1", "W-2"], chargedTwice: [], repeated: 0, stale: 0, turnedAway: 0, ...more
})

const evidence = (more: Partial<Evidence> = {}): Evidence => ({
  visits: [], confirmed: new Set(["W-1", "W-2"]), saved: new Set(["W-1", "W-2"]), ledger: ledger(), openings: 1, slowestHealth: 12, gaveUp: 0, ...more
})

const visit = (outcome: Visit["outcome"], millis = 1): Visit => ({ kind: "order", outcome, millis })

describe("the storm's bookkeeping", () => {
  it("calls an order lost that the shop has and nobody charged", () => {
    const figures = figuresOf(evidence({ saved: new Set(["W-1", "W-2", "W-3"]) }))
    expect(figures.lost).toEqual(["W-3"])
    expect(isPromiseKept(figures, 3)).toBe(false)
  })

  it("calls an order lost that a customer was told is placed, even if the shop does not have it", () => {
    const figures = figuresOf(evidence({ confirmed: new Set(["W-1", "W-2", "W-4"]) }))
    expect(figures).toMatchObject({ ordersIn: 3, lost: ["W-4"] })
  })

  it("counts an order that was saved though its customer never heard of it", () => {
    expect(figuresOf(evidence({ confirmed: new Set() })).ordersIn).toBe(2)
  })

  it("keeps the promise only when every order is in, and charged exactly once", () => {
    expect(isPromiseKept(figuresOf(evidence()), 2)).toBe(true)
    expect(isPromiseKept(figuresOf(evidence()), 3)).toBe(false)
    expect(isPromiseKept(figuresOf(evidence({ ledger: ledger({ chargedTwice: ["W-1"] }) })), 2)).toBe(false)
    expect(isPromiseKept(figuresOf(evidence({ ledger: ledger({ ordersCharged: ["W-1"] }) })), 2)).toBe(false)
  })

  it("does not accept charges for orders that nobody placed", () => {
    expect(isPromiseKept(figuresOf(evidence({ ledger: ledger({ ordersCharged: ["W-1", "W-2", "W-9"] }) })), 2)).toBe(false)
  })

  it("counts a call that hung as an error too, and a stale price as neither", () => {
    const visits = [visit("good"), visit("stale"), visit("error"), visit("hung"), visit("hung")]
    expect(figuresOf(evidence({ visits }))).toMatchObject({ hung: 2, errors: 3, stale: 1 })
  })

  it("takes the times of all answers together, those that hung with the time that was waited", () => {
    const visits = [...Array.from({ length: 98 }, () => visit("good", 10)), visit("hung", 5000), visit("error", 2000)]
    expect(figuresOf(evidence({ visits }))).toMatchObject({ p50: 10, p99: 2000 })
  })

  it.each([
    { values: [], ratio: 0.5, is: 0 },
    { values: [7], ratio: 0.99, is: 7 },
    { values: [3, 1, 2], ratio: 0.5, is: 2 },
    { values: [4, 3, 2, 1], ratio: 0.5, is: 2 },
    { values: Array.from({ length: 100 }, (_, index) => index + 1), ratio: 0.99, is: 99 }
  ])("finds percentile $ratio of $values.length values", ({ is, ratio, values }) => {
    expect(percentile(values, ratio)).toBe(is)
  })
})
