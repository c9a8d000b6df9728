import { assert, describe, it } from "vitest"
import { Chaos, createOutrigger } from "../../src/promise/index.ts"
import { caught, virtual } from "../support/virtual.ts"
import { make, retry } from "./make.ts"

describe("chaos", () => {
  it("plays a script: one step for each attempt, and then nothing any more", async () => {
    const { api, port } = make({ timeout: 1000, retry })
    let calls = 0
    api.chaos(Chaos.script([{ error: new Error("one") }, { error: undefined }, "pass", { latency: "50 millis" }]))
    const first = api.call(() => ++calls)
    await port.pass(300)
    assert.deepStrictEqual([await first, api.state().retries], [1, 2])
    const slow = api.call(() => { calls++; return port.time })
    await port.pass(49)
    assert.strictEqual(calls, 1)
    await port.pass(1)
    assert.deepStrictEqual([await slow, await api.call(() => "untouched")], [350, "untouched"])
  })

  it("hangs an attempt until a timeout ends it, and gives its permit back at once", async () => {
    const { api, dependency, port } = make({ timeout: 100, bulkhead: { concurrency: 1 }, breaker: { failures: 1 } })
    api.chaos(Chaos.script(["hang"]))
    const error = caught(api.call(() => 1))
    await port.pass(100)
    assert.strictEqual((await error)._tag, "CallTimeoutError")
    assert.deepInclude(api.state(), { running: 0, abandoned: 0, breaker: "open" })
    assert.deepStrictEqual([dependency.bulkhead!.running, port.waiting.length], [0, 0])
  })

  it("ends a delayed attempt that its caller leaves before it began", async () => {
    const { api, port } = make({})
    api.chaos(Chaos.script([{ latency: 1000 }]))
    const abort = new AbortController()
    let called = false
    const answer = caught(api.call(() => { called = true }, { signal: abort.signal }))
    await port.pass(500)
    abort.abort("enough")
    assert.strictEqual(await answer, "enough")
    await port.pass(1000)
    assert.deepStrictEqual([called, api.state().running, api.state().abandoned], [false, 0, 0])
  })

  it.each([["breaker", "BreakerOpenError"], ["bulkhead", "BulkheadFullError"], ["rate-limit", "RateLimitedError"]] as const)(
    "turns calls away as the %s would", async (reject, tag) => {
      const { api } = make({ breaker: { failures: 1 } })
      api.chaos(Chaos.script([{ reject }]))
      assert.strictEqual((await caught(api.call(() => 1)))._tag, tag)
      assert.deepInclude(api.state(), { rejected: 1, attempts: 0, breaker: "closed" })
    })

  it("comes by rate, by the chance of the policy's own clock", async () => {
    const { api, port } = make({})
    const chances = [0.5, 0.05, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.05, 0.5]
    Object.assign(port, { random: () => chances.shift() ?? 0.5 })
    api.chaos(Chaos.rates({ reject: { rate: 0.1, as: "rate-limit" }, error: { rate: 0.1, with: "down" }, latency: { rate: 0.1, by: 10 } }))
    assert.strictEqual(await caught(api.call(() => 1)), "down")
    assert.strictEqual(await api.call(() => 1), 1)
    const slow = api.call(() => port.time)
    await port.pass(10)
    assert.strictEqual(await slow, 10)
  })

  it("is off unless it is provided, and ends when it is told", async () => {
    const { port, timers } = virtual()
    const outrigger = createOutrigger({ service: "shop", timers })
    const before = outrigger.api("before", { retry: false })
    const end = outrigger.chaos(Chaos.rates({ error: { rate: 1 } }))
    const after = outrigger.api("after", { retry: false })
    assert.deepStrictEqual([(await caught(before.call(() => 1))).message, (await caught(after.call(() => 1))).message],
      ["chaos: before fails attempt 1", "chaos: after fails attempt 1"])
    end()
    assert.deepStrictEqual([await before.call(() => 1), await after.call(() => 2), port.time], [1, 2, 0])
    await outrigger.close()
  })

  it.each<[unknown, string]>([
    [{ error: { rate: 2 } }, "error.rate"], [{ latency: { rate: 0.1 } }, "latency.by"], [{ hang: { rate: 0.1, by: 3 } }, "hang.by"],
    [{ reject: { rate: 0.1, as: "nothing" } }, "reject.as"], [{ lantency: {} }, "lantency"]
  ])("refuses rates of %j", (rates, option) => {
    assert.throws(() => Chaos.rates(rates as Chaos.Rates), new RegExp(`^chaos: ${option.replace(".", "\\.")} is .*, but must be`))
  })

  it("refuses a step that is none", () => {
    assert.throws(() => Chaos.script(["pass", { latency: -1 }]), /^chaos: script\[1\]\.latency is -1, but must be/)
    assert.throws(() => Chaos.script([{ reject: "x" } as never]), /script\[0\]\.reject/)
  })
})
