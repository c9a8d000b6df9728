import { assert, describe, it } from "vitest"
import type { PolicyOptions } from "../../src/core/options.ts"
import { caught, gate, hang } from "../support/virtual.ts"
import { fail, make } from "./make.ts"

const tagOf = async (answer: Promise<unknown>): Promise<string> => (await caught(answer))?._tag ?? "answered"

describe("a breaker in a policy", () => {
  it("opens on a rate of failures over a time, but not on few calls", async () => {
    const { api, port } = make({ breaker: { rate: 0.5, window: "10 seconds", minimumCalls: 4, openFor: 1000 } })
    const reasons: Array<string> = []
    api.on("breaker", ({ reason }) => reasons.push(reason))
    for (let n = 0; n < 3; n++) await caught(api.call(fail()))
    assert.strictEqual(api.state().breaker, "closed")
    await port.pass(11_000)
    for (let n = 0; n < 2; n++) await api.call(() => 1)
    for (let n = 0; n < 2; n++) await caught(api.call(fail()))
    assert.deepStrictEqual([api.state().breaker, reasons], ["open", ["rate"]])
  })

  it("opens on calls that answer well and too slowly, timed by the policy's clock", async () => {
    const { api, port } = make({ breaker: { slow: { over: 100, rate: 1 }, window: { calls: 2 }, minimumCalls: 2, openFor: 1000 } })
    for (const millis of [100, 101, 101]) {
      const work = gate<number>()
      const answer = api.call(() => work.promise)
      await port.pass(millis)
      work.resolve(1)
      await answer
    }
    assert.strictEqual(api.state().breaker, "open")
  })

  it("counts a timeout as slow and as failed", async () => {
    const { api, port } = make({ timeout: 200, breaker: { slow: { over: 100, rate: 1 }, window: { calls: 1 }, minimumCalls: 1 } })
    const answer = tagOf(api.call(hang))
    await port.pass(200)
    assert.deepStrictEqual([await answer, api.state().breaker], ["CallTimeoutError", "open"])
  })

  it("of a key shuts out that key alone, and all are shut out by hand", async () => {
    const { api, dependency } = make({ breaker: { failures: 2, openFor: 1000 } })
    const seen: Array<unknown> = []
    api.on("breaker", ({ key, to }) => seen.push([key, to]))
    for (let n = 0; n < 2; n++) await caught(api.call(fail(), { breakerKey: "a" }))
    assert.deepStrictEqual([await tagOf(api.call(() => 1, { breakerKey: "a" })), await tagOf(api.call(() => 1, { breakerKey: "b" })), await tagOf(api.call(() => 1))],
      ["BreakerOpenError", "answered", "answered"])
    assert.deepStrictEqual([api.state().breaker, api.state().openKeys, seen], ["closed", ["a"], [["a", "open"]]])
    api.isolate()
    assert.strictEqual(await tagOf(api.call(() => 1, { breakerKey: "b" })), "BreakerOpenError")
    api.restore()
    assert.strictEqual(await tagOf(api.call(() => 1, { breakerKey: "b" })), "answered")
    dependency.update({ breaker: false })
    assert.deepStrictEqual([await tagOf(api.call(() => 1, { breakerKey: "a" })), api.state().openKeys], ["answered", []])
  })

  it("of a key settles on the breaker that let the call through, also when it is pushed out meanwhile", async () => {
    const { api } = make({ breaker: { failures: 1, maxKeys: 1 } })
    const work = gate<number>()
    const first = caught(api.call(() => work.promise, { breakerKey: "a" }))
    await api.call(() => 1, { breakerKey: "b" }) // takes the one place
    await api.call(() => 1, { breakerKey: "a" }) // a new one
    work.reject(new Error("late"))
    await first
    assert.strictEqual(await tagOf(api.call(() => 1, { breakerKey: "a" })), "answered")
  })

  it("that observes tells all and rejects nothing", async () => {
    const { api } = make({ breaker: { failures: 1, openFor: 1000, observe: true } })
    await caught(api.call(fail()))
    assert.deepStrictEqual([api.state().breaker, await tagOf(api.call(() => 1)), api.state().wouldHaveRejected], ["open", "answered", 1])
  })

  it("that is disabled never opens", async () => {
    const { api } = make({ breaker: { failures: 1, disabled: true } })
    await caught(api.call(fail()))
    assert.deepStrictEqual([api.state().breaker, api.state().failures], ["closed", 1])
  })

  it("lets the load come back bit by bit, and says so in its rejections", async () => {
    const { api, port } = make({ breaker: { failures: 1, openFor: 1000, rampUp: 1000 } })
    await caught(api.call(fail()))
    await port.pass(1000)
    await api.call(() => 1)
    const passed = async () => {
      let count = 0
      for (let n = 0; n < 100; n++) if (await tagOf(api.call(() => 1)) === "answered") count++
      return count
    }
    const first = await passed()
    await port.pass(500)
    const second = await passed()
    await port.pass(500)
    assert.isTrue(first < 20 && second > 40 && second < 70, `${first} ${second}`)
    assert.strictEqual(await passed(), 100)
  })

  it.each<[PolicyOptions["breaker"]]>([[{ failures: 2 }], [{ rate: 0.5, window: { calls: 10 }, minimumCalls: 2 }]])(
    "keeps its state and its counts through an update of something else (%j)", async (breaker) => {
      const { api } = make({ breaker })
      await caught(api.call(fail()))
      api.update({ timeout: 500 })
      await caught(api.call(fail()))
      assert.strictEqual(api.state().breaker, "open")
      api.update({ timeout: 400 })
      assert.strictEqual(api.state().breaker, "open")
    })

  it("keeps what was isolated by hand through any update, where it is off too", async () => {
    const { api } = make({})
    api.isolate()
    api.update({ timeout: 500 })
    assert.strictEqual(await tagOf(api.call(() => 1)), "BreakerOpenError")
  })
})

describe("a breaker's snapshot", () => {
  const options = { breaker: { failures: 1, openFor: 1000 }, retry: false } as const

  it("lets a process that starts again during an outage go on where it was, as time has gone on", async () => {
    const before = make(options)
    await caught(before.api.call(fail()))
    await before.port.pass(300)
    const saved = JSON.parse(JSON.stringify(before.api.snapshot()!))
    const after = make(options)
    after.port.time = 700 // another process, whose monotonic clock began elsewhere; its epoch is the same second
    after.api.hydrate(saved)
    assert.deepStrictEqual([after.api.state().breaker, (await caught(after.api.call(() => 1))).retryAfter], ["open", 300])
    await after.port.pass(300)
    assert.strictEqual(await after.api.call(() => 1), 1)
  })

  it("that is none is refused, and moves nothing", async () => {
    const { api } = make(options)
    for (const nonsense of [undefined, {}, { state: "open" }, { state: "open", openLeft: 10, reopenings: 0 }, { state: "isolated", takenAt: Number.NaN }]) {
      assert.throws(() => api.hydrate(nonsense as never), /^x: snapshot is .*, but must be what snapshot\(\) gave/)
    }
    assert.strictEqual(await api.call(() => 1), 1)
  })

  it("is none where there is no breaker", () => assert.isUndefined(make({}).api.snapshot()))
})
