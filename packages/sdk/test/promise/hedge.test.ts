import { assert, describe, it } from "vitest"
import type { AttemptContext } from "../../src/core/call/attempt.ts"
import { caught, gate, hang, turn } from "../support/virtual.ts"
import { make, retry } from "./make.ts"

const hedge = { delay: 100 }

/** Work whose attempts are answered from outside. */
const attempts = () => {
  const begun: Array<{ readonly at: AttemptContext; readonly signal: AbortSignal; readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }> = []
  const work = (at: AttemptContext) => {
    const { promise, reject, resolve } = gate<unknown>()
    begun.push({ at, signal: at.signal, resolve, reject })
    return promise
  }
  return { begun, work }
}

describe("a hedged call", () => {
  it("sends no other attempt when the first answers in time", async () => {
    const { api, port } = make({ hedge })
    assert.strictEqual(await api.call(() => 1), 1)
    await port.pass(1000)
    assert.deepInclude(api.state(), { attempts: 1, hedges: 0, running: 0 })
  })

  it("sends another after the delay; the first answer counts, and the loser is interrupted", async () => {
    const { api, port } = make({ hedge, breaker: { failures: 1 } })
    const { begun, work } = attempts()
    const answer = api.call(work)
    await port.pass(99)
    assert.strictEqual(begun.length, 1)
    await port.pass(1)
    assert.deepStrictEqual(begun.map(({ at }) => at.attempt), [1, 2])
    begun[1]!.resolve("second")
    assert.strictEqual(await answer, "second")
    assert.deepStrictEqual(begun.map(({ signal }) => signal.aborted), [true, false])
    assert.deepInclude(api.state(), { hedges: 1, hedgesWon: 1, abandoned: 1, running: 1, breaker: "closed", retries: 0 })
    begun[0]!.reject(new Error("aborted"))
    await turn()
    assert.deepInclude(api.state(), { abandoned: 0, running: 0, breaker: "closed", failures: 0 })
  })

  it("sends as many as it is told, the delay apart", async () => {
    const { api, port } = make({ hedge: { delay: 100, times: 3 } })
    const { begun, work } = attempts()
    const starts: Array<number> = []
    const answer = api.call((at) => { starts.push(port.time); return work(at) })
    await port.pass(1000)
    assert.deepStrictEqual(starts, [0, 100, 200, 300])
    begun[0]!.resolve("first")
    assert.strictEqual(await answer, "first")
    assert.deepStrictEqual(begun.map(({ signal }) => signal.aborted), [false, true, true, true])
    assert.deepInclude(api.state(), { hedges: 3, hedgesWon: 0 })
  })

  it("waits for those that still run when one of them fails", async () => {
    const { api, port } = make({ hedge, retry })
    const { begun, work } = attempts()
    const answer = api.call(work)
    await port.pass(100)
    begun[0]!.reject(new Error("first"))
    await turn()
    begun[1]!.resolve("second")
    assert.strictEqual(await answer, "second")
    assert.deepInclude(api.state(), { retries: 0, hedgesWon: 1 })
  })

  it("is tried again when all of them have failed, and each try may be hedged anew", async () => {
    const { api, port } = make({ hedge, retry: { ...retry, times: 1 } })
    const { begun, work } = attempts()
    const answer = api.call(work)
    await port.pass(100)
    begun[0]!.reject(new Error("a"))
    begun[1]!.reject(new Error("b"))
    await port.pass(100) // the backoff
    await port.pass(100)
    assert.deepStrictEqual(begun.map(({ at }) => at.attempt), [1, 2, 3, 4])
    begun[3]!.resolve("fourth")
    assert.strictEqual(await answer, "fourth")
    assert.deepInclude(api.state(), { retries: 1, recovered: 1, hedges: 2, attempts: 4 })
  })

  it("ends at once on an answer that no repetition mends", async () => {
    const { api, port } = make({ hedge })
    const { begun, work } = attempts()
    const answer = caught(api.call(work))
    await port.pass(100)
    begun[0]!.reject(new TypeError("a bug"))
    assert.strictEqual((await answer).message, "a bug")
    assert.isTrue(begun[1]!.signal.aborted)
  })

  it("ends at its deadline, and leaves all attempts behind", async () => {
    const { api, port } = make({ timeout: 250, hedge, breaker: { failures: 5 } })
    const answer = caught(api.call(hang))
    await port.pass(250)
    assert.strictEqual((await answer)._tag, "CallTimeoutError")
    assert.deepInclude(api.state(), { abandoned: 2, timeouts: 1 })
    assert.strictEqual(port.waiting.filter(({ due }) => due > port.time).length, 0)
  })

  it("gives each attempt its own time, and is tried again when the last of them is over", async () => {
    const { api, port } = make({ attemptTimeout: 150, hedge, retry: { ...retry, times: 1 } })
    const starts: Array<number> = []
    const answer = caught(api.call(() => { starts.push(port.time); return hang() }))
    await port.pass(2000)
    assert.deepStrictEqual(starts, [0, 100, 350, 450]) // 100 + 150, and a backoff of 100
    assert.strictEqual((await answer)._tag, "CallTimeoutError")
    assert.deepInclude(api.state(), { timeouts: 4, hedges: 2 })
  })

  it("is not hedged when it must not happen twice", async () => {
    const { api, port } = make({ timeout: 1000, hedge })
    const answer = caught(api.call(hang, { idempotent: false }))
    await port.pass(1000)
    await answer
    assert.deepInclude(api.state(), { attempts: 1, hedges: 0 })
  })

  it("spends the retry budget, takes a permit, and asks the breaker: without them nothing is sent", async () => {
    const broke = make({ timeout: 1000, hedge, retry: { times: 1, base: 10, budget: { ratio: 0, perSecond: 0 } } })
    const full = make({ timeout: 1000, hedge, bulkhead: { concurrency: 1, queue: 10 } })
    const open = make({ timeout: 1000, hedge, breaker: { failures: 1 } })
    for (const { api } of [broke, full, open]) void caught(api.call(hang))
    await caught(open.api.call(() => Promise.reject(new Error("boom"))))
    for (const { api, port } of [broke, full, open]) {
      await port.pass(500)
      assert.deepInclude(api.state(), { hedges: 0, running: 1 })
      await port.pass(500)
    }
  })

  it("that finds no token spends nothing of the budget", async () => {
    const { api, port } = make({
      timeout: 500, hedge, rateLimit: { limit: 1, window: 86_400_000 }, retry: { times: 1, base: 10, budget: { ratio: 0, perSecond: 0.1 } } // one in ten seconds
    })
    const first = caught(api.call(hang))
    await port.pass(500)
    await first
    assert.strictEqual(api.state().hedges, 0)
    api.update({ rateLimit: false })
    const second = caught(api.call(hang))
    await port.pass(500)
    await second
    assert.strictEqual(api.state().hedges, 1)
  })

  it("may wait for what most calls take, once enough of them are measured", async () => {
    const { api, port } = make({ hedge: { delay: { percentile: 0.9, initial: 500, minimumCalls: 10 } } })
    const slow = async (millis: number) => {
      const work = attempts()
      const answer = api.call(work.work)
      await port.pass(millis)
      work.begun[0]!.resolve(1)
      await answer
      return work.begun.length
    }
    assert.deepStrictEqual([await slow(499), await slow(500)], [1, 2])
    for (let n = 0; n < 100; n++) await slow(20)
    assert.deepStrictEqual([await slow(19), await slow(21), api.state().hedges], [1, 2, 2])
  })

  it("tells of each", async () => {
    const { api, port } = make({ timeout: 250, hedge })
    const seen: Array<unknown> = []
    api.on("hedge", (event) => seen.push(event))
    void caught(api.call(hang, { operation: "search" }))
    await port.pass(250)
    assert.deepStrictEqual(seen, [{ operation: "search", attempt: 2 }])
  })

  it("leaves all attempts behind when its caller aborts", async () => {
    const { api, port } = make({ hedge })
    const { begun, work } = attempts()
    const abort = new AbortController()
    const answer = caught(api.call(work, { signal: abort.signal }))
    await port.pass(100)
    abort.abort("enough")
    assert.strictEqual(await answer, "enough")
    assert.deepStrictEqual([begun.map(({ signal }) => signal.aborted), api.state().aborted], [[true, true], 1])
    await port.pass(1000)
    assert.strictEqual(port.waiting.length, 0)
  })

  it("drops the body of an answer that lost", async () => {
    const { api, port } = make({ hedge })
    const { begun, work } = attempts()
    const answer = api.call(work)
    await port.pass(100)
    const bad = new Response("busy", { status: 503 })
    begun[0]!.resolve(bad)
    await turn()
    begun[1]!.resolve("fine")
    assert.deepStrictEqual([await answer, bad.bodyUsed], ["fine", true])
  })
})
