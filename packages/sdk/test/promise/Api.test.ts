import { AsyncLocalStorage } from "node:async_hooks"
import { execFile } from "node:child_process"
import { getEventListeners } from "node:events"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, expectTypeOf, it } from "vitest"
import { caught, gate, hang, turn } from "../support/virtual.ts"
import { fail, make, retry } from "./make.ts"

const breaker = { failures: 2, openFor: 1000 }

describe("a call", () => {
  it("gives what the work gives, and infers it", async () => {
    const { api } = make({ timeout: 1000 })
    const answer = api.call(({ attempt, deadline, signal }) => ({ attempt, deadline, aborted: signal.aborted }))
    expectTypeOf(answer).resolves.toEqualTypeOf<{ attempt: number; deadline: number; aborted: boolean }>()
    assert.deepStrictEqual(await answer, { attempt: 1, deadline: 1000, aborted: false })
  })

  it("treats a synchronous throw, a plain value, undefined and a stranger's promise like any other answer", async () => {
    const { api } = make({ timeout: 10 })
    assert.match(String(await caught(api.call(() => { throw new Error("sync") }))), /sync/)
    assert.isUndefined(await api.call(() => undefined))
    assert.strictEqual(await api.call(() => Promise.reject(undefined)).then(() => "ok", (error) => error ?? "rejected"), "rejected")
    assert.strictEqual(await api.call(() => ({ then(ok: (value: number) => void) { ok(1); ok(2); throw new Error("late") } }) as unknown as Promise<number>), 1)
  })

  it("ends like any other when what the work gives throws as soon as it is looked at", async () => {
    const boom = (): never => { throw new Error("hands off") }
    const closed = Object.defineProperties({}, { status: { get: boom }, headers: { get: boom }, body: { get: boom } })
    const { api, port } = make({ bulkhead: { concurrency: 1 }, retry: { ...retry, times: 1, while: () => false, whileResult: (result) => result === closed } })
    assert.strictEqual(await caught(api.call(fail(closed))), closed)
    assert.match(String(await caught(api.call(() => Object.defineProperty({}, "then", { get: boom })))), /hands off/)
    const again = api.call(() => closed)
    await port.pass(100)
    assert.strictEqual(await again, closed)
    assert.deepInclude(api.state(), { attempts: 4, running: 0, successes: 1, failures: 2 })
  })

  it("rejects with the work's own error, unchanged", async () => {
    const { api } = make({ timeout: 10, retry: false })
    const own = { _tag: "Own" }
    assert.strictEqual(await caught(api.call(fail(own))), own)
  })
})

describe("a timeout", () => {
  it("answers at the deadline, whatever the work does, and tells it to stop", async () => {
    const { api, port } = make({ timeout: 100 })
    let signal: AbortSignal | undefined
    const error = caught(api.call((context) => { signal = context.signal; return hang() }, { operation: "search" }))
    await port.pass(100)
    assert.deepInclude(await error, { _tag: "CallTimeoutError", dependency: "x", operation: "search", message: "x.search: no answer within 100ms" })
    assert.isTrue(signal!.aborted)
    assert.deepInclude(api.state(), { timeouts: 1, abandoned: 1, running: 1 })
  })

  it("leaves abandoned work its permit until it settles", async () => {
    const { api, port } = make({ timeout: 100, bulkhead: { concurrency: 1 } })
    const work = gate<number>()
    const first = caught(api.call(() => work.promise))
    await port.pass(100)
    await first
    assert.strictEqual((await caught(api.call(() => 1)))._tag, "BulkheadFullError")
    work.resolve(1)
    await turn()
    assert.strictEqual(await api.call(() => 2), 2)
    assert.deepInclude(api.state(), { abandoned: 0, running: 0 })
  })

  it("of one attempt is tried again; the whole call's ends it", async () => {
    const { api, port } = make({ timeout: 250, attemptTimeout: 100, retry: { ...retry, base: 10 } })
    const starts: Array<number> = []
    const error = caught(api.call(() => { starts.push(port.time); return hang() }))
    await port.pass(300)
    assert.strictEqual((await error)._tag, "CallTimeoutError")
    assert.deepStrictEqual(starts, [0, 110, 230])
  })

  it("that a caller brought along, and that comes first, says nothing of the dependency", async () => {
    const { api, port } = make({ timeout: 1000, breaker: { failures: 1 } })
    const error = caught(api.call(hang, { deadline: 40 }))
    await port.pass(40)
    assert.deepInclude(await error, { _tag: "CallTimeoutError", message: "x: no answer before the deadline" })
    assert.strictEqual(api.state().breaker, "closed")
  })

  it("that a caller brought along, beyond what a timer holds, does not fire at once", async () => {
    const { api, port } = make({})
    let over = false
    void caught(api.call(hang, { deadline: 2 ** 33 })).then(() => { over = true })
    await port.pass(2 ** 33 - 1)
    assert.isFalse(over)
    await port.pass(1)
    assert.isTrue(over)
  })

  it("leaves no timer and no signal behind when the work is quick", async () => {
    const { api, port } = make({ timeout: 100, attemptTimeout: 50, retry })
    for (let call = 0; call < 100; call++) await api.call(async () => call)
    assert.isAtMost(port.waiting.length, 1) // one for the lane, however many calls
    await port.pass(100)
    assert.strictEqual(port.waiting.length, 0)
  })
})

describe("retries", () => {
  it("wait their delays, hold nothing meanwhile, and end with the last error", async () => {
    const { api, dependency, port } = make({ retry, bulkhead: { concurrency: 1 } })
    const starts: Array<number> = []
    const seen: Array<unknown> = []
    api.on("retry", ({ attempt, delay, of }) => seen.push([attempt, of, delay]))
    const error = caught(api.call(({ attempt }) => { starts.push(port.time); throw new Error(`e${attempt}`) }))
    await port.pass(50)
    assert.strictEqual(dependency.bulkhead!.running, 0)
    await port.pass(1000)
    assert.strictEqual((await error).message, "e3")
    assert.deepStrictEqual([starts, seen], [[0, 100, 300], [[2, 3, 100], [3, 3, 200]]])
    assert.deepInclude(api.state(), { calls: 1, retries: 2, retried: 1, recovered: 0, failures: 1 })
  })

  it("count what recovered", async () => {
    const { api, port } = make({ retry })
    const answer = api.call(({ attempt }) => attempt === 1 ? Promise.reject(new Error("once")) : attempt)
    await port.pass(100)
    assert.strictEqual(await answer, 2)
    assert.deepInclude(api.state(), { retried: 1, recovered: 1, successes: 1 })
  })

  it("are not begun when the deadline cannot hold the delay", async () => {
    const { api } = make({ timeout: 90, retry })
    assert.strictEqual((await caught(api.call(fail(new Error("real"))))).message, "real")
  })

  it("end with the last real error when the breaker opens", async () => {
    const { api, port } = make({ retry, breaker })
    let calls = 0
    const error = caught(api.call(() => Promise.reject(new Error(`real${++calls}`))))
    await port.pass(1000)
    assert.deepStrictEqual([(await error).message, calls], ["real2", 2])
  })

  it("stop when the budget of all calls is spent", async () => {
    const { api, port } = make({ retry: { times: 1, base: 10, budget: { ratio: 0.2, perSecond: 0.1 } } })
    const all = Array.from({ length: 100 }, () => caught(api.call(fail())))
    await port.pass(1000)
    await Promise.all(all)
    assert.strictEqual(api.state().retries, 21)
  })

  it("leave alone what no repetition mends", async () => {
    const { api } = make({ retry, breaker })
    await caught(api.call(fail(new TypeError("a bug"))))
    assert.strictEqual((await api.call(async () => ({ status: 404 }))).status, 404)
    assert.deepInclude(api.state(), { retries: 0, breaker: "closed" })
  })

  it("repeat a bad status, drop its body, and return the last", async () => {
    const { api, port } = make({ retry: { ...retry, times: 1 } })
    const bodies: Array<Response> = []
    const answer = api.call(async () => {
      bodies.push(new Response("busy", { status: 503 }))
      return bodies.at(-1)!
    })
    await port.pass(200)
    assert.strictEqual(await answer, bodies[1])
    assert.isTrue(bodies[0]!.bodyUsed)
    assert.isFalse(bodies[1]!.bodyUsed)
  })

  it("wait as long as Retry-After asks, when the deadline can hold it", async () => {
    const { api, port } = make({ timeout: 10_000, retry: { ...retry, times: 1 } })
    const starts: Array<number> = []
    const work = () => {
      starts.push(port.time)
      return new Response(null, { status: 429, headers: { "retry-after": "3" } })
    }
    const answer = api.call(work)
    await port.pass(3000)
    await answer
    assert.deepStrictEqual(starts, [0, 3000])
  })

  it("of what must not happen twice need proof that it did not happen", async () => {
    const { api, port } = make({ retry })
    const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" })
    let calls = 0
    const first = caught(api.call(() => { calls++; throw refused }, { idempotent: false }))
    await port.pass(1000)
    await first
    await caught(api.call(() => { calls++; throw new Error("who knows") }, { idempotent: false }))
    assert.strictEqual(calls, 3 + 1)
  })

  it("ask the predicate", async () => {
    const { api } = make({ retry: { ...retry, while: (error) => (error as Error).message === "again" } })
    await caught(api.call(fail(new Error("enough"))))
    assert.strictEqual(api.state().retries, 0)
  })
})

describe("retries, further", () => {
  it.each(["86400", "86401", "9".repeat(400)])("without a deadline wait for a Retry-After of %s only if that is a day at most", async (after) => {
    const { api, port } = make({ retry: { ...retry, times: 1 } })
    let calls = 0
    const answer = api.call(() => {
      calls++
      return new Response(null, { status: 429, headers: { "retry-after": after } })
    })
    await port.pass(86_400_000)
    await answer
    assert.strictEqual(calls, after === "86400" ? 2 : 1)
  })

  it("are not begun after the longest time that they may take", async () => {
    const { api, port } = make({ retry: { ...retry, times: 9, factor: 1, maxElapsed: 350 } })
    const starts: Array<number> = []
    const error = caught(api.call(() => { starts.push(port.time); throw new Error("boom") }))
    await port.pass(10_000)
    await error
    assert.deepStrictEqual(starts, [0, 100, 200, 300])
  })

  it("repeat a good result that the caller does not want yet, and give the last one", async () => {
    const { api, port } = make({ retry: { ...retry, whileResult: (result) => result === "pending" }, breaker })
    const answers = ["pending", "done", "pending", "pending", "pending"]
    const first = api.call(async () => answers.shift())
    await port.pass(1000)
    assert.strictEqual(await first, "done")
    const second = api.call(async () => answers.shift())
    await port.pass(1000)
    assert.strictEqual(await second, "pending")
    assert.deepInclude(api.state(), { retries: 3, successes: 2, recovered: 2, exhausted: 0, breaker: "closed" })
  })

  it("ask the predicate about errors and bad results, and take a throwing one for a no", async () => {
    const asked: Array<unknown> = []
    const { api, port } = make({ retry: { ...retry, while: (error) => { asked.push(error); if (asked.length > 1) throw new Error("own"); return true } } })
    const answer = api.call(async () => ({ status: 503 }))
    await port.pass(1000)
    assert.deepStrictEqual([(await answer).status, asked.length], [503, 2])
    assert.deepInclude(api.state(), { retries: 1, successes: 0, failures: 1, exhausted: 1, successRate: 0, retrySuccessRate: 0 })
  })

  it("that end in the queue or at a closed door give the last real error, not the policy's", async () => {
    const { api, dependency, port } = make({ timeout: 1000, retry, bulkhead: { concurrency: 1, queue: 1 } })
    const error = caught(api.call(fail(new Error("real"))))
    await port.pass(50)
    const blocker = caught(api.call(hang))
    await port.pass(950)
    assert.deepStrictEqual([(await error).message, dependency.bulkhead!.queued], ["real", 0])
    await port.pass(100)
    await blocker
  })
})

describe("the breaker of an api", () => {
  it("rejects at once while open, says when to come back, and closes after a good probe", async () => {
    const { api, port } = make({ breaker })
    const changes: Array<string> = []
    api.on("breaker", ({ from, to }) => changes.push(`${from} ${to}`))
    for (let call = 0; call < 2; call++) await caught(api.call(fail()))
    await port.pass(400)
    assert.deepInclude(await caught(api.call(() => 1)), { _tag: "BreakerOpenError", retryAfter: 600 })
    await port.pass(600)
    assert.strictEqual(await api.call(() => 1), 1)
    assert.deepStrictEqual(changes, ["closed open", "open half-open", "half-open closed"])
    assert.deepInclude(api.state(), { breaker: "closed", openings: 1, rejected: 1 })
  })

  it("lets no crowd through when it is half-open", async () => {
    const { api, port } = make({ breaker })
    for (let call = 0; call < 2; call++) await caught(api.call(fail()))
    await port.pass(1000)
    const probe = gate<number>()
    const first = api.call(() => probe.promise)
    const rest = await Promise.all(Array.from({ length: 20 }, () => caught(api.call(() => 1))))
    assert.isTrue(rest.every((error) => error._tag === "BreakerOpenError"))
    probe.resolve(7)
    assert.strictEqual(await first, 7)
  })

  it("is isolated and restored by hand, also where it is off", async () => {
    for (const options of [{ breaker }, {}] as const) {
      const { api } = make(options)
      api.isolate()
      assert.deepInclude(await caught(api.call(() => 1)), { _tag: "BreakerOpenError", retryAfter: undefined })
      api.restore()
      assert.strictEqual(await api.call(() => 1), 1)
    }
  })

  it("is not opened by the policy's own rejections", async () => {
    const { api } = make({ breaker, bulkhead: { concurrency: 1 } })
    const work = gate<number>()
    const first = api.call(() => work.promise)
    for (let call = 0; call < 5; call++) assert.strictEqual((await caught(api.call(() => 1)))._tag, "BulkheadFullError")
    work.resolve(1)
    await first
    assert.strictEqual(api.state().breaker, "closed")
  })
})

describe("a bulkhead", () => {
  it("lets in as many as it has permits, first come first served, and refuses beyond its queue", async () => {
    const { api } = make({ bulkhead: { concurrency: 1, queue: 2 } })
    const work = gate<number>()
    const order: Array<number> = []
    const all = [0, 1, 2].map((n) => api.call(async () => { order.push(n); await work.promise }))
    assert.strictEqual((await caught(api.call(() => 1)))._tag, "BulkheadFullError")
    work.resolve(1)
    await Promise.all(all)
    assert.deepStrictEqual(order, [0, 1, 2])
  })

  it("does not recurse when thousands wait and end at once", async () => {
    const { api } = make({ bulkhead: { concurrency: 1, queue: 100_000 } })
    const work = gate<number>()
    const first = api.call(() => work.promise)
    const all = Array.from({ length: 20_000 }, (_, n) => api.call(() => n))
    work.resolve(1)
    await first
    assert.strictEqual((await Promise.all(all)).length, 20_000)
  })

  it("rejects who has waited too long for a permit", async () => {
    const { api, port } = make({ timeout: 1000, bulkhead: { concurrency: 1, queue: 5, queueTimeout: 50 } })
    const first = caught(api.call(hang))
    const second = caught(api.call(() => 1))
    await port.pass(50)
    assert.deepInclude(await second, { _tag: "BulkheadFullError" })
    assert.deepInclude(api.state(), { rejected: 1, queued: 0, timeouts: 0 })
    await port.pass(1000)
    await first
  })

  it("lets in who waits when it is turned off, and whom a wider one holds", async () => {
    const { api } = make({ bulkhead: { concurrency: 1, queue: 5 } })
    const work = gate<number>()
    const first = api.call(() => work.promise)
    const [second, third] = [api.call(() => 2), api.call(() => work.promise)]
    api.update({ bulkhead: { concurrency: 2, queue: 5 } })
    assert.strictEqual(await second, 2)
    const fourth = api.call(() => 4)
    assert.strictEqual(api.state().queued, 1)
    api.update({ bulkhead: false })
    assert.strictEqual(await fourth, 4)
    work.resolve(0)
    assert.deepStrictEqual(await Promise.all([first, third, api.call(() => 5)]), [0, 0, 5])
    assert.deepInclude(api.state(), { running: 0, queued: 0 })
  })

  it("forgets who leaves the queue", async () => {
    const { api, port } = make({ timeout: 100, bulkhead: { concurrency: 1, queue: 5 } })
    const work = gate<number>()
    const first = caught(api.call(() => work.promise))
    const leaving = new AbortController()
    const aborted = caught(api.call(() => 1, { signal: leaving.signal }))
    const late = caught(api.call(() => 1))
    leaving.abort(new Error("left"))
    assert.strictEqual((await aborted).message, "left")
    await port.pass(100)
    assert.strictEqual((await late)._tag, "CallTimeoutError")
    assert.strictEqual(api.state().queued, 0)
    work.resolve(1)
    await first
  })
})

describe("a caller's abort", () => {
  it("ends the call at once, reaches the work, counts as nothing, and leaves no listener", async () => {
    const { api } = make({ timeout: 1000, breaker: { failures: 1 } })
    const caller = new AbortController()
    let inner: AbortSignal | undefined
    const error = caught(api.call(({ signal }) => { inner = signal; return hang() }, { signal: caller.signal }))
    assert.strictEqual(getEventListeners(caller.signal, "abort").length, 1)
    caller.abort(new Error("bye"))
    assert.strictEqual((await error).message, "bye")
    assert.isTrue(inner!.aborted)
    assert.strictEqual(getEventListeners(caller.signal, "abort").length, 0)
    assert.deepInclude(api.state(), { breaker: "closed", aborted: 1, failures: 0 })
    assert.strictEqual((await caught(api.call(() => 1, { signal: caller.signal }))).message, "bye")
  })

  it("in a backoff ends it, and nothing is called again", async () => {
    const { api, port } = make({ retry })
    const caller = new AbortController()
    let calls = 0
    const error = caught(api.call(() => { calls++; throw new Error("boom") }, { signal: caller.signal }))
    await port.pass(50)
    caller.abort(new Error("bye"))
    assert.strictEqual((await error).message, "bye")
    await port.pass(1000)
    assert.strictEqual(calls, 1)
  })

  it("on a signal that lives long leaves nothing behind after many calls", async () => {
    const { api } = make({ timeout: 1000 })
    const { signal } = new AbortController()
    for (let call = 0; call < 50; call++) await api.call(async () => 1, { signal })
    assert.strictEqual(getEventListeners(signal, "abort").length, 0)
  })
})

describe("cached answers", () => {
  const options = { key: "k", ttl: 100, staleIfError: 1000 }

  it("are fresh for a while, then asked for again", async () => {
    const { api, port } = make({})
    let calls = 0
    const ask = () => api.cachedEntry(options, async () => ++calls)
    assert.deepInclude(await ask(), { value: 1, stale: false })
    await port.pass(100)
    assert.deepInclude(await ask(), { value: 1 })
    await port.pass(1)
    assert.deepInclude(await ask(), { value: 2, stale: false })
  })

  it("are served stale when the call fails, is rejected or answers badly, and not for ever", async () => {
    const { api, port } = make({})
    await api.cached(options, async () => "good")
    await port.pass(500)
    assert.deepInclude(await api.cachedEntry<unknown>(options, fail()), { value: "good", stale: true })
    assert.deepInclude(await api.cachedEntry<unknown>(options, async () => ({ status: 503 })), { value: "good", stale: true })
    api.isolate()
    assert.deepInclude(await api.cachedEntry(options, async () => "new"), { value: "good", stale: true })
    await port.pass(501)
    assert.strictEqual((await caught(api.cached(options, async () => "new")))._tag, "BreakerOpenError")
  })

  it("make one call however many ask at once, which is aborted when the last leaves", async () => {
    const { api } = make({})
    const work = gate<string>()
    let calls = 0
    const ask = () => api.cached(options, () => { calls++; return work.promise })
    const all = [ask(), ask(), ask()]
    work.resolve("one")
    assert.deepStrictEqual([await Promise.all(all), calls], [["one", "one", "one"], 1] as [Array<string>, number])

    const [a, b] = [new AbortController(), new AbortController()]
    let inner: AbortSignal | undefined
    const hanging = ({ signal }: AbortController) => caught(api.cached({ ...options, key: "other", signal }, (context) => { inner = context.signal; return hang() }))
    const waiting = [hanging(a), hanging(b)]
    a.abort(new Error("a"))
    await turn()
    assert.isFalse(inner!.aborted)
    b.abort(new Error("b"))
    assert.deepStrictEqual((await Promise.all(waiting)).map(({ message }) => message), ["a", "b"])
    assert.isTrue(inner!.aborted)
  })

  it("keep no failure, and refuse a Response, which can be read once only", async () => {
    const { api } = make({})
    await caught(api.cached(options, fail()))
    assert.strictEqual(await api.cached(options, async () => "good"), "good")
    assert.match((await caught(api.cached({ ...options, key: "r" }, async () => new Response("x")))).message, /cache what you read/)
  })

  it("are bounded: the one that was used longest ago goes first", async () => {
    const { api } = make({})
    for (let key = 0; key < 1001; key++) await api.cached({ key: String(key), ttl: 1e6 }, async () => key)
    assert.strictEqual(await api.cached<unknown>({ key: "1", ttl: 1e6 }, async () => "again"), 1)
    assert.strictEqual(await api.cached({ key: "0", ttl: 1e6 }, async () => "again"), "again")
  })
})

describe("an api", () => {
  it("takes other options while it runs, and keeps its state and the calls in flight", async () => {
    const { api, port } = make({ timeout: 100, breaker })
    await caught(api.call(fail()))
    const early = caught(api.call(hang))
    api.update({ timeout: 50 })
    const later = caught(api.call(hang))
    await port.pass(50)
    assert.include((await later).message, "50ms")
    assert.strictEqual(api.state().breaker, "open") // one failure before, one after
    await port.pass(50)
    assert.strictEqual((await early)._tag, "CallTimeoutError")
  })

  it("tells listeners, and outlives one that throws", async () => {
    const { api } = make({ breaker: { failures: 1 } })
    const seen: Array<string> = []
    const stop = api.on("reject", ({ error }) => seen.push(error._tag))
    api.isolate()
    await caught(api.call(() => 1))
    stop()
    await caught(api.call(() => 1))
    assert.deepStrictEqual(seen, ["BreakerOpenError"])
  })

  it("keeps the caller's AsyncLocalStorage, also after a timeout and out of the queue", async () => {
    const storage = new AsyncLocalStorage<string>()
    const { api, port } = make({ attemptTimeout: 20, retry: { ...retry, base: 5 }, bulkhead: { concurrency: 1, queue: 50 } })
    const seen: Array<string> = []
    const all = ["a", "b", "c"].map((name) => storage.run(name, () => api.call(({ attempt, signal }) => {
      seen.push(name + storage.getStore()!)
      return attempt > 1 ? 1 : new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))))
    })))
    await port.pass(1000)
    await Promise.all(all)
    assert.strictEqual(seen.length, 6)
    assert.isTrue(seen.every(([name, store]) => name === store), seen.join())
  })

  it("keeps the process alive for a pending call until its timeout, and no longer for a finished one", async () => {
    const entry = join(import.meta.dirname, "../../src/promise/index.ts")
    const run = async (work: string) => (await promisify(execFile)(process.execPath, ["--input-type=module", "-e", `
      import { createOutrigger } from ${JSON.stringify(entry)}
      const api = createOutrigger({ service: "x" }).api("x", { timeout: 600, retry: false })
      await api.call(${work}).catch((error) => console.log(error._tag))
      process.on("exit", () => console.log("end"))`])).stdout
    assert.include(await run("() => new Promise(() => {})"), "CallTimeoutError")
    assert.include(await run("async () => 1"), "end")
  })
})
