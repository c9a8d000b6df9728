import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { claimSize, type Load, measured, type Pace, unmeasured } from "../../src/internal/prefetch.ts"

/** A worker at rest, with the defaults; 50 attempts a millisecond would be 5,000 within `ahead`. */
const rest: Load = { concurrency: 100, batch: 500, ahead: 100, perMilli: 0, running: 0, waiting: 0, asked: 0, unsettled: 0 }

describe("claimSize", () => {
  it.each<readonly [string, Partial<Load>, number]>([
    ["a worker at rest asks for what it has room for", {}, 100],
    ["with room for more than a batch, it asks for a batch", { concurrency: 2000 }, 500],
    ["one free place is filled at once", { running: 99 }, 1],
    ["a full worker of slow tasks asks for nothing", { running: 100, perMilli: 0.9 }, 0],
    ["what is on its way counts as held", { asked: 100 }, 0],
    ["what waits in line counts as held", { running: 60, waiting: 40 }, 0],
    ["attempts of 100 ms are not claimed ahead", { running: 100, perMilli: 1 }, 0],
    ["quicker ones are, when half of what may wait has gone", { running: 100, waiting: 50, perMilli: 2 }, 50],
    ["but not for less: a claim is a round trip", { running: 100, waiting: 51, perMilli: 2 }, 0],
    ["the quickest are claimed in batches", { running: 100, perMilli: 50 }, 500],
    ["and again beside a claim that is on its way", { running: 100, perMilli: 50, asked: 500 }, 500],
    ["but then only in full batches", { running: 100, perMilli: 10, asked: 500 }, 0],
    ["nothing is claimed ahead where that is turned off", { running: 100, perMilli: 50, ahead: 0 }, 0],
    ["nothing at all while 2000 outcomes wait to be stored", { unsettled: 2000 }, 0],
    ["while they are fewer, it goes on", { unsettled: 1999 }, 100],
    ["more places may leave more outcomes", { concurrency: 1000, unsettled: 3999 }, 500]
  ])("%s", (_, changes, expected) => assert.strictEqual(claimSize({ ...rest, ...changes }), expected))

  it("never lets a worker hold more than it has places, or is likely to begin within `ahead`", () => {
    const load = fc.record({
      concurrency: fc.integer({ min: 1, max: 1000 }), batch: fc.integer({ min: 1, max: 1000 }), ahead: fc.integer({ min: 0, max: 1000 }),
      perMilli: fc.double({ min: 0, max: 100, noNaN: true }), running: fc.nat(1000), waiting: fc.nat(2000), asked: fc.nat(2000), unsettled: fc.nat(5000)
    })
    fc.assert(fc.property(load, (load) => {
      const size = claimSize(load)
      assert.isTrue(Number.isInteger(size) && size >= 0 && size <= load.batch)
      if (size > 0) assert.isAtMost(load.running + load.waiting + load.asked + size, Math.max(load.concurrency, load.perMilli * load.ahead))
    }))
  })
})

describe("measured", () => {
  /** A worker that ends so many attempts in each of these spans of 10 ms. */
  const after = (...ended: ReadonlyArray<number>): Pace => {
    let total = 0
    return ended.reduce<Pace>((pace, count, index) => measured(pace, total += count, (index + 1) * 10), unmeasured(0))
  }

  it("comes close to a steady pace within a fifth of a second", () => {
    assert.approximately(after(...Array<number>(20).fill(500)).perMilli, 50, 1)
  })

  it("falls to nearly nothing as soon as attempts stop ending", () => {
    assert.isBelow(after(...Array<number>(20).fill(500), ...Array<number>(20).fill(0)).perMilli, 1)
  })

  it("counts an idle minute as one long span", () => {
    assert.isBelow(measured(after(500, 500), 1001, 60_000).perMilli, 0.01)
  })

  it("stays as it was until 10 ms have passed", () => {
    const pace = after(500)
    assert.strictEqual(measured(pace, 900, 19), pace)
    assert.notStrictEqual(measured(pace, 900, 20), pace)
  })
})
