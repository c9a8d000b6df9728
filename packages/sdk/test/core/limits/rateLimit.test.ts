import * as fc from "fast-check"
import { assert, describe, expect, it } from "vitest"
import { InvalidPolicyOption } from "../../../src/core/errors.ts"
import { limiterStore, memoryLimiterStore } from "../../../src/core/limits/limiterStore.ts"
import type { MeterSettings } from "../../../src/core/limits/meter.ts"
import { type RateLimitOptions, readRateLimit, readWeight } from "../../../src/core/options/rateLimit.ts"
import { Reader } from "../../../src/core/options/reader.ts"
import type { Waiter } from "../../../src/core/limits/line.ts"
import { RateLimit, type RateLimitSettings } from "../../../src/core/limits/rateLimit.ts"
import { SlidingWindow } from "../../../src/core/limits/slidingWindow.ts"
import type { TimerPort } from "../../../src/core/time/timers.ts"
import { TokenBucket } from "../../../src/core/limits/tokenBucket.ts"

interface Taken {
  readonly at: number
  readonly weight: number
}

const sum = (taken: ReadonlyArray<Taken>) => taken.reduce((total, { weight }) => total + weight, 0)

/** What may pass, from all that has passed: what everybody can check by reading. */
const allowed = {
  /** From any moment on, no more than the burst and what the rate brings; and after a rest a millisecond's worth more, less than one. */
  "token-bucket": ({ burst, limit, window }: MeterSettings, taken: ReadonlyArray<Taken>, weight: number, now: number) =>
    weight <= burst && taken.every(({ at }, index) => {
      const rested = index > 0 || at > 0
      return (sum(taken.slice(index)) + weight) * window <= burst * window + (rested ? Math.min(limit, window - 1) : 0) + limit * (now - at)
    }) && (sum(taken) + weight) * window <= burst * window + limit * now,
  /** No more than the limit in the window that ends now. */
  "sliding-window": ({ limit, window }: MeterSettings, taken: ReadonlyArray<Taken>, weight: number, now: number) =>
    sum(taken.filter(({ at }) => at > now - window)) + weight <= limit
}
const make = {
  "token-bucket": (settings: MeterSettings, now = 0) => new TokenBucket(settings, 0, now),
  "sliding-window": (settings: MeterSettings, now = 0) => new SlidingWindow(settings, 0, now)
}
const algorithms = ["token-bucket", "sliding-window"] as const
type Algorithm = typeof algorithms[number]

const settingsOf = (algorithm: Algorithm) =>
  fc.record({ limit: fc.integer({ min: 1, max: 12 }), window: fc.integer({ min: 1, max: 100 }), more: fc.integer({ min: -5, max: 8 }) })
    .map(({ limit, more, window }) => ({ limit, window, burst: algorithm === "sliding-window" ? limit : Math.max(1, limit + more) }))

const settings = { limit: 10, window: 1000, burst: 10 }

describe.each(algorithms)("the meter of a %s", (algorithm) => {
  it("lets pass what its model lets pass, at the very millisecond, and says how long that takes", () => {
    const command = fc.record({ pass: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 }), fc.constant(1000)), weight: fc.integer({ min: 1, max: 12 }) })
    fc.assert(fc.property(settingsOf(algorithm), fc.array(command, { maxLength: 40 }), (settings, commands) => {
      const meter = make[algorithm](settings)
      const taken: Array<Taken> = []
      const passes = (weight: number, now: number) => allowed[algorithm](settings, taken, weight, now)
      let now = 0
      for (const { pass, weight } of commands) {
        now += pass
        if (weight <= settings.burst) {
          const wait = meter.wait(weight, now)
          assert.deepStrictEqual([passes(weight, now + wait), wait > 0 && passes(weight, now + wait - 1)], [true, false])
        }
        const passed = meter.take(weight, now)
        assert.strictEqual(passed, passes(weight, now))
        if (passed) taken.push({ at: now, weight })
      }
    }), { numRuns: 3000 })
  })

  it("comes to terms with any clock: it never says what is no number, and whoever waits as long as it says passes", () => {
    const leap = fc.oneof(fc.double({ min: 0, max: 500, noNaN: true }), fc.constantFrom(0, -0.001, -3, -1e9, 1e9, 1e12, -1e12))
    const command = fc.record({ leap, weight: fc.integer({ min: 1, max: 12 }) })
    fc.assert(fc.property(settingsOf(algorithm), fc.array(command, { maxLength: 30 }), (settings, commands) => {
      const meter = make[algorithm](settings, 1e6)
      let now = 1e6
      for (const { leap, weight } of commands) {
        now += leap
        meter.take(weight, now)
        const least = Math.min(weight, settings.burst)
        const wait = meter.wait(least, now)
        assert.isTrue(Number.isInteger(wait) && wait >= 0 && wait <= settings.window * (1 + settings.burst / settings.limit) * 2 + 1)
        now += wait + settings.window + 1
        assert.isTrue(meter.wait(least, now) === 0 || meter.take(least, now + meter.wait(least, now) + 1))
        const spent = meter.spent(now)
        assert.isTrue(spent >= 0 && spent <= Math.max(settings.burst, settings.limit))
      }
    }), { numRuns: 2000 })
  })

  it("takes a time read a little earlier for the last one, and gives nothing for it", () => {
    const meter = make[algorithm](settings, 5500)
    assert.isTrue(meter.take(10, 5500))
    assert.deepStrictEqual([meter.take(1, 5000), meter.take(1, 4500), meter.take(1, 5500)], [false, false, false])
    assert.strictEqual(meter.wait(10, 5500), 1000)
  })

  it("counts on from a clock that leapt back, at once", () => {
    const meter = make[algorithm](settings, 5000)
    assert.isTrue(meter.take(10, 5500))
    assert.deepStrictEqual([meter.take(1, 4499), meter.take(10, 5497), meter.take(10, 5499)], [false, false, true])
  })

  it("keeps what was spent when its settings change", () => {
    const meter = make[algorithm](settings)
    meter.take(8, 0)
    meter.update({ limit: 20, window: 1000, burst: 20 }, 0)
    assert.deepStrictEqual([meter.spent(0), meter.take(13, 0), meter.take(12, 0)], [8, false, true])
    meter.update({ limit: 5, window: 1000, burst: 5 }, 0)
    assert.deepStrictEqual([meter.take(1, 0), meter.take(5, 1000)], [false, true])
  })
})

describe("a token bucket", () => {
  it("may hold more than it is given in a window, or less", () => {
    const wide = new TokenBucket({ limit: 10, window: 1000, burst: 30 }, 0, 0)
    assert.deepStrictEqual([wide.take(31, 0), wide.take(30, 0), wide.wait(1, 0), wide.take(1, 99), wide.take(1, 100)], [false, true, 100, false, true])
    const narrow = new TokenBucket({ limit: 10, window: 1000, burst: 1 }, 0, 0)
    assert.deepStrictEqual([narrow.take(2, 500), narrow.take(1, 500), narrow.take(1, 598), narrow.take(1, 599), narrow.take(1, 698), narrow.take(1, 699)], [false, true, false, true, false, true])
  })
  it("says how long many take, one after another, whatever its size", () => {
    const bucket = new TokenBucket(settings, 10, 0)
    assert.deepStrictEqual([bucket.wait(1, 0), bucket.wait(25, 0), bucket.spent(250)], [100, 2500, 7.5])
  })
  it("that is full keeps a last millisecond's worth, so that a timer that is late takes nothing off the rate, but less than a token", () => {
    const slow = new TokenBucket({ limit: 10, window: 1000, burst: 1 }, 0, 0)
    assert.deepStrictEqual([slow.take(1, 500), slow.spent(601), slow.take(1, 601), slow.wait(1, 601)], [true, 0, true, 99])
    const fast = new TokenBucket({ limit: 5000, window: 1000, burst: 10 }, 0, 0)
    assert.deepStrictEqual([fast.take(11, 500), fast.take(10, 500), fast.take(1, 500), fast.wait(3, 500)], [false, true, false, 1])
  })
  it("begins with what is left of what was spent, and never below nothing", () => {
    assert.strictEqual(new TokenBucket(settings, 4, 0).spent(0), 4)
    assert.strictEqual(new TokenBucket(settings, 400, 0).spent(0), 10)
  })
})

describe("a sliding window", () => {
  it("lets no two halves of its limit meet around the edge of a window", () => {
    const window = new SlidingWindow(settings, 0, 0)
    assert.isTrue(window.take(10, 999))
    assert.deepStrictEqual([window.take(1, 1000), window.take(1, 1998), window.take(10, 1999)], [false, false, true])
  })
  it("of a huge limit never lets more pass either, gives back at most 1/4096 late, and holds few entries", () => {
    const limit = 100_000
    fc.assert(fc.property(fc.array(fc.tuple(fc.double({ min: 0, max: 300, noNaN: true }), fc.integer({ min: 1, max: 30_000 })), { maxLength: 60 }), (commands) => {
      const window = new SlidingWindow({ limit, window: 1000, burst: limit }, 0, 0)
      const taken: Array<Taken> = []
      let now = 0
      for (const [pass, weight] of commands) {
        now += pass
        const passed = window.take(weight, now)
        if (passed) taken.push({ at: now, weight })
        assert.isAtMost(sum(taken.filter(({ at }) => at > now - 1000)), limit)
        if (!passed) assert.isAbove(sum(taken.filter(({ at }) => at > now - 1000 - 1000 / 4096)) + weight, limit)
      }
    }), { numRuns: 1000 })
    const busy = new SlidingWindow({ limit, window: 1000, burst: limit }, 0, 0)
    for (let call = 0; call < limit; call++) busy.take(1, call * 0.01)
    assert.isAtMost(Object.values(busy).find((field) => field instanceof Float64Array)!.length, 8192)
    assert.deepStrictEqual([busy.take(1, 999.99), busy.spent(999.99)], [false, limit])
  })
  it("says how long many take, window after window", () => {
    const window = new SlidingWindow(settings, 0, 0)
    for (const at of [100, 200, 300]) window.take(2, at)
    assert.deepStrictEqual([4, 5, 6, 7, 10, 11, 14, 15, 20, 25].map((weight) => window.wait(weight, 400)), [0, 700, 700, 800, 900, 1000, 1000, 1700, 1900, 2700])
  })
  it("leaves each its age when the clock leaps back", () => {
    const window = new SlidingWindow(settings, 0, 5000)
    window.take(3, 5000)
    assert.strictEqual(window.spent(3000), 3)
    window.take(2, 3400)
    assert.deepStrictEqual([3999, 4000, 4399, 4400].map((now) => window.spent(now)), [5, 2, 2, 0])
  })
  it("that is empty begins an entry anew, also when another window would have held the last one together with it", () => {
    const window = new SlidingWindow({ limit: 5, window: 10, burst: 5 }, 0, 0)
    window.take(5, 0)
    window.update({ limit: 100_000, window: 1_000_000, burst: 100_000 }, 20)
    assert.deepStrictEqual([window.take(7, 30), window.spent(30), window.spent(1_000_029), window.spent(1_000_030)], [true, 7, 7, 0])
  })
  it("begins with what was spent before, as if all of it had been now", () => {
    const window = new SlidingWindow(settings, 3.5, 50)
    assert.deepStrictEqual([window.spent(50), window.take(7, 50), window.take(6, 50), window.take(4, 1049), window.take(4, 1050)], [4, false, true, false, true])
    assert.strictEqual(new SlidingWindow(settings, 50, 0).spent(0), 10)
  })
})

/** Time that is moved by hand, within one turn. */
class ManualPort implements TimerPort {
  time = 0
  timers: Array<{ readonly due: number; readonly fire: () => void }> = []
  readonly now = () => this.time
  readonly epoch = () => this.time
  readonly random = () => 0.5
  readonly at = (delay: number, fire: () => void) => {
    assert.isTrue(delay >= 0 && delay < Infinity)
    const timer = { due: this.time + delay, fire }
    this.timers.push(timer)
    return { cancel: () => { this.timers = this.timers.filter((one) => one !== timer) }, hold() {} }
  }
  pass(millis: number): void {
    const end = this.time + millis
    for (;;) {
      const [next] = this.timers.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)
      if (next === undefined) break
      this.timers = this.timers.filter((one) => one !== next)
      this.time = Math.max(this.time, next.due)
      next.fire()
    }
    this.time = end
  }
}

const full: RateLimitSettings = { ...settings, algorithm: "token-bucket", queue: 100, queueTimeout: Infinity }

const scene = (overrides: Partial<RateLimitSettings> = {}) => {
  const port = new ManualPort()
  const limit = new RateLimit({ ...full, ...overrides }, port)
  const granted: Array<string> = []
  const waiter = (name: string, weight = 1, then?: () => void): Waiter => ({
    ahead: null, behind: null, weight,
    granted: () => {
      granted.push(`${name} at ${port.time}`)
      then?.()
    }
  })
  const wait = (name: string, weight = 1, then?: () => void) => {
    const one = waiter(name, weight, then)
    return limit.wait(one, port.time) ? one : undefined
  }
  return { port, limit, granted, waiter, wait }
}

describe.each(algorithms)("a queue before a %s", (algorithm) => {
  it("grants whom its model grants, in the order in which they came, at the very millisecond", () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant("come" as const), weight: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ do: fc.constant("leave" as const), which: fc.nat(20) }),
      fc.record({ do: fc.constant("pass" as const), millis: fc.integer({ min: 0, max: 80 }) })
    )
    fc.assert(fc.property(settingsOf(algorithm), fc.nat(5), fc.array(command, { maxLength: 50 }), (settings, queue, commands) => {
      const { granted, limit, port, waiter } = scene({ ...settings, algorithm, queue })
      const taken: Array<Taken> = []
      const expected: Array<string> = []
      let waiting: Array<{ readonly name: string; readonly weight: number; readonly waiter: Waiter }> = []
      const passes = (weight: number, now: number) => {
        if (!allowed[algorithm](settings, taken, weight, now)) return false
        taken.push({ at: now, weight })
        return true
      }
      for (const [index, one] of commands.entries()) {
        if (one.do === "come") {
          const weight = Math.min(one.weight, settings.burst)
          const entered = limit.enter(weight, port.time)
          assert.strictEqual(entered, waiting.length === 0 && passes(weight, port.time))
          if (entered) continue
          const name = `${index}`
          const mine = waiter(name, weight)
          const joined = limit.wait(mine, port.time)
          assert.strictEqual(joined, waiting.length < queue)
          if (joined) waiting.push({ name, weight, waiter: mine })
        } else if (one.do === "leave") {
          const gone = waiting[one.which % waiting.length]
          if (gone === undefined) continue
          waiting = waiting.filter((other) => other !== gone)
          limit.forget(gone.waiter, port.time)
        } else {
          for (let now = port.time; now <= port.time + one.millis; now++) {
            while (waiting.length > 0 && passes(waiting[0]!.weight, now)) expected.push(`${waiting.shift()!.name} at ${now}`)
          }
          port.pass(one.millis)
        }
        assert.deepStrictEqual(granted, expected)
        assert.strictEqual(limit.queued, waiting.length)
        assert.strictEqual(port.timers.length, waiting.length > 0 ? 1 : 0)
      }
    }), { numRuns: 2000 })
  })

  it("knows beforehand how long each will wait", () => {
    fc.assert(fc.property(settingsOf(algorithm), fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 60 }), (settings, gaps) => {
      fc.pre(settings.limit <= settings.burst * settings.window) // a bucket that holds no millisecond's worth cannot keep its rate
      const { granted, limit, port, wait } = scene({ ...settings, algorithm })
      const expected: Array<string> = []
      for (const [name, gap] of gaps.entries()) {
        port.pass(gap)
        if (limit.enter(1, port.time)) continue
        expected.push(`${name} at ${port.time + limit.retryAfter(1, port.time)}`)
        wait(`${name}`)
      }
      port.pass(100_000)
      assert.deepStrictEqual(granted, expected)
    }), { numRuns: 1000 })
  })

  it("does not starve a heavy one at its head, nor let anybody overtake it", () => {
    const { granted, limit, port, wait } = scene({ algorithm })
    assert.isTrue(limit.enter(10, 0))
    wait("heavy", 10)
    for (let n = 0; n < 5; n++) wait(`light ${n}`)
    port.pass(999)
    assert.deepStrictEqual([granted, limit.enter(1, port.time)], [[], false])
    port.pass(1)
    assert.deepStrictEqual(granted, ["heavy at 1000"])
    port.pass(1000)
    assert.deepStrictEqual(granted.map((line) => line.split(" at ")[0]), ["heavy", ...[0, 1, 2, 3, 4].map((n) => `light ${n}`)])
  })

  it("lets those behind move up when the head leaves, at once where they may", () => {
    const { granted, limit, port, wait } = scene({ algorithm })
    limit.enter(8, 0)
    const heavy = wait("heavy", 10)!
    wait("light", 2)
    limit.forget(heavy, 0)
    assert.deepStrictEqual(granted, []) // nobody is called from within somebody's own end
    port.pass(0)
    assert.deepStrictEqual([granted, port.timers], [["light at 0"], []])
  })

  it("is not stuck by a limit that was lowered below what somebody waits for: that one takes all", () => {
    const { granted, limit, port, wait } = scene({ algorithm })
    limit.enter(10, 0)
    wait("heavy", 10)
    wait("light")
    limit.update({ ...full, algorithm, limit: 2, burst: 2 }, 0)
    port.pass(100_000)
    assert.deepStrictEqual(granted, ["heavy at 1000", `light at ${algorithm === "token-bucket" ? 1500 : 2000}`])
  })

  it("lets in at once whom a raised limit allows, and the others later", () => {
    const { granted, limit, port, wait } = scene({ algorithm })
    limit.enter(10, 0)
    for (let n = 0; n < 3; n++) wait(`${n}`)
    limit.update({ ...full, algorithm, limit: 12, burst: 12 }, 0)
    assert.deepStrictEqual(granted, ["0 at 0", "1 at 0"])
    port.pass(1000)
    assert.deepStrictEqual(granted[2], `2 at ${algorithm === "token-bucket" ? 84 : 1000}`)
  })

  it("keeps what was spent when the algorithm changes", () => {
    const { limit } = scene({ algorithm })
    limit.enter(9, 0)
    limit.update({ ...full, algorithm: algorithm === "token-bucket" ? "sliding-window" : "token-bucket" }, 0)
    assert.deepStrictEqual([limit.enter(2, 0), limit.enter(1, 0), limit.enter(1, 0)], [false, true, false])
    assert.strictEqual(limit.enter(5, 500), algorithm === "sliding-window") // a bucket, for a window gives nothing back before its end
  })
})

describe("a queue", () => {
  it("turns away at once whom it would let wait for too long, by a millisecond", () => {
    const { limit, wait } = scene({ queueTimeout: 200 })
    limit.enter(10, 0)
    assert.deepStrictEqual(["a", "b", "c"].map((name) => wait(name) !== undefined), [true, true, false])
    assert.deepStrictEqual([limit.queued, limit.retryAfter(1, 0), limit.retryAfter(1, 50)], [2, 300, 250])
  })
  it("has no room unless it is given some", () => {
    const { limit, port, wait } = scene({ queue: 0 })
    assert.deepStrictEqual([wait("a"), limit.queued, port.timers], [undefined, 0, []])
  })
  it("goes on with those who come, and go, in the midst of a grant", () => {
    const { granted, limit, port, wait } = scene()
    limit.enter(10, 0)
    const goes: Array<Waiter> = []
    wait("first", 1, () => {
      limit.forget(goes[0]!, port.time)
      wait("late")
      limit.update(full, port.time)
    })
    goes.push(wait("gone")!)
    wait("last")
    port.pass(1000)
    assert.deepStrictEqual([granted, limit.queued, port.timers], [["first at 100", "last at 200", "late at 300"], 0, []])
  })
  it("goes on after one who breaks when granted", () => {
    const { granted, limit, port, wait } = scene()
    limit.enter(10, 0)
    wait("broken", 1, () => { throw new Error("broken") })
    wait("next")
    expect(() => port.pass(100)).toThrow("broken")
    port.pass(100)
    assert.deepStrictEqual(granted, ["broken at 100", "next at 200"])
  })
  it("arms again when its timer was early, and waits on while the clock stands", () => {
    const { granted, limit, port, wait } = scene()
    limit.enter(10, 0)
    wait("a")
    for (let early = 0; early < 3; early++) {
      const [timer] = port.timers.splice(0)
      timer!.fire()
      assert.deepStrictEqual([granted, port.timers.map(({ due }) => due)], [[], [100]])
    }
    port.pass(100)
    assert.deepStrictEqual(granted, ["a at 100"])
  })
  it("serves all at once after a leap of days, as far as the bucket goes", () => {
    const { granted, limit, port, wait } = scene()
    limit.enter(10, 0)
    for (let n = 0; n < 12; n++) wait(`${n}`)
    port.time = 864e5
    port.timers.splice(0)[0]!.fire()
    assert.deepStrictEqual([granted.length, limit.queued, port.timers.map(({ due }) => due - 864e5)], [10, 2, [99]])
  })
  it("is let in by a limit that is turned off", () => {
    const { granted, limit, port, wait } = scene()
    limit.enter(10, 0)
    wait("a", 3)
    wait("b")
    limit.open()
    assert.deepStrictEqual([granted, limit.queued, port.timers, limit.retryAfter(1, 0)], [["a at 0", "b at 0"], 0, [], 100])
  })
})

describe("another clock, such as a test's", () => {
  it.each(algorithms)("is counted on from the time there, with what was spent, though it is far behind (%s)", (algorithm) => {
    const live = new ManualPort()
    live.time = 5000
    const limit = new RateLimit({ ...full, limit: 1, burst: 1, window: 10_000, algorithm }, live)
    const port = new ManualPort()
    limit.moveTo(port)
    assert.deepStrictEqual([limit.enter(1, 0), limit.retryAfter(1, 0)], [true, 10_000])
    const other = new ManualPort()
    other.time = 100
    limit.moveTo(other)
    assert.deepStrictEqual([limit.enter(1, 100), limit.retryAfter(1, 100)], [false, 10_000])
    other.time = 5100
    limit.moveTo(other) // where it is already
    assert.strictEqual(limit.retryAfter(1, 5100), 5000)
  })
  it("has the timer for whoever waits", () => {
    const { limit, port, wait } = scene()
    limit.enter(10, 0)
    wait("a")
    const other = new ManualPort()
    limit.moveTo(other)
    assert.deepStrictEqual([port.timers, other.timers.map(({ due }) => due)], [[], [100]])
  })
})

describe("options of a rate limit", () => {
  const shared = memoryLimiterStore(() => 0)
  const read = (options: RateLimitOptions | Record<string, unknown>) => readRateLimit(new Reader("payments"), options as RateLimitOptions)
  it("have defaults", () => {
    assert.deepStrictEqual(read({ limit: 100, window: "1 second" }),
      { limit: 100, window: 1000, algorithm: "token-bucket", burst: 100, queue: 0, queueTimeout: Infinity })
    assert.deepStrictEqual(read({ limit: 5, window: 50, algorithm: "sliding-window", queue: 3, queueTimeout: "2 seconds" }),
      { limit: 5, window: 50, algorithm: "sliding-window", burst: 5, queue: 3, queueTimeout: 2000 })
    assert.strictEqual(read({ limit: 5, window: 50, burst: 1 }).burst, 1)
    assert.deepStrictEqual(read({ limit: 5, window: 50, shared }).sharing, { store: shared, processes: 1 })
    assert.deepStrictEqual(read({ limit: 5, window: 50, shared, processes: 8 }).sharing, { store: shared, processes: 8 })
  })
  it.each<[Record<string, unknown>, string]>([
    [{ window: 1000 }, "limit"], [{ limit: 0, window: 1000 }, "limit"], [{ limit: 1.5, window: 1000 }, "limit"], [{ limit: 1 }, "window"],
    [{ limit: 1, window: 0 }, "window"], [{ limit: 1, window: Infinity }, "window"], [{ limit: 1, window: 1, algorithm: "leaky" }, "algorithm"],
    [{ limit: 1, window: 1, burst: 0 }, "burst"], [{ limit: 1, window: 1, algorithm: "sliding-window", burst: 1 }, "burst"],
    [{ limit: 1, window: 1, processes: 2 }, "processes"], [{ limit: 1, window: 1, shared: {} }, "shared"], [{ limit: 1, window: 1, shared: null }, "shared"],
    [{ limit: 1, window: 1, shared, processes: 0 }, "processes"], [{ limit: 1, window: 1, shared, algorithm: "sliding-window" }, "algorithm"],
    [{ limit: 1, window: 1, queue: -1 }, "queue"], [{ limit: 1, window: 1, queueTimeout: "soon" }, "queueTimeout"], [{ limit: 1, window: 1, lmit: 1 }, "lmit"]
  ])("%j are refused", (options, option) => {
    expect(() => read(options)).toThrow(expect.objectContaining({ _tag: "InvalidPolicyOption", option: `rateLimit.${option}` }))
  })
  it("take a store that brings the sharing along, and say how to get one", () => {
    const port = { take: async () => ({ granted: 0, kept: 0, retryAfter: 0, processes: 1 }) }
    for (const bare of [port, { ...shared, take: undefined }]) {
      expect(() => read({ limit: 1, window: 1, shared: bare })).toThrow("must be a store, such as sharedState(pool).limits or limiterStore({ take })")
    }
    assert.isDefined(read({ limit: 1, window: 1, shared: limiterStore(port) }).sharing)
    expect(() => read({ limit: 1, window: 1, processes: 2 })).toThrow("must be left out: the limit is not shared")
    expect(() => read({ limit: 1, window: 1, shared, algorithm: "sliding-window" })).toThrow("must be a token bucket, for the limit is shared")
  })
  it("refuse a weight that could never pass, at the call", () => {
    assert.deepStrictEqual([1, 10].map((weight) => readWeight("payments", weight, full)), [1, 10])
    for (const weight of [0, 11, 1.5, Number.NaN, -1, Infinity]) assert.throws(() => readWeight("payments", weight, full), InvalidPolicyOption)
    expect(() => readWeight("payments", 11, full)).toThrow("payments: weight is 11, but must be a whole number from 1 to 10")
  })
})
