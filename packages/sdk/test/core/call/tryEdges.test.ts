/** The edges of a try: what comes first of a hedge, an attempt's end and the call's; and what those left behind say of the dependency. */
import { assert, describe, it } from "vitest"
import { scene } from "../../support/bareCall.ts"

const boom = new Error("boom")

describe("what comes first while a call is hedged", () => {
  it.each([[{ timeout: 50 }], [{ attemptTimeout: 50 }], [{ timeout: 100 }], [{ attemptTimeout: 100 }]])("is the end, where that is before the hedge or with it (%j)", async (ends) => {
    const { port, start } = scene({ ...ends, hedge: { delay: 100 } })
    const call = start()
    await port.pass(100)
    assert.deepStrictEqual([call.given?.value._tag, call.begun.length], ["CallTimeoutError", 1])
  })

  it("is the end of the first attempt, where that is before another hedge", async () => {
    const { port, start } = scene({ attemptTimeout: 150, hedge: { delay: 100, times: 2 } })
    const call = start()
    await port.pass(150)
    assert.deepStrictEqual([call.stopped.map(([attempt]) => attempt), call.begun.length], [[1], 2])
    await port.pass(50)
    assert.strictEqual(call.begun.length, 3)
  })

  it("is the end of the first attempt, where both come at once", async () => {
    const { events, listen, port, start } = scene({ attemptTimeout: 200, hedge: { delay: 100, times: 2 } })
    listen()
    start()
    await port.pass(200)
    assert.deepStrictEqual(events.map(([type]) => type), ["hedge", "timeout", "hedge"])
  })

  it.each([[150], [200]])("is the end of the call at %i ms, where that is before another hedge or with it", async (timeout) => {
    const { port, start } = scene({ timeout, hedge: { delay: 100, times: 2 } })
    const call = start()
    await port.pass(timeout)
    assert.deepStrictEqual([call.given?.value._tag, call.begun.length], ["CallTimeoutError", 2])
  })

  it("is the end of the call, where an attempt's comes with it: that is one timeout", async () => {
    const { port, start, statistics } = scene({ timeout: 200, attemptTimeout: 200, hedge: { delay: 100 } })
    start()
    await port.pass(200)
    assert.strictEqual(statistics.timeouts, 1)
  })

  it("is as it was when the call was made, though hedges come later now, or not at all", async () => {
    const { dependency, port, start } = scene({ timeout: 300, hedge: { delay: 100 }, bulkhead: { concurrency: 2, queue: 1 } })
    const [first, , waits] = [start(), start(), start()]
    dependency.update({ hedge: { delay: 500 }, bulkhead: { concurrency: 9 } })
    await port.pass(100)
    assert.strictEqual(waits.begun.length, 2)
    first.abort("gone")
    const off = scene({ hedge: { delay: 100 } })
    const call = off.start()
    off.dependency.update({ hedge: false })
    await off.port.pass(100)
    call.ends(1, true, "fine")
    assert.strictEqual(call.given!.value, "fine")
  })
})

describe("what a breaker hears", () => {
  it("is nothing of those that lost a race, were it to a mistake of the caller's", async () => {
    const { dependency, port, start } = scene({ hedge: { delay: 100 }, breaker: { failures: 2 } })
    start().ends(1, false, boom)
    const call = start()
    await port.pass(100)
    call.ends(1, false, new TypeError("a bug"))
    assert.deepStrictEqual([call.given!.value.message, call.stopped.length], ["a bug", 1])
    start().ends(1, false, boom)
    assert.strictEqual(dependency.breaker!.state.tag, "open")
  })

  it("is nothing of an end that the caller brought along", async () => {
    const { dependency, port, start } = scene({ timeout: 1000, breaker: { failures: 2 } })
    start().ends(1, false, boom)
    start(undefined, 50)
    await port.pass(50)
    start().ends(1, false, boom)
    assert.strictEqual(dependency.breaker!.state.tag, "open")
  })

  it("is what a hedge came to, as of any attempt", async () => {
    const { dependency, port, start } = scene({ hedge: { delay: 100 }, breaker: { failures: 2 } })
    const call = start()
    await port.pass(100)
    call.ends(2, false, boom)
    call.ends(1, false, boom)
    assert.strictEqual(dependency.breaker!.state.tag, "open")
  })
})

describe("a hedge that a breaker does not let through", () => {
  it("takes nothing of the rate", async () => {
    const { dependency, port, start } = scene({ hedge: { delay: 100 }, breaker: { failures: 1, openFor: 1000 }, rateLimit: { limit: 3, window: 1e6 } })
    start()
    start().ends(1, false, boom)
    await port.pass(100)
    assert.deepStrictEqual([dependency.rateLimit!.enter(1, 100), dependency.rateLimit!.enter(1, 100)], [true, false])
  })

  it("is not sent, where the load comes back bit by bit", async () => {
    const { dependency, port, start, statistics } = scene({ hedge: { delay: 100 }, breaker: { failures: 1, rampUp: 10_000 }, bulkhead: { concurrency: 9 } })
    dependency.isolate()
    dependency.restore()
    const call = start()
    await port.pass(100)
    assert.deepStrictEqual([call.begun.length, statistics.hedges, dependency.bulkhead!.running], [1, 0, 1])
  })
})
