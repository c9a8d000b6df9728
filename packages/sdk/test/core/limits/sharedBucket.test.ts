import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { LimiterTable, sqlLimiterStore, takeValues } from "../../../src/core/limits/limiterStore.ts"
import { type Allotment, type AllotmentRequest, SharedBucket } from "../../../src/core/limits/sharedBucket.ts"

const base: AllotmentRequest = {
  name: "payments", limit: 10, window: 1000, burst: 10, process: "a", turn: 1, holds: 0, back: 0, least: 0, want: 0, lease: 10_000
}

interface Holder {
  readonly process: string
  turn: number
  held: number
  ends: number
  /** What it stands in line for, and until when it must have come again. */
  waits: number
  until: number
}

/** Millisecond by millisecond, with the line as a list: what everybody can check by reading. */
class Model {
  time = 0
  private credits: number
  private holders: Array<Holder> = []
  /** Who waits, those in front first. */
  private line: Array<{ readonly process: string; readonly since: number }> = []
  private readonly settings: { readonly limit: number; readonly window: number; readonly burst: number }

  constructor(settings: { readonly limit: number; readonly window: number; readonly burst: number }) {
    this.settings = settings
    this.credits = settings.burst * settings.window
  }

  pass(millis: number): void {
    const { burst, limit, window } = this.settings
    for (let n = 0; n < millis; n++) {
      this.time++
      const held = this.holders.reduce((sum, holder) => sum + holder.held, 0)
      this.credits = Math.max(this.credits, Math.min(this.credits + limit, (burst - held) * window))
      this.holders = this.holders.filter(({ ends }) => ends > this.time)
      this.line = this.line.filter(({ process }) => this.holders.some((holder) => holder.process === process && holder.until > this.time))
    }
  }

  take({ back, holds, lease, least, process, turn, want }: AllotmentRequest): Allotment {
    const { limit, window } = this.settings
    const me = this.holders.find((holder) => holder.process === process) ?? { process, turn: 0, held: 0, ends: 0, waits: 0, until: 0 }
    const others = this.holders.filter((holder) => holder !== me)
    if (turn <= me.turn) return { granted: 0, kept: 0, retryAfter: 0, processes: this.holders.length }
    const kept = Math.min(holds, me.held)
    this.credits += window * Math.min(back, me.held - kept)
    this.holders = others
    if (lease === 0) {
      this.line = this.line.filter((one) => one.process !== process)
      return { granted: 0, kept: 0, retryAfter: 0, processes: others.length }
    }
    if (least > 0 && !this.line.some((one) => one.process === process)) this.line.push({ process, since: this.time })
    this.line.sort((a, b) => a.since - b.since || (a.process < b.process ? -1 : 1))
    const mine = this.line.findIndex((one) => one.process === process)
    const inFront = (least > 0 ? this.line.slice(0, mine) : this.line.filter((one) => one.process !== process))
      .reduce((sum, one) => sum + others.find((holder) => holder.process === one.process)!.waits, 0)
    let granted = 0
    while (granted < want && this.credits >= (inFront + granted + 1) * window) granted++
    if (granted < least) granted = 0
    this.credits -= granted * window
    let retryAfter = 0
    if (granted < want) while (this.credits + retryAfter * limit < (inFront + Math.max(1, least)) * window) retryAfter++
    const waits = granted < least ? least : 0
    if (waits === 0) this.line = this.line.filter((one) => one.process !== process)
    this.holders.push({ process, turn, held: kept + granted, ends: this.time + lease, waits, until: this.time + retryAfter + 1000 })
    return { granted, kept, retryAfter, processes: this.holders.length }
  }
}

describe("a shared bucket", () => {
  it("gives, keeps, takes back and tells what its model does, whoever asks for what and when", () => {
    const command = fc.record({
      process: fc.constantFrom("a", "b", "c", "d"), pass: fc.oneof(fc.constant(0), fc.nat(30), fc.nat(400), fc.nat(1500)),
      holds: fc.nat(6), back: fc.nat(6), least: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8 })), more: fc.nat(6),
      lease: fc.constantFrom(0, 100, 500, 500, 2000, 2000, 2000), late: fc.integer({ min: -1, max: 8 })
    })
    const limits = fc.record({ limit: fc.integer({ min: 1, max: 30 }), window: fc.integer({ min: 1, max: 300 }), burst: fc.integer({ min: 1, max: 12 }) })
    fc.assert(fc.property(limits, fc.array(command, { maxLength: 40 }), (settings, commands) => {
      const start = 5000
      const bucket = new SharedBucket(settings, start)
      const model = new Model(settings)
      for (const [index, { late, least, lease, more, pass, process, ...rest }] of commands.entries()) {
        model.pass(pass)
        const request = { ...base, ...settings, ...rest, process, least, want: least + more, lease, turn: late < 0 ? Math.max(1, index - 3) : index + 1 }
        assert.deepStrictEqual(bucket.take(request, start + model.time), model.take(request))
      }
    }), { numRuns: 5000 })
  })

  it("keeps the place of who comes in time, and not a moment longer", () => {
    for (const [late, first] of [[0, "b"], [-1, "a"]] as const) {
      const bucket = new SharedBucket(base, 0)
      const ask = (process: string, turn: number, now: number, lease = 60_000) => bucket.take({ ...base, process, turn, least: 10, want: 10, lease }, now)
      bucket.take({ ...base, process: "x", want: 10, lease: 900 }, 0)
      assert.strictEqual(ask("a", 1, 0).retryAfter, 1000)
      for (const [turn, now] of [[1, 10], [2, 1500]] as const) ask("b", turn, now) // b waits since 10, and comes again
      const [a, b] = [ask("a", 2, 2000 + late), ask("b", 3, 2000)]
      assert.deepStrictEqual([a.granted, b.granted], first === "a" ? [10, 0] : [0, 10])
    }
  })

  it("that was asked a moment earlier than before goes on from then; a clock that leapt back is followed", () => {
    const bucket = new SharedBucket(base, 10_000)
    const take = (now: number, turn: number) => bucket.take({ ...base, turn, want: 10 }, now).granted
    assert.deepStrictEqual([take(10_000, 1), take(9900, 2), take(10_000, 3), take(10_100, 4)], [10, 0, 0, 1])
    assert.deepStrictEqual([take(9100, 5), take(9099, 6), take(9199, 7)], [0, 0, 1])
  })

  it("goes on with other settings: what was spent stays spent, in the new measure", () => {
    const bucket = new SharedBucket(base, 0)
    const take = (turn: number, settings: Partial<AllotmentRequest>, now = 0) => bucket.take({ ...base, turn, want: 100, ...settings }, now)
    assert.strictEqual(take(1, { want: 4 }).granted, 4)
    assert.strictEqual(take(2, { window: 500, want: 2 }).granted, 2)
    assert.strictEqual(take(3, { window: 500, burst: 12 }).granted, 6)
    assert.deepStrictEqual(take(4, { window: 500, burst: 9, want: 1 }), { granted: 0, kept: 0, retryAfter: 200, processes: 1 })
    assert.strictEqual(take(5, { window: 500, burst: 9 }, 200).granted, 1)
  })
})

describe("a table of shared limits", () => {
  it("has a bucket for each name", () => {
    const table = new LimiterTable()
    const granted = ["a", "b", "a"].map((name, turn) => table.take({ ...base, name, process: `${turn}`, want: 7 }, 0).granted)
    assert.deepStrictEqual(granted, [7, 7, 3])
  })
  it("in a database is asked with values in the order of the statement", async () => {
    const request = { name: "n", limit: 1, window: 2, burst: 3, process: "p", turn: 4, holds: 5, back: 6, least: 7, want: 8, lease: 9 }
    assert.deepStrictEqual(takeValues(request), ["n", 1, 2, 3, "p", 4, 5, 6, 7, 8, 9])
    const asked: Array<ReadonlyArray<unknown>> = []
    const answer = { granted: 1, kept: 0, retryAfter: 0, processes: 1 }
    const run = (rows: ReadonlyArray<Record<string, unknown>>) => async (text: string, values: ReadonlyArray<unknown>) => {
      asked.push([text.includes("outrigger.take_allotment"), values.length])
      return rows
    }
    assert.strictEqual(await sqlLimiterStore(run([answer])).take(request), answer)
    for (const rows of [[], [{ granted: "1" }]]) {
      assert.match(String(await sqlLimiterStore(run(rows)).take(request).catch(String)), /gave no rows with numbers/)
    }
    assert.deepStrictEqual(asked, [[true, 11], [true, 11], [true, 11]])
  })
})
