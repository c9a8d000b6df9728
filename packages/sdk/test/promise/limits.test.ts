import { assert, describe, it } from "vitest"
import { caught, gate, turn } from "../support/virtual.ts"
import { fail, make, retry } from "./make.ts"

describe("a rate limit", () => {
  it("rejects what is over it, and says when to come back", async () => {
    const { api, port } = make({ rateLimit: { limit: 2, window: 1000 }, retry: false })
    assert.deepStrictEqual(await Promise.all([api.call(() => 1), api.call(() => 2)]), [1, 2])
    const error = await caught(api.call(() => 3, { operation: "search" }))
    assert.deepInclude(error, { _tag: "RateLimitedError", retryAfter: 500, message: "x.search: not called: the rate limit is reached, try again in 500ms" })
    await port.pass(500)
    assert.strictEqual(await api.call(() => 4), 4)
    assert.deepInclude(api.state(), { calls: 4, successes: 3, rejected: 1, failures: 0 })
  })
  it("lets calls wait for their turn, and after that for a permit", async () => {
    const { api, port } = make({ rateLimit: { limit: 1, window: 100, queue: 2 }, bulkhead: { concurrency: 1, queue: 1 }, timeout: 1000, retry: false })
    const first = gate<string>()
    const answers: Array<string> = []
    void api.call(() => first.promise).then((answer) => answers.push(`${answer} at ${port.time}`))
    void api.call(() => "second").then((answer) => answers.push(`${answer} at ${port.time}`))
    assert.strictEqual(api.state().queued, 1)
    await port.pass(150)
    assert.deepInclude(api.state(), { queued: 1, running: 1 })
    first.resolve("first")
    await turn()
    assert.sameMembers(answers, ["first at 150", "second at 150"])
  })
  it("forgets who leaves, and those behind move up", async () => {
    const { api, port } = make({ rateLimit: { limit: 1, window: 100, queue: 3 }, timeout: 250, retry: false })
    const controller = new AbortController()
    const begun: Array<unknown> = []
    const [, aborted, third] = [1, 2, 3].map((n) => caught(api.call(() => begun.push([n, port.time]), n === 2 ? { signal: controller.signal } : {})))
    controller.abort("gone")
    assert.strictEqual(await aborted, "gone")
    await port.pass(250)
    assert.deepStrictEqual([await third, begun, api.state().queued], [undefined, [[1, 0], [3, 100]], 0])
  })
  it("refuses a weight that could never pass", async () => {
    const { api } = make({ rateLimit: { limit: 2, window: 100 } })
    assert.match((await caught(api.call(() => 1, { weight: 3 }))).message, /^x: weight is 3, but must be a whole number from 1 to 2/)
    assert.match((await caught(api.call(() => 1, { weight: Number.NaN }))).message, /^x: weight is NaN/)
    assert.strictEqual(await api.call(() => 1, { weight: 2 }), 1)
    assert.deepInclude(await caught(api.call(() => 1, { weight: 2 })), { _tag: "RateLimitedError", retryAfter: 100 })
    assert.strictEqual(api.state().calls, 2)
  })
})

describe("a rate limit's queue", () => {
  it("takes nobody whose deadline comes before its turn", async () => {
    const { api } = make({ rateLimit: { limit: 1, window: 1000, queue: 5 }, timeout: 500 })
    await api.call(() => 1)
    assert.deepInclude(await caught(api.call(() => 2)), { _tag: "RateLimitedError", retryAfter: 1000 })
  })

  it("lets everybody in when the limit is turned off, and sooner when it is raised", async () => {
    const { api, port } = make({ rateLimit: { limit: 1, window: 1000, queue: 5 } })
    const all = Promise.all([1, 2, 3].map((n) => api.call(() => [n, port.time])))
    api.update({ rateLimit: { limit: 2, window: 1000, queue: 5 } })
    await port.pass(500)
    api.update({ rateLimit: false })
    assert.deepStrictEqual(await all, [[1, 0], [2, 0], [3, 500]])
    assert.deepStrictEqual([api.state().queued, port.waiting.length], [0, 0])
  })

  it("is passed by each attempt: a retry takes its own token", async () => {
    const { api, port } = make({ rateLimit: { limit: 1, window: 1000, queue: 5 }, retry: { ...retry, times: 1 } })
    const starts: Array<number> = []
    const answer = caught(api.call(() => { starts.push(port.time); throw new Error("boom") }))
    await port.pass(2000)
    await answer
    assert.deepStrictEqual(starts, [0, 1000])
  })
})

describe("a throttle", () => {
  it("spares a dependency that refuses everything", async () => {
    const { api } = make({ throttle: { minimumCalls: 3 }, retry: false })
    let sent = 0
    const tags = []
    for (let n = 0; n < 10; n++) tags.push((await caught(api.call(() => { sent++; throw new Error("refused") })))._tag)
    assert.deepStrictEqual([sent, tags[3]], [3, "RateLimitedError"]) // the virtual chance is 0.5
  })
})

describe("adaptive concurrency", () => {
  it("shrinks when calls time out, and lets the queue of its bulkhead wait", async () => {
    const { api, port } = make({ bulkhead: { adaptive: { initial: 20, max: 30 }, queue: 100 }, attemptTimeout: 10, retry: false })
    const calls = Array.from({ length: 20 }, () => caught(api.call(({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")))))))
    await port.pass(10)
    await Promise.all(calls)
    const held = gate<number>()
    for (let n = 0; n < 12; n++) void caught(api.call(() => held.promise))
    assert.deepInclude(api.state(), { running: 5, queued: 7 }) // half of 20, and a probe at half of that
  })
  it("rejects beyond it where there is no queue", async () => {
    const { api } = make({ bulkhead: { adaptive: { initial: 1 } }, retry: false })
    void api.call(() => gate<number>().promise)
    assert.strictEqual((await caught(api.call(fail("x"))))._tag, "BulkheadFullError")
  })
})
