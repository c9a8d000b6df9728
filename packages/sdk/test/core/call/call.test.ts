import { assert, describe, it } from "vitest"
import { noStatistics } from "../../../src/core/events/statistics.ts"
import { scene } from "../../support/bareCall.ts"

/** Retries after exactly 100 and 200 ms, however many others there are. */
const retry = { times: 2, base: 100, jitter: "none", budget: false } as const
const counted = (some: object) => ({ ...noStatistics(), ...some })
const boom = new Error("boom")

describe("a call's answer", () => {
  it("is what its work gave, and the shell's own form of it", () => {
    const { start, statistics } = scene({})
    const call = start()
    assert.deepStrictEqual(statistics, counted({ calls: 1, attempts: 1, running: 1 }))
    call.ends(1, true, "fine")
    assert.deepStrictEqual(call.answers, [{ ok: true, value: "fine", raw: "raw fine" }])
    assert.deepStrictEqual([call.phase, statistics], ["done", counted({ calls: 1, attempts: 1, successes: 1 })])
  })

  it("is a failure when its work fails, whether or not that says something of the dependency", () => {
    const { dependency, start, statistics } = scene({})
    for (const error of [boom, new TypeError("a bug")]) {
      const call = start()
      call.ends(1, false, error)
      assert.deepStrictEqual(call.answers, [{ ok: false, value: error, raw: `raw ${String(error)}` }])
    }
    assert.deepStrictEqual([statistics, dependency.lastFailure], [counted({ calls: 2, attempts: 2, failures: 2 }), { error: boom, at: 1_700_000_000_000 }])
  })

  it("is a bad one, though it is one, when the classifier calls it so", () => {
    const { start, statistics } = scene({})
    const call = start()
    call.ends(1, true, { status: 503 })
    assert.deepInclude(call.given, { ok: true, value: { status: 503 } })
    assert.deepInclude(statistics, { successes: 0, failures: 1 })
  })

  it("counts as no retry, neither recovered nor exhausted, after one try", () => {
    const { start, statistics } = scene({ retry })
    start().ends(1, true, 1)
    start().ends(1, false, new TypeError("a bug"))
    assert.deepStrictEqual(statistics, counted({ calls: 2, attempts: 2, successes: 1, failures: 1 }))
  })
})

describe("a deadline that a call inherits", () => {
  it.each([[50, 1], [49, 1], [51, 0]])("of %i ms, at 50, is over (%i)", (deadline, over) => {
    const { dependency, port, make, statistics } = scene({ timeout: 1000, retry: { ...retry, budget: { ratio: 1, perSecond: 0 } } })
    port.time = 50
    const call = make()
    call.start(deadline)
    assert.strictEqual(call.answers.length, over)
    assert.strictEqual(dependency.budget!.spend(50), true) // the call was counted all the same
    if (over === 0) return
    assert.deepInclude(call.given, { ok: false, raw: undefined })
    assert.strictEqual(call.given!.value.message, "x: no answer before the deadline")
    assert.deepStrictEqual([statistics, call.begun.length], [counted({ calls: 1, timeouts: 1, failures: 1 }), 0])
  })

  it("counts where it is nearer than its own, and says nothing of the dependency then", async () => {
    for (const [deadline, message, inherited] of [[99, "x: no answer before the deadline", true], [100, "x: no answer within 100ms", false], [101, "x: no answer within 100ms", false]] as const) {
      const { dependency, port, start } = scene({ timeout: 100, breaker: { failures: 1 } })
      const call = start(undefined, deadline)
      assert.deepStrictEqual([call.deadline, call.inherited, call.begun[0]!.deadline], [Math.min(deadline, 100), inherited, Math.min(deadline, 100)])
      await port.pass(Math.min(deadline, 100) - 1)
      assert.strictEqual(call.answers.length, 0)
      await port.pass(1)
      assert.deepStrictEqual([call.given!.value.message, dependency.breaker!.state.tag, dependency.lastFailure === undefined], [message, inherited ? "closed" : "open", inherited])
      assert.deepStrictEqual(call.stopped, [[1, call.given!.value]])
    }
  })

  it("is kept where the policy itself has none", async () => {
    const { port, start, statistics } = scene({})
    const call = start(undefined, 70)
    await port.pass(70)
    assert.strictEqual(call.given!.value._tag, "CallTimeoutError")
    assert.deepStrictEqual(statistics, counted({ calls: 1, attempts: 1, timeouts: 1, failures: 1, running: 1, abandoned: 1 }))
  })
})

describe("a retry", () => {
  it("is told of, with all that there is to say", async () => {
    const { events, listen, port, start, statistics } = scene({ retry })
    listen()
    const call = start({ operation: "charge" })
    call.ends(1, false, boom)
    assert.deepStrictEqual(events, [["retry", { operation: "charge", attempt: 2, of: 3, delay: 100, error: boom }]])
    assert.deepStrictEqual([call.phase, statistics.retries, statistics.retried], ["backoff", 1, 1])
    await port.pass(100)
    call.ends(2, false, boom)
    assert.deepStrictEqual(events[1], ["retry", { operation: "charge", attempt: 3, of: 3, delay: 200, error: boom }])
    await port.pass(200)
    call.ends(3, false, boom)
    assert.deepStrictEqual([call.answers.length, events.length, call.begun.map(({ attempt }) => attempt)], [1, 2, [1, 2, 3]])
    assert.deepStrictEqual(statistics, counted({ calls: 1, attempts: 3, retries: 2, retried: 1, exhausted: 1, failures: 1 }))
  })

  it("comes at its delay, not before", async () => {
    const { port, start } = scene({ retry })
    const call = start()
    call.ends(1, false, boom)
    await port.pass(99)
    assert.strictEqual(call.begun.length, 1)
    await port.pass(1)
    assert.strictEqual(call.begun.length, 2)
  })

  it("that is decorrelated knows the delay before, and begins with the first", async () => {
    const { events, listen, port, start } = scene({ retry: { ...retry, times: 3, max: 10_000, jitter: "decorrelated" } })
    listen()
    const call = start()
    for (let n = 1; n <= 3; n++) {
      call.ends(n, false, boom)
      await port.pass(10_000)
    }
    assert.deepStrictEqual(events.map(([, event]) => (event as { readonly delay: number }).delay), [200, 350, 575]) // 100 to 300, 600 and 1050
  })

  it("drops the answer that it takes the place of, and nothing that is an error", async () => {
    const { port, start } = scene({ retry })
    const call = start()
    call.ends(1, true, { status: 503 })
    assert.deepStrictEqual(call.discarded, [{ status: 503 }])
    await port.pass(100)
    call.ends(2, false, boom)
    await port.pass(200)
    call.ends(3, true, { status: 502 })
    assert.deepStrictEqual([call.discarded, call.given], [[{ status: 503 }], { ok: true, value: { status: 502 }, raw: "raw [object Object]" }])
  })

  it.each([[0, 1], [1, 2], [2, 3]])("comes %i times at most", async (times, attempts) => {
    const { port, start } = scene({ retry: { ...retry, times } })
    const call = start()
    for (let n = 1; n <= attempts; n++) {
      assert.strictEqual(call.answers.length, 0)
      call.ends(n, false, boom)
      await port.pass(1000)
    }
    assert.deepStrictEqual([call.begun.length, call.answers.length], [attempts, 1])
  })

  it.each([[299, 1], [300, 1], [301, 2]])("begins before a deadline %i ms after the first failure at 200, or not at all", async (timeout, attempts) => {
    const { port, start } = scene({ timeout, retry })
    const call = start()
    await port.pass(200)
    call.ends(1, false, boom)
    await port.pass(100)
    assert.strictEqual(call.begun.length, attempts)
  })

  it.each([[299, 1], [300, 2]])("begins within a longest time of %i ms, or not at all", async (maxElapsed, attempts) => {
    const { port, start } = scene({ retry: { ...retry, maxElapsed } })
    port.time = 7000
    const call = start()
    await port.pass(200)
    call.ends(1, false, boom)
    await port.pass(100)
    assert.strictEqual(call.begun.length, attempts)
  })

  it.each([["86400", 2], ["86400.001", 1]])("waits no longer than a day, when it is asked for %s seconds", async (seconds, attempts) => {
    const { port, start } = scene({ retry })
    const call = start()
    call.ends(1, false, Object.assign(new Error("busy"), { headers: { "retry-after": seconds } }))
    await port.pass(86_400_001)
    assert.strictEqual(call.begun.length, attempts)
  })

  it("waits as long as it is asked to by a date, on the clock of people, and not less than its own delay", async () => {
    for (const [ahead, delay] of [[5000, 5000], [0, 100], [-5000, 100]] as const) {
      const { events, listen, start } = scene({ retry })
      listen()
      const call = start()
      call.ends(1, false, { headers: { "retry-after": new Date(1_700_000_000_000 + ahead).toUTCString() } })
      assert.deepInclude(events[0]![1] as object, { delay })
    }
  })

  it("is not begun where the breaker would reject it, and is where it would not", () => {
    for (const [failures, answers] of [[1, 1], [2, 0]] as const) {
      const { start } = scene({ retry, breaker: { failures } })
      const call = start()
      call.ends(1, false, boom)
      assert.strictEqual(call.answers.length, answers)
    }
  })

  it("is paid from the budget, once", () => {
    const { dependency, start } = scene({ retry: { ...retry, budget: { ratio: 0, perSecond: 0.2, window: 10_000 } } })
    start().ends(1, false, boom)
    assert.deepStrictEqual([dependency.budget!.spend(0), dependency.budget!.spend(0)], [true, false])
  })

  it("of what must not happen twice needs proof that nothing did", () => {
    const { start } = scene({ retry })
    const refused = Object.assign(new Error("no"), { code: "ECONNREFUSED" })
    const phases = [true, false, undefined].flatMap((idempotent) => [boom, refused].map((error) => {
      const call = start({ idempotent })
      call.ends(1, false, error)
      return call.phase
    }))
    assert.deepStrictEqual(phases, ["backoff", "backoff", "done", "backoff", "backoff", "backoff"])
  })

  it("asks the predicate of failures about failures, and that of results about results", () => {
    const asked: Array<unknown> = []
    const { start } = scene({ retry: { ...retry, while: (error) => asked.push(error) > 0, whileResult: (result) => asked.push(`result ${String(result)}`) > 0 } })
    start().ends(1, false, boom)
    start().ends(1, true, "pending")
    const permanent = start()
    permanent.ends(1, false, new TypeError("a bug"))
    assert.deepStrictEqual([asked, permanent.phase], [[boom, "result pending"], "done"])
  })

  it("of a failure needs no predicate for results, and of a result needs one that says yes", () => {
    for (const [whileResult, phase] of [[() => true, "backoff"], [() => false, "done"], [() => { throw boom }, "done"]] as const) {
      const { start, statistics } = scene({ retry: { ...retry, whileResult } })
      const call = start()
      call.ends(1, true, "pending")
      const failing = start()
      failing.ends(1, false, boom)
      assert.deepStrictEqual([call.phase, failing.phase, statistics.successes], [phase, "backoff", phase === "done" ? 1 : 0])
    }
  })

  it("of a good result gives the last one as a success, and the shell's form of it", async () => {
    const { port, start, statistics } = scene({ retry: { ...retry, times: 1, whileResult: () => true } })
    const call = start()
    call.ends(1, true, "first")
    await port.pass(100)
    call.ends(2, true, "second")
    assert.deepStrictEqual([call.answers, call.discarded], [[{ ok: true, value: "second", raw: "raw second" }], ["first"]])
    assert.deepInclude(statistics, { successes: 1, recovered: 1, failures: 0, exhausted: 0 })
  })

  it("that is turned away gives the last real result, and nobody is told of a rejection", async () => {
    const { dependency, events, listen, port, start, statistics } = scene({ retry: { ...retry, whileResult: (result) => result === "pending" } })
    listen()
    const [failed, pending] = [start(), start()]
    failed.ends(1, false, boom)
    pending.ends(1, true, "pending")
    dependency.isolate()
    await port.pass(100)
    assert.deepStrictEqual([failed.given, pending.given], [{ ok: false, value: boom, raw: "raw Error: boom" }, { ok: true, value: "pending", raw: "raw pending" }])
    assert.deepInclude(statistics, { rejected: 0, successes: 1, recovered: 1, failures: 1, exhausted: 1 })
    assert.isFalse(events.some(([type]) => type === "reject"))
  })
})

describe("a call with a schedule of its own", () => {
  const asking = async (timeout: number | false = false) => {
    const all = scene({ timeout, retry })
    all.listen()
    const call = all.make({ operation: "charge" })
    call.scheduled = true
    call.start(Infinity)
    await all.port.pass(10)
    call.ends(1, false, boom)
    return { ...all, call }
  }

  it("asks it about each result to be tried again, and does nothing until it is answered", async () => {
    const { call, events, port, statistics } = await asking()
    await port.pass(100_000)
    assert.deepStrictEqual([call.phase, call.asked, call.begun.length, statistics.retries, events], ["asking", [boom], 1, 0, []])
  })

  it("waits as long as that says, however often", async () => {
    const { call, events, port } = await asking()
    call.answer(7)
    assert.deepStrictEqual(events, [["retry", { operation: "charge", attempt: 2, of: Infinity, delay: 7, error: boom }]])
    await port.pass(6)
    assert.strictEqual(call.begun.length, 1)
    await port.pass(1)
    call.ends(2, true, "fine")
    assert.deepStrictEqual([call.given!.value, call.asked.length], ["fine", 1])
  })

  it("ends with the last result when that says no more, and hears no second answer", async () => {
    const { call, port, statistics } = await asking()
    call.answer(null)
    call.answer(5)
    await port.pass(5)
    assert.deepStrictEqual([call.answers, call.begun.length], [[{ ok: false, value: boom, raw: "raw Error: boom" }], 1])
    assert.deepInclude(statistics, { failures: 1, exhausted: 0, retries: 0 })
  })

  it("ends with the last result when its time comes meanwhile, or would before the retry", async () => {
    const late = await asking(100)
    await late.port.pass(90)
    assert.deepStrictEqual([late.call.given!.value, late.statistics.timeouts], [boom, 1])
    late.call.answer(5)
    assert.strictEqual(late.call.phase, "done")
    for (const [delay, phase] of [[89, "backoff"], [90, "done"]] as const) {
      const { call, statistics } = await asking(100)
      call.answer(delay)
      assert.deepStrictEqual([call.phase, statistics.timeouts], [phase, 0])
    }
  })

  it("hears no answer that it has not asked for", async () => {
    const { start } = scene({ retry })
    const call = start()
    call.answer(5)
    assert.strictEqual(call.phase, "running")
    call.answer(null)
    assert.deepStrictEqual(call.answers, [])
  })
})

describe("a call whose caller is gone", () => {
  it("stops its work, gives back what it holds, and says nothing any more", async () => {
    const { dependency, port, start, statistics } = scene({ timeout: 1000, bulkhead: { concurrency: 1, queue: 1 } })
    const call = start()
    const behind = start()
    call.abort("gone")
    call.abort("again")
    assert.deepStrictEqual([call.stopped, call.answers, statistics.aborted, call.phase], [[[1, "gone"]], [], 1, "done"])
    assert.deepStrictEqual([behind.begun.length, dependency.bulkhead!.running], [0, 1])
    call.ends(1, true, "late")
    assert.deepStrictEqual([behind.begun.length, statistics.abandoned, statistics.running, call.answers], [1, 0, 1, []])
    behind.ends(1, true, 1)
    await port.pass(1000)
    assert.deepStrictEqual([statistics.timeouts, port.waiting.length], [0, 0])
  })

  it("leaves its queue, whichever it is, and its place to those behind", async () => {
    for (const options of [{ bulkhead: { concurrency: 1, queue: 5 } }, { rateLimit: { limit: 1, window: 100, queue: 5 } }] as const) {
      const { dependency, port, start, statistics } = scene(options)
      const first = start()
      const [leaves, stays] = [start(), start()]
      leaves.abort("gone")
      assert.deepStrictEqual([(dependency.bulkhead ?? dependency.rateLimit)!.queued, statistics.aborted, statistics.rejected], [1, 1, 0])
      first.ends(1, true, 1)
      await port.pass(100)
      assert.deepStrictEqual([leaves.begun.length, stays.begun.length], [0, 1])
    }
  })

  it("leaves no timer behind, in a backoff or anywhere", async () => {
    const { port, start } = scene({ retry })
    const call = start(undefined, 10_000)
    call.ends(1, false, boom)
    call.abort("gone")
    assert.strictEqual(port.waiting.length, 0)
    await port.pass(10_000)
    assert.deepStrictEqual([call.begun.length, call.answers], [1, []])
  })

  it("after its answer changes nothing", () => {
    const { start, statistics } = scene({})
    const call = start()
    call.ends(1, true, 1)
    call.abort("gone")
    assert.deepStrictEqual([statistics.aborted, call.stopped], [0, []])
  })
})
