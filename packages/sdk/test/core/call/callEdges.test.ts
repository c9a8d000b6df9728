/** The edges of a call: the clock that it reads or does not, timers that are left behind, and options that change under it. */
import { assert, describe, it } from "vitest"
import { scene } from "../../support/bareCall.ts"

const boom = new Error("boom")
const retry = { times: 2, base: 100, jitter: "none", budget: false } as const

describe("a call that nobody times", () => {
  it("reads no clock when it begins", () => {
    const { port, start } = scene({})
    let read = 0
    Object.assign(port, { now: () => { read++; return 0 } })
    start()
    assert.strictEqual(read, 0)
  })

  it("reads it where a deadline is inherited, and ends then", async () => {
    const { port, start } = scene({})
    port.time = 50
    const call = start(undefined, 70)
    await port.pass(19)
    assert.strictEqual(call.answers.length, 0)
    await port.pass(1)
    assert.strictEqual(call.given!.value._tag, "CallTimeoutError")
  })
})

describe("a caller that leaves", () => {
  it("is no success that ends a row of failures", () => {
    const { dependency, start } = scene({ breaker: { failures: 2 } })
    start().ends(1, false, boom)
    start().abort("gone")
    start().ends(1, false, boom)
    assert.strictEqual(dependency.breaker!.state.tag, "open")
  })
})

describe("a schedule of the shell's own", () => {
  const asking = (timeout: number | false = false) => {
    const all = scene({ timeout, retry })
    const call = all.make()
    call.scheduled = true
    call.start(Infinity)
    return { ...all, call }
  }

  it("leaves no timer behind when it has decided", async () => {
    const { call, port, statistics } = asking(100)
    await port.pass(10)
    call.ends(1, false, boom)
    call.answer(null)
    await port.pass(1000)
    assert.deepStrictEqual([call.answers.length, statistics.timeouts, port.waiting.length], [1, 0, 0])
  })

  it("is not asked when the call's own end came while it ran", async () => {
    const { call, port } = asking(100)
    await port.pass(100)
    assert.deepStrictEqual([call.asked, call.phase], [[], "done"])
  })

  it("has no say any more where retries were turned off meanwhile", () => {
    const { call, dependency } = asking()
    call.ends(1, false, boom)
    dependency.update({ retry: false })
    call.answer(5)
    assert.deepStrictEqual(call.given, { ok: false, value: boom, raw: "raw Error: boom" })
  })
})
