import * as fc from "fast-check"
import { assert, describe, expect, it } from "vitest"
import { Reader } from "../../../src/core/options/reader.ts"
import { EventQueue, Scheduled } from "../../../src/core/simulate/eventQueue.ts"
import { type Condition, conditionAt, type FaultOptions, readFaults } from "../../../src/core/simulate/faults.ts"
import { Histogram } from "../../../src/core/simulate/histogram.ts"
import { Arrivals, expected, type LoadStep, readLoad } from "../../../src/core/simulate/load.ts"
import { exponential, LogNormal, randomOf } from "../../../src/core/simulate/random.ts"

class Note extends Scheduled {
  private readonly say: () => void
  constructor(say: () => void) {
    super()
    this.say = say
  }
  happen(): void {
    this.say()
  }
}

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("add" as const), delay: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("remove" as const), which: fc.nat(80) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("run" as const), millis: fc.nat(40) }) }
)

describe("the event queue", () => {
  it("does what a sorted list would", () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 200, size: "max" }), (commands) => {
      const queue = new EventQueue()
      const happened: Array<number> = []
      const happenedInModel: Array<number> = []
      const events: Array<Note> = []
      let model: Array<{ id: number; due: number }> = []
      for (const one of commands) {
        if (one.type === "add") {
          const id = events.length
          events.push(new Note(() => happened.push(id)))
          model.push({ id, due: queue.now + one.delay })
          queue.add(events[id]!, one.delay)
        } else if (one.type === "remove") {
          if (events[one.which] !== undefined) queue.remove(events[one.which]!)
          model = model.filter(({ id }) => id !== one.which)
        } else {
          const end = queue.now + one.millis
          queue.runUntil(end)
          happenedInModel.push(...model.filter(({ due }) => due < end).toSorted((a, b) => a.due - b.due || a.id - b.id).map(({ id }) => id))
          model = model.filter(({ due }) => due >= end)
          assert.strictEqual(queue.now, end)
        }
      }
      assert.deepStrictEqual(happened, happenedInModel)
    }), { numRuns: 2000 })
  })

  it("is a port: its timers fire in order, at their time, and not once they are cancelled", () => {
    const queue = new EventQueue()
    const port = queue.port(() => 0.25)
    const seen: Array<[string, number, number]> = []
    port.at(10, () => seen.push(["late", port.now(), port.epoch()]))
    port.at(5, () => {
      port.at(0, () => seen.push(["at once", port.now(), port.epoch()]))
      cancelled.cancel()
    })
    const cancelled = port.at(5, () => seen.push(["cancelled", port.now(), port.epoch()]))
    port.at(Infinity, () => seen.push(["never", 0, 0])).cancel()
    queue.runUntil(1e9)
    expect(seen).toEqual([["at once", 5, 5], ["late", 10, 10]])
    assert.strictEqual(port.random(), 0.25)
  })
})

const draws = 100_000
const many = <A>(draw: () => A): Array<A> => Array.from({ length: draws }, draw)
const mean = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length

describe("chance", () => {
  it("comes again with its seed, and differs with seed and stream", () => {
    const first = (seed: number, stream: number) => Array.from({ length: 5 }, randomOf(seed, stream))
    assert.deepStrictEqual(first(7, 0), first(7, 0))
    const all = [first(7, 0), first(8, 0), first(7, 1), first(2 ** 40, 0), first(0, 0)].map((numbers) => numbers.join())
    assert.strictEqual(new Set(all).size, all.length)
  })

  it("is even over [0, 1)", () => {
    const random = randomOf(1, 0)
    const tenths = Array.from({ length: 10 }, () => 0)
    for (let n = 0; n < draws; n++) tenths[Math.floor(random() * 10)]!++
    for (const count of tenths) expect(count / draws).toBeCloseTo(0.1, 2)
    assert.strictEqual(tenths.reduce((sum, count) => sum + count, 0), draws)
  })

  it("has the means and the percentiles that it is told to have", () => {
    const random = randomOf(3, 0)
    expect(mean(many(() => exponential(random)))).toBeCloseTo(1, 1)
    const latency = new LogNormal(40, 200)
    const sorted = many(() => latency.draw(random)).toSorted((a, b) => a - b)
    expect(sorted[draws / 2]! / 40).toBeCloseTo(1, 1)
    expect(sorted[draws * 0.99]! / 200).toBeCloseTo(1, 1)
    expect(mean(sorted) / latency.mean).toBeCloseTo(1, 1)
    assert.strictEqual(new LogNormal(50, 50).draw(random), Math.exp(Math.log(50)))
  })
})

describe("percentiles", () => {
  it("are those of the sorted list, to one of a hundred", () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 0.02, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }), (durations) => {
      const histogram = new Histogram()
      durations.forEach((millis) => histogram.add(millis))
      const sorted = durations.toSorted((a, b) => a - b)
      for (const share of [0.5, 0.9, 0.99, 1]) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!
        expect(Math.abs(histogram.percentile(share)! / exact - 1)).toBeLessThan(0.016) // a bin, and three digits
      }
      const { max, mean: average } = histogram.percentiles()!
      expect(max / sorted.at(-1)!).toBeCloseTo(1, 2)
      expect(average / mean(durations)).toBeCloseTo(1, 2)
    }), { numRuns: 500 })
  })

  it("of nothing are null, also after it is cleared; of no time, zero", () => {
    const histogram = new Histogram()
    assert.strictEqual(histogram.percentiles(), null)
    histogram.add(0)
    expect(histogram.percentiles()).toEqual({ p50: 0, p90: 0, p99: 0, p999: 0, mean: 0, max: 0 })
    histogram.add(2 ** 31)
    histogram.clear()
    assert.strictEqual(histogram.percentile(0.5), null)
  })
})

const read = new Reader("simulation")
const piecesOf = (perSecond: number | ReadonlyArray<LoadStep>) => readLoad(read, { perSecond }, 1e6).pieces

describe("arrivals", () => {
  it("like clockwork come at even distances, and faster from a step on", () => {
    const arrivals = new Arrivals(piecesOf([{ at: 0, perSecond: 1 }, { at: "2 seconds", perSecond: 4 }]))
    assert.deepStrictEqual(Array.from({ length: 6 }, () => arrivals.next(1)), [1000, 2000, 2250, 2500, 2750, 3000])
  })

  it("end when nobody comes any more", () => {
    const arrivals = new Arrivals(piecesOf([{ at: 1000, perSecond: 1 }, { at: 3500, perSecond: 0 }]))
    assert.deepStrictEqual(Array.from({ length: 4 }, () => arrivals.next(1)), [2000, 3000, Infinity, Infinity])
    assert.strictEqual(new Arrivals(piecesOf(0)).next(1), Infinity)
    assert.strictEqual(new Arrivals(piecesOf([{ at: 0, perSecond: 1 }, { at: 1000, perSecond: 0 }])).next(1), 1000)
  })

  it("are as many as the area under any steps and ramps", () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 5000 }), over: fc.integer({ min: 0, max: 5000 }), perSecond: fc.nat(50) })
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
      let end = 0
      const pieces = piecesOf(steps.map(({ over, perSecond, wait }) => {
        const at = end + wait
        end = at + over
        return { at, perSecond, ...(over > 0 && { over }) }
      }))
      const arrivals = new Arrivals(pieces)
      for (let n = 1; n < 200; n++) {
        const at = arrivals.next(1)
        if (at === Infinity) return
        expect(expected(pieces, at)).toBeCloseTo(n, 5)
      }
    }), { numRuns: 1000 })
  })
})

const always: Condition = { outage: undefined, fails: 0.1, slower: 1, limit: undefined }
const span = { at: 100, for: 50 }

describe("what is wrong", () => {
  it.each<[title: string, faults: ReadonlyArray<FaultOptions>, now: number, condition: Partial<Condition>]>([
    ["is what is always wrong before a fault", [{ kind: "slow", ...span, slower: 3 }], 99, always],
    ["is the fault from its first moment", [{ kind: "slow", ...span, slower: 3 }], 100, { slower: 3, fails: 0.1 }],
    ["is the fault until before its end", [{ kind: "slow", ...span, slower: 3 }], 149, { slower: 3 }],
    ["is over at its end", [{ kind: "slow", ...span, slower: 3 }], 150, always],
    ["grows when faults overlap", [{ kind: "slow", ...span, slower: 3 }, { kind: "brown-out", ...span, fails: 0.5, slower: 2 }], 120, { slower: 6, fails: 0.55 }],
    ["is a refusal rather than a hang", [{ kind: "outage", ...span }, { kind: "outage", ...span, hangs: true }], 120, { outage: "refuses" }],
    ["is a hang", [{ kind: "outage", ...span, hangs: true }], 120, { outage: "hangs" }],
    ["is the lower of two limits", [{ kind: "rate-limit", ...span, perSecond: 9 }, { kind: "rate-limit", ...span, perSecond: 8, burst: 2, retryAfter: 0 }], 120,
      { limit: { rate: 0.008, burst: 2, retryAfter: 0 } }],
    ["keeps the lower limit, and fills in a burst of a second", [{ kind: "rate-limit", ...span, perSecond: 8 }, { kind: "rate-limit", ...span, perSecond: 9 }], 120,
      { limit: { rate: 0.008, burst: 8, retryAfter: 1000 } }]
  ])("%s", (_, faults, now, condition) => {
    const { fails, ...rest } = conditionAt(readFaults(read, faults), now, always)
    const { fails: share = fails, ...others } = condition
    expect(rest).toMatchObject(others)
    expect(fails).toBeCloseTo(share, 10)
  })
})
