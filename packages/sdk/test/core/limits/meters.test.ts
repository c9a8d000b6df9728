/** What the models of the meters leave out: many entries, other settings, clocks that leap, and who waits exactly as long as it may. */
import { assert, describe, it } from "vitest"
import type { Waiter } from "../../../src/core/limits/line.ts"
import { RateLimit, type RateLimitSettings } from "../../../src/core/limits/rateLimit.ts"
import { SlidingWindow } from "../../../src/core/limits/slidingWindow.ts"
import { virtual } from "../../support/virtual.ts"

const windowOf = (limit: number, window: number, spent = 0, now = 0) => new SlidingWindow({ limit, window, burst: limit }, spent, now)

describe("a sliding window", () => {
  it("holds many entries, each for as long as its own time says, also when earlier ones have left", () => {
    const window = windowOf(40, 100)
    for (const at of [0, 1, 2]) assert.isTrue(window.take(1, at))
    for (let n = 0; n < 20; n++) assert.isTrue(window.take(n % 2 + 1, 110 + n))
    assert.strictEqual(window.spent(209), 30)
    let left = 30
    for (let n = 0; n < 20; n++) assert.strictEqual(window.spent(210 + n), left -= n % 2 + 1)
    assert.strictEqual(left, 0)
  })

  it("says of many entries which one has to leave", () => {
    const window = windowOf(20, 100)
    for (let n = 0; n < 20; n++) window.take(1, n)
    assert.deepStrictEqual([1, 2, 12, 20].map((weight) => window.wait(weight, 50)), [50, 51, 61, 69])
  })

  it("leaves each of a full ring its age when the clock leaps back", () => {
    const window = windowOf(8, 1000, 0, 5000)
    for (let n = 0; n < 8; n++) window.take(1, 5000 + n)
    assert.deepStrictEqual([3000, 3992, 3993, 3999, 4000].map((now) => window.spent(now)), [8, 8, 7, 1, 0])
  })

  it("takes what comes at a time read a little earlier for one of the last", () => {
    const window = windowOf(10, 1000, 0, 0)
    window.take(1, 1000)
    window.take(1, 900)
    assert.deepStrictEqual([window.spent(1900), window.spent(1999), window.spent(2000)], [2, 2, 0])
  })

  it("puts together what is no more than 1/4096 apart, where the limit is above 4096, and nothing else", () => {
    const spent = (limit: number, second: number) => {
      const window = windowOf(limit, 4096)
      window.take(1, 0)
      window.take(1, second)
      return window.spent(4096)
    }
    assert.deepStrictEqual([spent(4097, 1), spent(4097, 1.001), spent(4096, 1), spent(2, 0.5)], [2, 1, 1, 1])
  })

  it("of another length counts by that from the very moment on", () => {
    const window = windowOf(5, 1000)
    window.take(3, 0)
    window.take(2, 150)
    window.update({ limit: 5, window: 100, burst: 5 }, 200)
    assert.deepStrictEqual([window.spent(200), window.wait(5, 200), window.wait(3, 200)], [2, 50, 0])
  })
})

const settings: RateLimitSettings = { limit: 10, window: 1000, burst: 10, algorithm: "token-bucket", queue: 100, queueTimeout: Infinity }

const scene = (changed: Partial<RateLimitSettings> = {}) => {
  const { port } = virtual()
  const limit = new RateLimit({ ...settings, ...changed }, port)
  const heard: Array<string> = []
  const wait = (name: string, then?: () => void) => {
    const waiter: Waiter = { ahead: null, behind: null, weight: 1, granted: () => { heard.push(name); then?.(); heard.push(`${name} is in`) } }
    return limit.wait(waiter, port.time)
  }
  return { heard, limit, port, wait }
}

describe("a rate limit", () => {
  it("lets one wait for exactly as long as it may", () => {
    for (const [queueTimeout, taken] of [[99, false], [100, true]] as const) {
      const { limit, wait } = scene({ queueTimeout })
      limit.enter(10, 0)
      assert.strictEqual(wait("a"), taken)
    }
  })

  it("measures by another algorithm from the moment on that it is told to", () => {
    const { limit } = scene()
    limit.enter(10, 0)
    limit.update({ ...settings, algorithm: "sliding-window" }, 0)
    assert.deepStrictEqual([limit.enter(1, 999), limit.enter(10, 1000)], [false, true])
    limit.update(settings, 1000)
    assert.deepStrictEqual([limit.enter(1, 1099), limit.enter(1, 1100)], [false, true])
  })

  it("keeps when each has passed through other settings of the same algorithm", () => {
    const { limit } = scene({ algorithm: "sliding-window" })
    limit.enter(10, 0)
    limit.update({ ...settings, algorithm: "sliding-window", queue: 5 }, 500)
    assert.deepStrictEqual([limit.enter(1, 999), limit.enter(10, 1000)], [false, true])
  })

  it("lets in at once whom a shorter window sets free", () => {
    const { heard, limit, port, wait } = scene({ algorithm: "sliding-window" })
    limit.enter(10, 0)
    port.time = 200
    wait("a")
    limit.update({ ...settings, algorithm: "sliding-window", window: 100 }, 200)
    assert.deepStrictEqual([heard, port.waiting], [["a", "a is in"], []])
  })

  it("lets nobody in from within the turn of somebody else", () => {
    const { heard, limit, wait } = scene()
    limit.enter(10, 0)
    wait("a", () => limit.update({ ...settings, burst: 30, limit: 30 }, 0))
    wait("b")
    limit.update({ ...settings, burst: 20, limit: 20 }, 0)
    assert.deepStrictEqual(heard, ["a", "a is in", "b", "b is in"])
  })
})
