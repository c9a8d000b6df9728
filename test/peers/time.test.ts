/** What others got wrong about time: each was a bug that somebody met in production, or that was measured. */
import { afterEach, assert, describe, it, vi } from "vitest"
import { livePort } from "../../packages/sdk/src/core/time/live.ts"
import { createOutrigger } from "@outrigger/sdk/promise"
import { caught, hang, turn, virtual } from "../../packages/sdk/test/support/virtual.ts"

/** The platform's timer: it fires at once beyond what it can hold. */
const longest = 2 ** 31 - 1

const platform = () => {
  let now = 0
  let timers: Array<{ readonly due: number; readonly fire: () => void }> = []
  vi.spyOn(performance, "now").mockImplementation(() => now)
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((fire: () => void, delay: number) => {
    const timer = { due: now + (delay > longest ? 1 : delay), fire, ref() {}, unref() {} }
    timers.push(timer)
    return timer
  }) as never)
  vi.spyOn(globalThis, "clearTimeout").mockImplementation(((timer: object) => { timers = timers.filter((one) => one !== timer) }) as never)
  const pass = (until: number) => {
    for (;;) {
      const [next] = timers.filter(({ due }) => due <= until).toSorted((a, b) => a.due - b.due)
      if (next === undefined) break
      timers = timers.filter((one) => one !== next)
      now = next.due
      next.fire()
    }
    now = until
  }
  return { pass, waiting: () => timers.length }
}

describe("time, unlike elsewhere", () => {
  afterEach(() => { vi.restoreAllMocks() })

  it("may be longer than a timer of the platform holds: nothing fires after 1 ms (p-retry, Cockatiel, opossum)", () => {
    const { pass, waiting } = platform()
    let fired = 0
    livePort.at(3 * longest - 7, () => { fired++ })
    pass(3 * longest - 8)
    assert.strictEqual(fired, 0)
    pass(3 * longest - 7)
    assert.deepStrictEqual([fired, waiting()], [1, 0])
  })

  it("that somebody cancels is cancelled however many timers of the platform it has been through (p-retry)", () => {
    const { pass, waiting } = platform()
    const timer = livePort.at(3 * longest, () => assert.fail("it fired"))
    pass(2 * longest)
    timer.cancel()
    assert.strictEqual(waiting(), 0)
    pass(4 * longest)
  })

  it("is over when an outrigger is closed: no check, no background and no timer goes on (opossum's health check ran on)", async () => {
    const { port, timers } = virtual()
    const outrigger = createOutrigger({ service: "shop", timers, log: () => {} })
    let [checks, rounds] = [0, 0]
    const target = outrigger.api("target", { timeout: 100 })
    outrigger.check("disk", () => { checks++; return { status: "pass" } }, { every: "1 second" })
    outrigger.background("sweep", { every: "1 second" }, () => { rounds++ })
    outrigger.router("routed", { targets: { target: { api: target, check: () => { checks++; return { status: "pass" } } } } })
    await port.pass(5000)
    const before = [checks, rounds]
    assert.isTrue(checks > 5 && rounds > 5)
    const closed = outrigger.close()
    await port.pass(0)
    await closed
    await port.pass(3_600_000)
    assert.deepStrictEqual([checks, rounds], before)
  })

  it("of one call is its own: a timeout aborts no other call's signal (opossum #861)", async () => {
    const { port, timers } = virtual()
    const api = createOutrigger({ service: "shop", timers, log: () => {} }).api("x", { timeout: 100, retry: false })
    const signals: Array<AbortSignal> = []
    const call = () => caught(api.call(({ signal }) => { signals.push(signal); return hang() }))
    const first = call()
    await port.pass(50)
    void call()
    await port.pass(50)
    assert.strictEqual((await first)._tag, "CallTimeoutError")
    assert.deepStrictEqual(signals.map(({ aborted }) => aborted), [true, false])
    await turn()
    void call()
    assert.isFalse(signals[2]!.aborted)
    await port.pass(100)
  })
})
