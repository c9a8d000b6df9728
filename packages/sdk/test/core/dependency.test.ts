import { assert, describe, it } from "vitest"
import { Attempt } from "../../src/core/call/attempt.ts"
import { Dependency, stateOf } from "../../src/core/dependency.ts"
import { InvalidPolicyOption } from "../../src/core/errors.ts"
import type { PolicyOptions } from "../../src/core/options.ts"
import { noStatistics } from "../../src/core/events/statistics.ts"
import { virtual } from "../support/virtual.ts"

const make = (options: PolicyOptions) => {
  const { port, timers } = virtual()
  return { dependency: new Dependency("x", options, timers), port, timers }
}
const attemptOf = (dependency: Dependency, startedAt = 0, throttled = -1) =>
  Object.assign(new Attempt({ deadline: Infinity, lanes: { attempt: null } }, 1, startedAt, dependency.breaker, dependency.bulkhead), { throttled })
const hedge = { delay: { percentile: 0.5, initial: 500, minimumCalls: 1, min: 5 } }
const retry = { budget: false } as const

describe("what a policy needs to know of its calls", () => {
  it.each<[options: PolicyOptions, measures: boolean, wanders: boolean, timed: boolean]>([
    [{}, false, false, false],
    [{ timeout: 10 }, false, false, true],
    [{ attemptTimeout: 10 }, false, false, true],
    [{ retry }, false, false, false],
    [{ retry: {} }, false, false, true],
    [{ retry: { ...retry, maxElapsed: 10 } }, false, false, true],
    [{ retry, attemptTimeout: 10 }, false, true, true],
    [{ breaker: {} }, false, false, false],
    [{ breaker: { rate: 0.5 } }, false, false, false],
    [{ breaker: { slow: { over: 10, rate: 0.5 } } }, false, false, true],
    [{ bulkhead: { concurrency: 1 } }, false, true, false],
    [{ bulkhead: { adaptive: {} } }, true, true, true],
    [{ rateLimit: { limit: 1, window: 1 } }, false, true, true],
    [{ hedge: { delay: 10 } }, false, false, true],
    [{ hedge }, true, false, true],
    [{ throttle: {} }, true, false, true]
  ])("of %j", (options, measures, wanders, timed) => {
    const { dependency } = make(options)
    assert.deepStrictEqual([dependency.measures, dependency.wanders, dependency.timed], [measures, wanders, timed])
    const later = make({}).dependency
    later.update(options)
    assert.deepStrictEqual([later.measures, later.wanders, later.timed], [measures, wanders, timed])
    later.update(Object.fromEntries(Object.keys(options).map((part) => [part, false])) as PolicyOptions)
    assert.deepStrictEqual([later.measures, later.wanders, later.timed], [false, false, false])
  })

  it("is kept in lanes for its timeouts, on the clock that is asked for", () => {
    const { dependency, timers } = make({ timeout: 100, attemptTimeout: 50 })
    const { attempt, timers: own, total } = dependency.currentLanes
    assert.deepStrictEqual([own === timers, total === timers.lane(100), attempt === timers.lane(50)], [true, true, true])
    assert.strictEqual(dependency.lanesOn(timers), dependency.currentLanes)
    const other = virtual().timers
    const moved = dependency.lanesOn(other)
    assert.deepStrictEqual([moved.timers === other, moved.total === other.lane(100), dependency.currentLanes === moved], [true, true, true])
    dependency.update({ timeout: false, attemptTimeout: false })
    assert.deepStrictEqual([dependency.currentLanes.timers === other, dependency.currentLanes.total, dependency.currentLanes.attempt], [true, null, null])
  })

  it("hands another clock to a rate limit that waits", () => {
    const { dependency } = make({ rateLimit: { limit: 1, window: 1 } })
    const { port, timers } = virtual()
    port.time = 1e6
    dependency.lanesOn(timers)
    assert.deepStrictEqual([dependency.rateLimit!.enter(1, 1e6), dependency.rateLimit!.enter(1, 1e6), dependency.rateLimit!.enter(1, 1e6 + 2)], [true, false, true])
  })
})

describe("an update", () => {
  it("changes what is given, and keeps the rest of the options", () => {
    const { dependency } = make({ timeout: 100, retry: { times: 7 } })
    dependency.update({ timeout: 50 })
    assert.deepStrictEqual([dependency.settings.timeout, dependency.settings.retry!.times, dependency.options], [50, 7, { timeout: 50, retry: { times: 7 } }])
  })

  it("that is refused changes nothing", () => {
    const { dependency } = make({ timeout: 100 })
    const { settings } = dependency
    assert.throws(() => dependency.update({ timeout: -1 }), InvalidPolicyOption, "x: timeout is -1")
    assert.deepStrictEqual([dependency.settings, dependency.options], [settings, { timeout: 100 }])
  })

  it("keeps each part that there is, and drops what is off", () => {
    const all: PolicyOptions = { breaker: {}, bulkhead: { concurrency: 1 }, rateLimit: { limit: 1, window: 1 }, throttle: {}, retry: {}, hedge }
    const { dependency } = make(all)
    const parts = () => [dependency.breaker, dependency.bulkhead, dependency.rateLimit, dependency.throttle, dependency.budget]
    const before = parts()
    dependency.update({ timeout: 5, breaker: { failures: 2 }, bulkhead: { concurrency: 2 }, rateLimit: { limit: 2, window: 1 }, throttle: { k: 3 }, retry: { times: 9 } })
    assert.isTrue(parts().every((part, n) => part === before[n]))
    assert.deepStrictEqual(
      [dependency.breaker!.settings.failures, dependency.bulkhead!.settings.concurrency, dependency.rateLimit!.settings.limit, dependency.throttle!.settings.k], [2, 2, 2, 3])
    dependency.update({ breaker: false, bulkhead: false, rateLimit: false, throttle: false, retry: false })
    assert.deepStrictEqual(parts(), [null, null, null, null, null])
  })

  it("begins another budget only where its options differ", () => {
    const { dependency } = make({ retry: {} })
    const { budget } = dependency
    dependency.update({ retry: { times: 1, budget: { ratio: 0.2 } } })
    assert.strictEqual(dependency.budget, budget)
    dependency.update({ retry: { budget: { ratio: 0.3 } } })
    assert.notStrictEqual(dependency.budget, budget)
    dependency.update({ retry: { budget: false } })
    assert.isNull(dependency.budget)
    dependency.update({ retry: {} })
    assert.isNotNull(dependency.budget)
  })

  it("of a bulkhead goes between what is said and what is measured, and keeps who runs", () => {
    const { dependency } = make({ bulkhead: { concurrency: 3, queue: 4, queueTimeout: 5 } })
    const bulkhead = dependency.bulkhead!
    assert.deepStrictEqual(bulkhead.settings, { adaptive: undefined, concurrency: 3, queue: 4, queueTimeout: 5 })
    bulkhead.enter()
    dependency.update({ bulkhead: { adaptive: { initial: 9 } } })
    assert.deepInclude(bulkhead.settings, { concurrency: 9, queue: 0, queueTimeout: Infinity })
    for (let n = 0; n < 20; n++) dependency.measure(attemptOf(dependency), "failure", 10)
    const { concurrency } = bulkhead.settings
    assert.isBelow(concurrency, 9)
    dependency.update({ bulkhead: { adaptive: { initial: 9, max: 100 } } })
    assert.strictEqual(bulkhead.settings.concurrency, concurrency) // what was found is kept
    dependency.update({ bulkhead: { concurrency: 2 } })
    assert.deepStrictEqual([dependency.bulkhead === bulkhead, bulkhead.settings.concurrency, bulkhead.running], [true, 2, 1])
    dependency.update({ bulkhead: { adaptive: { initial: 9 } } })
    assert.strictEqual(bulkhead.settings.concurrency, 9) // and begins anew where it was off
    dependency.update({ bulkhead: false })
    assert.deepStrictEqual(bulkhead.settings, { adaptive: undefined, concurrency: Infinity, queue: 0, queueTimeout: Infinity })
  })
})

describe("what attempts came to", () => {
  it("tells a measured hedge what good ones take, and nothing else does", () => {
    const { dependency } = make({ hedge })
    assert.strictEqual(dependency.hedgeDelay(0), 500)
    dependency.measure(attemptOf(dependency, 0), "failure", 100)
    dependency.measure(attemptOf(dependency, 0), "ignored", 100)
    assert.strictEqual(dependency.hedgeDelay(100), 500)
    dependency.measure(attemptOf(dependency, 40), "success", 100)
    assert.approximately(dependency.hedgeDelay(100), 60, 1)
    dependency.update({ timeout: 5 })
    assert.approximately(dependency.hedgeDelay(100), 60, 1) // through an update of something else
    dependency.update({ hedge: { delay: 70 } })
    assert.strictEqual(dependency.hedgeDelay(100), 70)
  })

  it("does not hedge sooner than the least delay", () => {
    const { dependency } = make({ hedge })
    dependency.measure(attemptOf(dependency, 0), "success", 1)
    assert.strictEqual(dependency.hedgeDelay(1), 5)
  })

  it("tells a throttle what was refused that it had let through", () => {
    const { dependency } = make({ throttle: { minimumCalls: 1, k: 1 } })
    const throttle = dependency.throttle!
    const tickets = [0, 0, 0].map((now) => throttle.admit(now, () => 0.99))
    dependency.measure(attemptOf(dependency, 0, tickets[0]), "success", 1)
    dependency.measure(attemptOf(dependency, 0, tickets[1]), "ignored", 1)
    dependency.measure(attemptOf(dependency, 0, -1), "failure", 1)
    assert.strictEqual(throttle.probability(1), 0)
    dependency.measure(attemptOf(dependency, 0, tickets[2]), "failure", 1)
    assert.strictEqual(throttle.probability(1), 1 / 4)
    dependency.update({ throttle: false })
    dependency.measure(attemptOf(dependency, 0, tickets[2]), "failure", 1) // it was let through by one that is gone
  })

  it("lets in whom a measured bulkhead has room for, the moment that it finds it", () => {
    const { dependency } = make({ bulkhead: { adaptive: { initial: 20, min: 20, max: 100 }, queue: 9 } })
    const bulkhead = dependency.bulkhead!
    for (let n = 0; n < 21; n++) bulkhead.enter()
    const granted: Array<number> = []
    for (let n = 0; n < 5; n++) bulkhead.wait({ ahead: null, behind: null, weight: 1, granted: () => granted.push(n) })
    for (let n = 0; granted.length === 0 && n < 1000; n++) dependency.measure(Object.assign(attemptOf(dependency), { inFlight: 20 }), "success", 10)
    assert.deepStrictEqual([granted[0], bulkhead.running, bulkhead.settings.queue], [0, bulkhead.settings.concurrency, 9])
  })

  it("tells a measured bulkhead how long they took, whenever that was", () => {
    const measuredFrom = (start: number) => {
      const { dependency } = make({ bulkhead: { adaptive: { initial: 20, min: 20, max: 100 } } })
      return Array.from({ length: 1000 }, (_, n) => {
        const startedAt = start + n * 100
        dependency.measure(Object.assign(attemptOf(dependency, startedAt), { inFlight: 20 }), "success", startedAt + 10)
        return dependency.bulkhead!.settings.concurrency
      })
    }
    assert.isAbove(Math.max(...measuredFrom(0)), 20)
    assert.deepStrictEqual(measuredFrom(1e6), measuredFrom(0))
  })

  it("is what the classifier says, or else the default; one that throws makes nothing be repeated", () => {
    const outcomes = (classify?: PolicyOptions["classify"]) => {
      const { dependency } = make({ classify })
      return [dependency.outcomeOf({ status: 503 }, true), dependency.outcomeOf(new Error("boom"), false), dependency.outcomeOf(1, true)]
    }
    assert.deepStrictEqual(outcomes(), ["transient", "transient", "success"])
    assert.deepStrictEqual(outcomes(() => undefined), ["transient", "transient", "success"])
    assert.deepStrictEqual(outcomes((value, ok) => ok ? value === 1 ? "permanent" : "success" : undefined), ["success", "transient", "permanent"])
    assert.deepStrictEqual(outcomes(() => { throw new Error("own") }), ["success", "permanent", "success"])
  })

  it("of a value that throws when it is looked at repeats nothing", () => {
    const closed = Object.defineProperty({}, "status", { get() { throw new Error("hands off") } })
    for (const classify of [undefined, () => undefined]) {
      const { dependency } = make({ classify })
      assert.deepStrictEqual([dependency.outcomeOf(closed, true), dependency.outcomeOf(closed, false)], ["success", "permanent"])
    }
  })
})

describe("the breaker of a dependency", () => {
  const trip = ({ breaker }: Dependency) => {
    const ticket = { generation: -1, probe: 0 }
    breaker!.admit(ticket, 0)
    breaker!.settled(ticket, "failure", () => 0)
  }

  it("tells of its changes, and since when it is as it is", () => {
    const { dependency, port } = make({ breaker: { failures: 1 } })
    const seen: Array<unknown> = []
    dependency.on("breaker", (event) => seen.push(event))
    assert.isUndefined(dependency.breakerSince)
    port.time = 5
    trip(dependency)
    assert.deepStrictEqual([dependency.breakerSince, dependency.statistics.openings], [1_700_000_000_005, 1])
    port.time = 7
    dependency.restore()
    assert.deepStrictEqual([dependency.breakerSince, dependency.statistics.openings], [1_700_000_000_007, 1])
    assert.deepStrictEqual(seen, [
      { from: "closed", to: "open", reason: "failures", key: undefined }, { from: "open", to: "closed", reason: "restored", key: undefined }
    ])
  })

  it("of a key is its own, and is not that of all", () => {
    const { dependency } = make({ breaker: { failures: 1 } })
    assert.strictEqual(dependency.breakerOf(undefined), dependency.breaker)
    const mine = dependency.breakerOf("a")!
    assert.notStrictEqual(mine, dependency.breaker)
    assert.strictEqual(dependency.breakerOf("a"), mine)
    dependency.breakerOf("b")
    trip({ breaker: mine } as Dependency)
    assert.deepStrictEqual([dependency.openKeys, dependency.breakerSince, dependency.statistics.openings], [["a"], undefined, 1])
    dependency.update({ breaker: { failures: 7 } })
    assert.deepStrictEqual([dependency.breakerOf("a") === mine, mine.settings.failures, dependency.openKeys], [true, 7, ["a"]])
    dependency.update({ breaker: false })
    assert.deepStrictEqual([dependency.breakerOf("a"), dependency.openKeys], [null, []])
    dependency.update({ breaker: {} })
    assert.notStrictEqual(dependency.breakerOf("a"), mine)
  })

  it("shuts out all keys by hand", () => {
    const { dependency } = make({ breaker: {} })
    const mine = dependency.breakerOf("a")
    dependency.isolate()
    assert.strictEqual(dependency.breakerOf("a"), dependency.breaker)
    dependency.restore()
    assert.strictEqual(dependency.breakerOf("a"), mine)
  })

  it("that is off is made by who isolates, and lets nothing trip it after, nor a snapshot open it", () => {
    const { dependency } = make({})
    dependency.restore()
    assert.strictEqual(stateOf(dependency).breaker, "closed")
    dependency.isolate()
    const { breaker } = dependency
    assert.isTrue(breaker!.rejects(1e12))
    dependency.update({ timeout: 5 })
    assert.deepStrictEqual([dependency.breaker === breaker, breaker!.rejects(1e12)], [true, true])
    dependency.restore()
    for (let n = 0; n < 100; n++) trip(dependency)
    assert.strictEqual(breaker!.state.tag, "closed")
    dependency.hydrate({ state: "open", openLeft: 900, reopenings: 0, takenAt: 1_700_000_000_000 })
    assert.strictEqual(breaker!.state.tag, "closed")
    dependency.update({ timeout: 6 })
    assert.isNull(dependency.breaker)
  })

  it("that is turned off while it is isolated stays so, until it is restored by hand", () => {
    const { dependency } = make({ breaker: { failures: 1 } })
    dependency.isolate()
    dependency.update({ breaker: false })
    assert.isTrue(dependency.breaker!.rejects(0))
    dependency.restore()
    trip(dependency)
    assert.strictEqual(dependency.breaker!.state.tag, "closed")
  })

  it("goes on in another life, as much later as it is", () => {
    const { dependency, port } = make({ breaker: { failures: 1, openFor: 1000 } })
    trip(dependency)
    port.time = 100
    const saved = JSON.parse(JSON.stringify(dependency.snapshot())) as unknown
    assert.deepStrictEqual(saved, { state: "open", openLeft: 900, reopenings: 0, takenAt: 1_700_000_000_100 })
    for (const [time, left] of [[300, 700], [50, 900]] as const) {
      const next = make({ breaker: { failures: 1, openFor: 1000 } })
      next.port.time = time
      next.dependency.hydrate(saved)
      assert.strictEqual(next.dependency.breaker!.retryAfter(time), left)
    }
  })

  it("that is off has no snapshot, and takes none", () => {
    const { dependency } = make({})
    assert.isUndefined(dependency.snapshot())
    dependency.hydrate({ state: "isolated", takenAt: 0 })
    assert.isNull(dependency.breaker)
  })

  it.each([[undefined], [null], [5], [{}], [{ state: "isolated" }], [{ state: "isolated", takenAt: "0" }], [{ state: "isolated", takenAt: Infinity }], [{ state: "ajar", takenAt: 0 }]])(
    "takes %j for no snapshot", (saved) => {
      const { dependency } = make({ breaker: {} })
      assert.throws(() => dependency.hydrate(saved), InvalidPolicyOption, /^x: snapshot is .*, but must be what snapshot\(\) gave, as it was or as JSON\.parse gives it back$/)
      assert.strictEqual(dependency.breaker!.state.tag, "closed")
    })
})

describe("the state of a dependency", () => {
  it("is all of its statistics, its breaker and who waits", () => {
    const { dependency } = make({})
    assert.deepStrictEqual(stateOf(dependency), { breaker: "closed", openKeys: [], wouldHaveRejected: 0, queued: 0, ...noStatistics(), successRate: undefined, retrySuccessRate: undefined })
    const busy = make({ breaker: {}, bulkhead: { concurrency: 1, queue: 5 }, rateLimit: { limit: 1, window: 1000, queue: 5 } }).dependency
    const waiter = () => ({ ahead: null, behind: null, weight: 1, granted: () => {} })
    busy.bulkhead!.enter()
    for (let n = 0; n < 2; n++) busy.bulkhead!.wait(waiter())
    busy.rateLimit!.enter(1, 0)
    for (let n = 0; n < 3; n++) busy.rateLimit!.wait(waiter(), 0)
    busy.isolate()
    busy.statistics.successes = 3
    busy.statistics.failures = 1
    assert.deepInclude(stateOf(busy), { breaker: "isolated", queued: 5, successes: 3, successRate: 0.75 })
  })

  it("has a warning for what can never happen", () => {
    assert.deepStrictEqual(make({}).dependency.warnings, [])
    assert.match(make({ timeout: 5, attemptTimeout: 9 }).dependency.warnings.join(), /^attemptTimeout 9ms never applies/)
  })

  it("has what failed last", () => {
    const { dependency } = make({})
    assert.isUndefined(dependency.lastFailure)
    dependency.failed("boom", 7)
    assert.deepStrictEqual(dependency.lastFailure, { error: "boom", at: 7 })
  })
})
