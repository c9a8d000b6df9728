import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { type Timed, type TimerPort, Timers } from "../../../src/core/time/timers.ts"

/** A clock moved by hand, at once. Its timers fire when they are due, or as much earlier as they are told. */
class HandPort implements TimerPort {
  time = 0
  early = 0
  waiting: Array<{ readonly fires: number; readonly fire: () => void; held: boolean | undefined; readonly delay: number }> = []
  readonly now = () => this.time
  readonly epoch = () => 0
  readonly random = () => 0
  readonly at = (delay: number, fire: () => void) => {
    const timer = { fires: this.time + Math.max(0, delay - this.early), fire, held: undefined as boolean | undefined, delay }
    this.waiting.push(timer)
    return { cancel: () => { this.waiting = this.waiting.filter((one) => one !== timer) }, hold: (yes: boolean) => { timer.held = yes } }
  }

  pass(millis: number): void {
    const end = this.time + millis
    for (let fired = 0;; fired++) {
      assert.isBelow(fired, 1000, "a timer fires over and over")
      const next = this.waiting.filter(({ fires }) => fires <= end).toSorted((a, b) => a.fires - b.fires)[0]
      if (next === undefined) break
      this.waiting = this.waiting.filter((one) => one !== next)
      this.time = Math.max(this.time, next.fires)
      this.early = Math.max(0, this.early - 1) // or a timer that fires again and again too early never ends
      next.fire()
    }
    this.time = end
  }
}

class Entry implements Timed {
  due = Number.NaN
  lane: Timed["lane"] = null
  earlier: Timed | null = null
  later: Timed | null = null
  readonly id: string
  readonly expire: (now: number) => void

  constructor(id: string, expire: (now: number) => void = () => {}) {
    this.id = id
    this.expire = expire
  }
}

const alone = ({ earlier, lane, later }: Entry): boolean => earlier === null && later === null && lane === null

const begin = () => {
  const port = new HandPort()
  return { port, timers: new Timers(port), expired: [] as Array<string> }
}

describe("deadline lanes", () => {
  it("are one for each duration, whoever asks", () => {
    const { timers } = begin()
    assert.strictEqual(timers.lane(50), timers.lane(50))
    assert.notStrictEqual(timers.lane(50), timers.lane(51))
    assert.strictEqual(timers.lane(50).duration, 50)
  })

  it("expire each who is due, at its time to the millisecond, in the order in which they came", () => {
    const { expired, port, timers } = begin()
    const lane = timers.lane(100)
    const entry = (id: string) => new Entry(id, (now) => expired.push(`${id} at ${now}`))
    lane.add(entry("1"), 0)
    lane.add(entry("2"), 0)
    port.pass(30)
    lane.add(entry("3"), 30)
    port.pass(69)
    assert.deepStrictEqual(expired, [])
    port.pass(1)
    assert.deepStrictEqual(expired, ["1 at 100", "2 at 100"])
    port.pass(30)
    assert.deepStrictEqual(expired.slice(2), ["3 at 130"])
    assert.isEmpty(port.waiting)
  })

  it("have one timer, that of their head, which leaving does not touch", () => {
    const { port, timers } = begin()
    const lane = timers.lane(100)
    const entries = ["1", "2", "3"].map((id) => new Entry(id))
    for (const entry of entries) lane.add(entry, 0)
    for (const entry of entries) lane.remove(entry)
    assert.deepStrictEqual(port.waiting.map(({ delay }) => delay), [100])
    port.pass(100)
    assert.isEmpty(port.waiting)
  })

  it("wait for the rest when a timer fires too early", () => {
    const { expired, port, timers } = begin()
    port.early = 1
    timers.lane(100).add(new Entry("1", (now) => expired.push(`at ${now}`)), 0)
    port.pass(99)
    assert.deepStrictEqual([expired, port.waiting.map(({ delay }) => delay)], [[], [1]])
    port.pass(1)
    assert.deepStrictEqual(expired, ["at 100"])
  })

  it("let who joins while they fire not delay who is due before", () => {
    const { expired, port, timers } = begin()
    const lane = timers.lane(100)
    lane.add(new Entry("1", (now) => lane.add(new Entry("3", (now) => expired.push(`3 at ${now}`)), now)), 0)
    port.pass(50)
    lane.add(new Entry("2", (now) => expired.push(`2 at ${now}`)), 50)
    port.pass(150)
    assert.deepStrictEqual(expired, ["2 at 150", "3 at 200"])
    assert.isEmpty(port.waiting)
  })

  it("go on with the rest after one who throws", () => {
    const { expired, port, timers } = begin()
    const lane = timers.lane(100)
    lane.add(new Entry("1", () => { throw new Error("boom") }), 0)
    lane.add(new Entry("2", (now) => expired.push(`2 at ${now}`)), 0)
    lane.add(new Entry("3", (now) => expired.push(`3 at ${now}`)), 0)
    assert.throws(() => port.pass(100), "boom")
    assert.deepStrictEqual(port.waiting.map(({ delay }) => delay), [0])
    port.pass(0)
    assert.deepStrictEqual(expired, ["2 at 100", "3 at 100"])
  })

  it("are armed for what is left when the clock went on while they fired", () => {
    const { expired, port, timers } = begin()
    const lane = timers.lane(100)
    lane.add(new Entry("1", () => { port.time += 80; throw new Error("slow") }), 0)
    port.pass(50)
    lane.add(new Entry("2", (now) => expired.push(`2 at ${now}`)), 50)
    assert.throws(() => port.pass(50), "slow")
    assert.deepStrictEqual(port.waiting.map(({ delay }) => delay), [50])
  })

  it("do not keep the process alive, except those who are waited for when it would end", () => {
    const { port, timers } = begin()
    const gone = new Entry("1")
    timers.lane(100).add(gone, 0)
    timers.lane(200).add(new Entry("2"), 0)
    timers.lane(100).remove(gone)
    const held = () => port.waiting.map(({ delay, held }) => [delay, held])
    assert.deepStrictEqual(held(), [[100, false], [200, false]])
    timers.holdPending()
    assert.deepStrictEqual(held(), [[100, false], [200, true]])
  })

  it("may be asked to hold the process while they fire, when they have no timer", () => {
    const { expired, port, timers } = begin()
    const lane = timers.lane(100)
    lane.add(new Entry("1", () => lane.hold()), 0)
    port.pass(50)
    lane.add(new Entry("2", (now) => expired.push(`2 at ${now}`)), 50)
    port.pass(100)
    assert.deepStrictEqual(expired, ["2 at 150"])
  })

  it("that have nothing to wait for are not asked to hold the process", () => {
    const { port, timers } = begin()
    const lane = timers.lane(100)
    lane.hold()
    lane.add(new Entry("1"), 0)
    port.pass(100)
    assert.strictEqual(timers["armed"].size, 0)
    lane.add(new Entry("2"), 100)
    assert.strictEqual(timers["armed"].size, 1)
  })
})

describe("deadline lanes, whatever happens in whatever order", () => {
  const durations = [10, 25, 40]
  const command = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("add" as const), lane: fc.nat(2), again: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), which: fc.nat(50) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), millis: fc.integer({ min: 0, max: 30 }), early: fc.nat(3) }) }
  )

  const line = ({ id }: Entry, at: number): string => `${id} at ${at}`
  const ofLane = (lines: ReadonlyArray<string>, duration: number) => lines.filter((one) => one.startsWith(`${duration} `))

  /** Who waits, sorted by the time at which they are due: that is all that lanes are for. */
  it("do as a sorted array does", () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const { expired, port, timers } = begin()
      let waiting: Array<{ readonly entry: Entry; readonly due: number }> = []
      const expected: Array<string> = []
      let made = 0
      const add = (lane: number, now: number, again: boolean) => {
        const duration = durations[lane]!
        const entry = new Entry(`${duration} #${made++}`, (at) => {
          assert.isTrue(alone(entry), "who expires has left")
          expired.push(line(entry, at))
          if (again) add(lane, at, false)
        })
        timers.lane(duration).add(entry, now)
        waiting = [...waiting, { entry, due: now + duration }].toSorted((a, b) => a.due - b.due)
      }
      for (const one of commands) {
        if (one.do === "add") add(one.lane, port.time, one.again)
        else if (one.do === "pass") {
          port.early = one.early
          port.pass(one.millis)
        } else if (waiting.length > 0) {
          const { entry } = waiting[one.which % waiting.length]!
          entry.lane!.remove(entry)
          assert.isTrue(alone(entry))
          waiting = waiting.filter((other) => other.entry !== entry)
        }
        for (; waiting.length > 0 && waiting[0]!.due <= port.time; waiting.shift()) expected.push(line(waiting[0]!.entry, waiting[0]!.due))
        for (const lane of durations) assert.deepStrictEqual(ofLane(expired, lane), ofLane(expected, lane))
        for (const { due, entry } of waiting) assert.strictEqual(entry.due, due)
        assert.isAtMost(port.waiting.length, durations.length)
      }
    }), { numRuns: 2000 })
  })
})
