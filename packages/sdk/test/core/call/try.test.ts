import { assert, describe, it } from "vitest"
import type { ChaosTarget, Fault } from "../../../src/core/call/chaos.ts"
import { scene } from "../../support/bareCall.ts"

const boom = new Error("boom")
const retry = { times: 2, base: 100, jitter: "none", budget: false } as const

describe("who is turned away", () => {
  it("by an open breaker hears for how long, and waits in no queue first", async () => {
    const { dependency, events, listen, port, start, statistics } = scene({ breaker: { failures: 1, openFor: 1000 }, bulkhead: { concurrency: 1, queue: 9 }, rateLimit: { limit: 1, window: 1000, queue: 9 } })
    listen()
    start().ends(1, false, boom)
    await port.pass(250)
    const call = start({ operation: "charge" })
    assert.deepStrictEqual([call.given!.ok, call.given!.raw, call.given!.value.message], [false, undefined, "x.charge: not called: the breaker is open, try again in 750ms"])
    assert.deepStrictEqual([call.given!.value.retryAfter, statistics.rejected, dependency.bulkhead!.running, dependency.rateLimit!.queued], [750, 1, 0, 0])
    assert.deepStrictEqual(events.at(-1), ["reject", { operation: "charge", error: call.given!.value }])
    assert.strictEqual(call.phase, "done")
  })

  it("by a breaker that is isolated, or on its way back, hears that", async () => {
    const { dependency, port, start } = scene({ breaker: { failures: 1, openFor: 1000, halfOpenCalls: 1, rampUp: 1000 } })
    dependency.isolate()
    assert.strictEqual(start().given!.value.message, "x: not called: the breaker is isolated")
    dependency.restore()
    start().ends(1, false, boom)
    await port.pass(1000)
    const probe = start()
    assert.strictEqual(start().given!.value.message, "x: not called: the breaker is half-open")
    probe.ends(1, true, 1)
    start()
    assert.strictEqual(start().given!.value.message, "x: not called: the breaker is letting the load come back bit by bit")
  })

  it("by a bulkhead hears how many run and wait", () => {
    const { dependency, start, statistics } = scene({ bulkhead: { concurrency: 2, queue: 1 } })
    for (let n = 0; n < 3; n++) start()
    const { given } = start({ operation: "charge" })
    assert.deepStrictEqual([given!.value._tag, given!.value.message], ["BulkheadFullError", "x.charge: not called: 2 calls run and 1 wait already"])
    assert.deepStrictEqual([statistics.rejected, dependency.bulkhead!.queued, statistics.attempts], [1, 1, 2])
  })

  it("by a throttle gives its permit back", () => {
    const { dependency, start, statistics } = scene({ throttle: { minimumCalls: 1, k: 1 }, bulkhead: { concurrency: 5 } })
    start().ends(1, false, boom)
    start().ends(1, false, boom)
    const call = start({ operation: "charge" })
    assert.deepStrictEqual([call.given!.value.message, call.given!.value.retryAfter], ["x.charge: not called: throttled, for it refuses too much already", undefined])
    assert.deepStrictEqual([dependency.bulkhead!.running, statistics.attempts, call.begun.length], [0, 2, 0])
  })

  it("by a breaker when its turn in the queue has come gives its permit back", () => {
    const { dependency, start, statistics } = scene({ breaker: { failures: 1, openFor: 1000 }, bulkhead: { concurrency: 1, queue: 9 } })
    const first = start()
    const waiting = [start(), start()]
    first.ends(1, false, boom)
    for (const { begun, given } of waiting) assert.deepStrictEqual([begun.length, given!.value.message], [0, "x: not called: the breaker is open, try again in 1s"])
    assert.deepStrictEqual([dependency.bulkhead!.running, dependency.bulkhead!.queued, statistics.rejected], [0, 0, 2])
  })

  it("is not turned away by a breaker that lets its call through as a probe", async () => {
    const { port, start } = scene({ breaker: { failures: 1, openFor: 1000 } })
    start().ends(1, false, boom)
    await port.pass(1000)
    assert.strictEqual(start().begun.length, 1)
  })
})

describe("a queue", () => {
  it.each([[999, "RateLimitedError"], [1000, "RateLimitedError"], [1001, undefined]])("for the rate takes nobody whose end comes before its turn (%i ms, %s)", (timeout, tag) => {
    const { start } = scene({ timeout, rateLimit: { limit: 1, window: 1000, queue: 5 } })
    start()
    const call = start()
    assert.deepStrictEqual([call.given?.value._tag, call.phase], [tag, tag === undefined ? "queued" : "done"])
    if (tag !== undefined) assert.strictEqual(call.given!.value.message, "x: not called: the rate limit is reached, try again in 1s")
  })

  it("for the rate takes so many, and says to the next how long it would take", () => {
    const { dependency, start } = scene({ rateLimit: { limit: 1, window: 1000, queue: 2 } })
    const [, , , late] = [start(), start(), start(), start()]
    assert.deepStrictEqual([late!.given!.value.retryAfter, dependency.rateLimit!.queued], [3000, 2])
  })

  it("for the rate weighs what its calls weigh", async () => {
    const { port, start } = scene({ rateLimit: { limit: 4, window: 1000, queue: 5 } })
    start({ weight: 3 })
    const [heavy, light] = [start({ weight: 2 }), start()]
    assert.deepStrictEqual([heavy.phase, light.phase], ["queued", "queued"])
    await port.pass(249)
    assert.strictEqual(heavy.begun.length, 0)
    await port.pass(1)
    assert.deepStrictEqual([heavy.begun.length, light.begun.length], [1, 0])
    await port.pass(250)
    assert.strictEqual(light.begun.length, 1)
  })

  it("lets nobody wait longer than it is to, and then says why", async () => {
    const { dependency, port, start, statistics } = scene({ timeout: 1000, bulkhead: { concurrency: 1, queue: 5, queueTimeout: 50 } })
    start()
    const call = start()
    await port.pass(49)
    assert.strictEqual(call.phase, "queued")
    await port.pass(1)
    assert.deepStrictEqual([call.given!.value._tag, statistics.rejected, statistics.timeouts, dependency.bulkhead!.queued], ["BulkheadFullError", 1, 0, 0])
  })

  it.each([[49, "CallTimeoutError"], [50, "CallTimeoutError"], [51, "BulkheadFullError"]])("is left at a deadline of %i ms, where it is to be left at 50, with a %s", async (deadline, tag) => {
    const { dependency, port, start, statistics } = scene({ bulkhead: { concurrency: 1, queue: 5, queueTimeout: 50 } })
    start()
    const call = start(undefined, deadline)
    await port.pass(deadline)
    const late = tag === "CallTimeoutError"
    assert.deepStrictEqual([call.given!.value._tag, statistics.timeouts, statistics.rejected, statistics.failures], [tag, late ? 1 : 0, late ? 0 : 1, late ? 1 : 0])
    assert.deepStrictEqual([dependency.bulkhead!.queued, port.waiting.length, call.begun.length], [0, 0, 0])
  })

  it("for the rate is left as well, when a slower one has taken its place", async () => {
    const { dependency, port, start } = scene({ rateLimit: { limit: 1, window: 100, queue: 5, queueTimeout: 150 } })
    start()
    const call = start({ operation: "charge" })
    dependency.update({ rateLimit: { limit: 1, window: 1000, queue: 5, queueTimeout: 150 } })
    await port.pass(150)
    assert.strictEqual(call.given!.value._tag, "RateLimitedError")
    assert.deepStrictEqual([dependency.rateLimit!.queued, port.waiting.length], [0, 0])
    assert.match(call.given!.value.message, /^x\.charge: not called: the rate limit is reached, try again in/)
  })

  it("for the rate comes before that for a permit, and each wait has its own time", async () => {
    const { port, start } = scene({ rateLimit: { limit: 1, window: 100, queue: 5 }, bulkhead: { concurrency: 1, queue: 5, queueTimeout: 50 } })
    const first = start()
    const second = start()
    await port.pass(149)
    assert.deepStrictEqual([second.phase, second.begun.length], ["queued", 0])
    await port.pass(1)
    assert.strictEqual(second.given!.value._tag, "BulkheadFullError")
    first.ends(1, true, 1)
    const third = start()
    await port.pass(100)
    assert.deepStrictEqual([third.begun.length, third.phase], [1, "running"])
    await port.pass(1000)
    assert.strictEqual(third.phase, "running") // the queue's time has nothing to say any more
  })
})

describe("an attempt", () => {
  it("that ends gives its permit back before its caller hears of it, and tells the breaker first", () => {
    const { dependency, start } = scene({ breaker: { failures: 1 }, bulkhead: { concurrency: 1, queue: 5 } })
    const call = start()
    const seen: Array<unknown> = []
    call.hooks.done = () => seen.push(dependency.breaker!.state.tag, dependency.bulkhead!.running, dependency.statistics.running)
    const next = start()
    call.ends(1, false, boom)
    assert.deepStrictEqual([seen, next.given!.value._tag], [["open", 0, 0], "BreakerOpenError"])
  })

  it("ends nothing when whom its permit lets in makes its caller leave", () => {
    const { start, statistics } = scene({ bulkhead: { concurrency: 1, queue: 5 } })
    const call = start()
    const next = start()
    next.hooks.run = () => call.abort("gone")
    call.ends(1, true, 1)
    assert.deepStrictEqual([call.answers, statistics.aborted, statistics.successes], [[], 1, 0])
  })

  it("that nobody waits for any more only gives back what it holds", async () => {
    const { dependency, port, start, statistics } = scene({ timeout: 100, breaker: { failures: 2 }, bulkhead: { concurrency: 1 } })
    const call = start()
    await port.pass(100)
    assert.deepStrictEqual([statistics.abandoned, statistics.running, dependency.bulkhead!.running], [1, 1, 1])
    call.ends(1, false, boom)
    assert.deepStrictEqual([statistics.abandoned, statistics.running, dependency.bulkhead!.running, statistics.failures, call.answers.length], [0, 0, 0, 1, 1])
    assert.strictEqual(dependency.breaker!.state.tag, "closed")
  })

  it("runs into its own end, where that comes before the call's", async () => {
    for (const [attemptTimeout, timeout, millis, over] of [[50, 100, 50, false], [100, 100, 100, true], [150, 100, 100, true]] as const) {
      const { events, listen, port, start, statistics } = scene({ timeout, attemptTimeout, retry: { ...retry, base: 1 } })
      listen()
      const call = start({ operation: "charge" })
      await port.pass(millis - 1)
      assert.strictEqual(call.stopped.length, 0)
      await port.pass(1)
      assert.deepStrictEqual(call.stopped.map(([attempt, error]) => [attempt, (error as Error).message]), [[1, `x.charge: no answer within ${millis}ms`]])
      assert.deepStrictEqual([events[0], statistics.timeouts, call.phase], [["timeout", { operation: "charge", attempt: 1 }], 1, over ? "done" : "backoff"])
    }
  })

  it("of a later try has its own end too, and the call's, where that is nearer", async () => {
    const { port, start } = scene({ timeout: 100, attemptTimeout: 60, retry: { ...retry, base: 10 } })
    const call = start()
    await port.pass(30)
    call.ends(1, false, boom)
    await port.pass(69)
    assert.deepStrictEqual([call.begun.length, call.answers.length], [2, 0])
    await port.pass(1)
    assert.strictEqual(call.given!.value.message, "x: no answer within 100ms")
  })

  it("tells at its timeout of the failure: to the breaker, and to whoever asks what failed last", async () => {
    const { dependency, port, start } = scene({ attemptTimeout: 50, breaker: { failures: 1 } })
    const call = start()
    await port.pass(50)
    assert.deepStrictEqual([dependency.breaker!.state.tag, dependency.lastFailure], ["open", { error: call.given!.value, at: 1_700_000_000_050 }])
    assert.deepInclude(call.given, { ok: false, raw: undefined })
  })

  it("whose end makes the caller leave gives no answer", async () => {
    const { port, start, statistics } = scene({ timeout: 50 })
    const call = start()
    call.hooks.stop = () => call.abort("gone")
    await port.pass(50)
    assert.deepStrictEqual([call.answers, statistics.aborted, statistics.failures], [[], 1, 0])
  })

  it("is measured from its beginning, by what it was admitted with", async () => {
    const { dependency, port, start } = scene({ throttle: { minimumCalls: 1, k: 1 } })
    const [good, bad, own] = [start(), start(), start()]
    await port.pass(10)
    good.ends(1, true, 1)
    assert.strictEqual(dependency.throttle!.probability(10), 0)
    own.ends(1, false, new TypeError("a bug"))
    assert.strictEqual(dependency.throttle!.probability(10), 0)
    bad.ends(1, false, boom)
    assert.strictEqual(dependency.throttle!.probability(10), 1 / 4)
  })

  it("is refused to the throttle by a timeout as by a failure, and not by a caller that leaves", async () => {
    const { dependency, port, start } = scene({ attemptTimeout: 50, throttle: { minimumCalls: 1, k: 1 } })
    const left = start()
    left.abort("gone")
    assert.strictEqual(dependency.throttle!.probability(0), 0)
    start()
    await port.pass(50)
    assert.strictEqual(dependency.throttle!.probability(50), 1 / 3)
  })
})

describe("hedges", () => {
  it("are told of, begin at their times, and no later than the end of those before", async () => {
    const { events, listen, port, start } = scene({ timeout: 1000, hedge: { delay: 100, times: 2 } })
    listen()
    const call = start({ operation: "charge" })
    await port.pass(99)
    assert.strictEqual(call.begun.length, 1)
    await port.pass(901)
    assert.deepStrictEqual(call.begun.map(({ attempt, startedAt }) => [attempt, startedAt]), [[1, 0], [2, 100], [3, 200]])
    assert.deepStrictEqual(events.map(([type]) => type), ["hedge", "hedge", "timeout"])
    assert.deepStrictEqual([events[0]![1], events[2]![1]], [{ operation: "charge", attempt: 2 }, { operation: "charge", attempt: 1 }])
    assert.deepStrictEqual(call.stopped.map(([attempt]) => attempt), [1, 2, 3])
  })

  it.each([[99, 1], [100, 1], [101, 2]])("are not sent when the call, or its attempt, ends at %i ms, before their delay", async (end, attempts) => {
    for (const options of [{ timeout: end }, { attemptTimeout: end }]) {
      const { port, start } = scene({ ...options, hedge: { delay: 100 } })
      const call = start()
      await port.pass(end)
      assert.strictEqual(call.begun.length, attempts)
    }
  })

  it("win when they answer first, and losers hear that another did", async () => {
    const { port, start, statistics } = scene({ hedge: { delay: 100 } })
    const call = start()
    await port.pass(100)
    call.ends(2, true, "second")
    const [[attempt, reason]] = call.stopped as unknown as [[number, DOMException]]
    assert.deepStrictEqual([attempt, reason.name, reason.message], [1, "AbortError", "Another attempt answered first"])
    assert.deepInclude(statistics, { hedges: 1, hedgesWon: 1, successes: 1, abandoned: 1 })
    assert.strictEqual(port.waiting.length, 0)
  })

  it("do not win when the first answers, nor when all fail", async () => {
    const { port, start, statistics } = scene({ hedge: { delay: 100 } })
    const call = start()
    await port.pass(100)
    call.ends(1, true, "first")
    const failing = start()
    await port.pass(100)
    failing.ends(1, false, boom)
    failing.ends(2, false, new Error("last"))
    assert.deepInclude(statistics, { hedges: 2, hedgesWon: 0, failures: 1 })
    assert.strictEqual(failing.given!.value.message, "last")
  })

  it("that answer well with what is nobody's failure win too", async () => {
    const { port, start, statistics } = scene({ hedge: { delay: 100 } })
    const call = start()
    await port.pass(100)
    call.ends(2, false, new TypeError("a bug"))
    assert.deepStrictEqual([call.given!.value.message, statistics.hedgesWon], ["a bug", 1])
  })

  it("go on when one of them fails, and its answer is dropped if it is one", async () => {
    const { dependency, port, start } = scene({ attemptTimeout: 300, hedge: { delay: 100 }, bulkhead: { concurrency: 5 } })
    const call = start()
    await port.pass(100)
    call.ends(1, true, { status: 503 })
    assert.deepStrictEqual([call.discarded, call.answers, dependency.bulkhead!.running], [[{ status: 503 }], [], 1])
    await port.pass(299)
    assert.strictEqual(call.answers.length, 0)
    await port.pass(1)
    assert.strictEqual(call.given!.value._tag, "CallTimeoutError")
    const failing = start()
    await port.pass(100)
    failing.ends(1, false, boom)
    assert.deepStrictEqual([failing.discarded, failing.answers], [[], []])
  })

  it("go on when the first runs into its end", async () => {
    const { dependency, port, start, statistics } = scene({ attemptTimeout: 150, hedge: { delay: 100 }, breaker: { failures: 9 } })
    const call = start()
    await port.pass(150)
    assert.deepStrictEqual([call.stopped.length, call.answers.length, statistics.abandoned, statistics.timeouts], [1, 0, 1, 1])
    assert.strictEqual(dependency.lastFailure!.at, 1_700_000_000_150)
    await port.pass(99)
    assert.strictEqual(call.answers.length, 0)
    await port.pass(1)
    assert.deepStrictEqual([call.answers.length, statistics.timeouts], [1, 2])
  })

  it("take a permit, and give it back where they are not sent after all", async () => {
    const broke = { ...retry, budget: { ratio: 0, perSecond: 0 } }
    for (const options of [
      { retry: broke }, { rateLimit: { limit: 1, window: 1000 } }, { bulkhead: { concurrency: 1 } }
    ]) {
      const { dependency, port, start, statistics } = scene({ bulkhead: { concurrency: 2 }, hedge: { delay: 100, times: 2 }, ...options })
      const call = start()
      await port.pass(250)
      assert.deepStrictEqual([call.begun.length, dependency.bulkhead!.running, statistics.hedges, statistics.attempts], [1, 1, 0, 1])
      call.ends(1, true, 1)
      assert.strictEqual(dependency.bulkhead!.running, 0)
    }
  })

  it("take their share of the rate and of the budget", async () => {
    const { dependency, port, start } = scene({ hedge: { delay: 100 }, rateLimit: { limit: 3, window: 1e6 }, retry: { ...retry, budget: { ratio: 0, perSecond: 0.2, window: 10_000 } } })
    start()
    await port.pass(100)
    assert.deepStrictEqual([dependency.rateLimit!.enter(1, 100), dependency.rateLimit!.enter(1, 100)], [true, false])
    assert.deepStrictEqual([dependency.budget!.spend(100), dependency.budget!.spend(100)], [true, false])
  })

  it("are not sent where the breaker has opened meanwhile, nor beyond the probes of a half-open one", async () => {
    const { dependency, port, start } = scene({ hedge: { delay: 100 }, breaker: { failures: 1, openFor: 1000 }, bulkhead: { concurrency: 5 } })
    const call = start()
    start().ends(1, false, boom)
    await port.pass(100)
    assert.deepStrictEqual([call.begun.length, dependency.bulkhead!.running], [1, 1])
    call.ends(1, true, 1)
    await port.pass(1000)
    const probe = start()
    await port.pass(100)
    assert.deepStrictEqual([probe.begun.length, dependency.bulkhead!.running], [1, 1])
  })

  it("are not sent beside what must not happen twice, which has its own end all the same", async () => {
    const { port, start } = scene({ attemptTimeout: 300, hedge: { delay: 100 } })
    const [once, any] = [start({ idempotent: false }), start({ idempotent: undefined })]
    await port.pass(300)
    assert.deepStrictEqual([once.begun.length, any.begun.length, once.given!.value.message], [1, 2, "x: no answer within 300ms"])
  })

  it("tell what runs", async () => {
    const { port, start } = scene({ hedge: { delay: 100 } })
    const call = start()
    assert.deepStrictEqual(call.running.map(({ attempt }) => attempt), [1])
    await port.pass(100)
    assert.deepStrictEqual(call.running.map(({ attempt }) => attempt), [1, 2])
    call.ends(2, true, 1)
    assert.deepStrictEqual(call.running, [])
  })
})

describe("what runs", () => {
  it("is nothing, or the one attempt", () => {
    const { make } = scene({})
    const call = make()
    assert.deepStrictEqual([call.running, call.phase], [[], "idle"])
    call.start(Infinity)
    assert.deepStrictEqual([call.running, call.phase], [[call.begun[0]!], "running"])
    call.ends(1, true, 1)
    assert.deepStrictEqual(call.running, [])
  })
})

describe("chaos in a try", () => {
  const played = (faults: ReadonlyArray<Fault | undefined>, options: Parameters<typeof scene>[0] = {}) => {
    const all = scene(options)
    const targets: Array<ChaosTarget> = []
    const left = [...faults]
    all.dependency.chaos = (target) => {
      targets.push(target)
      return left.shift()
    }
    return { ...all, targets }
  }

  it("is told whom it is for", async () => {
    const { port, start, targets } = played([undefined, undefined], { retry })
    const call = start({ operation: "charge" })
    call.ends(1, false, boom)
    await port.pass(100)
    assert.deepStrictEqual(targets, [1, 2].map((attempt) => ({ dependency: "x", operation: "charge", attempt, random: port.random })))
  })

  it.each([
    ["breaker", "BreakerOpenError", "x.charge: not called: the breaker is open"], ["bulkhead", "BulkheadFullError", "x.charge: not called: 3 calls run and 2 wait already"],
    ["rate-limit", "RateLimitedError", "x.charge: not called: the rate limit is reached"]
  ] as const)("speaks as the %s would", (reject, tag, message) => {
    const { start, statistics } = played([{ reject }], { bulkhead: { concurrency: 3, queue: 2 } })
    const { given } = start({ operation: "charge" })
    assert.deepStrictEqual([given!.value._tag, given!.value.message, statistics.rejected, statistics.attempts], [tag, message, 1, 0])
  })

  it("speaks as a bulkhead of nothing where there is none", () => {
    const { start } = played([{ reject: "bulkhead" }])
    assert.strictEqual(start().given!.value.message, "x: not called: 0 calls run and 0 wait already")
  })

  it("fails an attempt at once or later, and does not let it begin", async () => {
    const { port, start } = played([{ error: { value: boom } }, { error: { value: undefined }, latency: 50 }])
    const now = start()
    assert.deepStrictEqual([now.given, now.begun], [{ ok: false, value: boom, raw: undefined }, []])
    const later = start()
    await port.pass(49)
    assert.deepStrictEqual([later.answers, later.running.length], [[], 1])
    await port.pass(1)
    assert.deepStrictEqual([later.given, later.begun], [{ ok: false, value: undefined, raw: undefined }, []])
  })

  it("lets an attempt begin late, and tells it to stop from then on", async () => {
    const { port, start } = played([{ latency: 50 }], { timeout: 100 })
    const call = start()
    await port.pass(50)
    assert.strictEqual(call.begun.length, 1)
    await port.pass(50)
    assert.deepStrictEqual([call.stopped.length, call.given!.value._tag], [1, "CallTimeoutError"])
  })

  it("of no latency lets it begin at once", () => {
    const { port, start } = played([{ latency: 0 }, {}])
    assert.deepStrictEqual([start().begun.length, start().begun.length, port.waiting.length], [1, 1, 0])
  })

  it("hangs an attempt, which gives all back when its time is over", async () => {
    const { dependency, port, start, statistics } = played([{ hang: true }], { timeout: 100, bulkhead: { concurrency: 1 } })
    const call = start()
    await port.pass(99)
    assert.deepStrictEqual([call.answers.length, dependency.bulkhead!.running], [0, 1])
    await port.pass(1)
    assert.deepStrictEqual([call.given!.value._tag, call.begun.length, call.stopped, dependency.bulkhead!.running], ["CallTimeoutError", 0, [], 0])
    assert.deepInclude(statistics, { running: 0, abandoned: 0, failures: 1 })
  })

  it("plays with the first of a race alone", async () => {
    const { port, start } = played([{ hang: true }], { hedge: { delay: 100 } })
    const call = start()
    await port.pass(100)
    assert.deepStrictEqual(call.begun.map(({ attempt }) => attempt), [2])
  })
})
