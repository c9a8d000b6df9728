import * as fc from "fast-check"
import { assert, describe, expect, it } from "vitest"
import { breakerStore } from "../../../src/core/breaker/breakerStore.ts"
import { limiterStore } from "../../../src/core/limits/limiterStore.ts"
import type { PolicyOptions } from "../../../src/core/options.ts"
import { compare, without } from "../../../src/core/simulate/compare.ts"
import type { SimulationOptions } from "../../../src/core/simulate/options.ts"
import { type Bucket, rejectedOf, type SimulationResult } from "../../../src/core/simulate/result.ts"
import { simulate } from "../../../src/core/simulate/simulate.ts"
import { scenarios, usualPolicy } from "../../../../../scripts/simulate/scenarios.ts"

const policy: PolicyOptions = { timeout: 2000, attemptTimeout: 500, retry: { times: 2, base: 50 }, breaker: { failures: 5, openFor: 5000 } }
const well = { latency: { p50: 20, p99: 100 }, workers: 10 }
const outage = { kind: "outage", at: 10_000, for: 20_000 } as const
const played = (over: Partial<SimulationOptions> = {}): SimulationOptions => ({ load: { perSecond: 50 }, dependency: { ...well, faults: [outage] }, duration: 60_000, ...over })
const sum = (result: SimulationResult, count: (bucket: Bucket) => number): number => result.buckets.reduce((total, bucket) => total + count(bucket), 0)

describe("a simulation", () => {
  it("gives the same bytes for the same seed, and others for another", () => {
    const bytes = (seed: number) => JSON.stringify(simulate(policy, played({ seed })))
    assert.strictEqual(bytes(7), bytes(7))
    assert.notStrictEqual(bytes(7), bytes(8))
  })

  it("brings the same callers at the same moments whatever the policy is", () => {
    const results = compare(policy, played(), ["naive", "retry", "breaker"])
    const offered = results.map(({ buckets }) => buckets.map((bucket) => bucket.offered).join())
    assert.strictEqual(new Set(offered).size, 1)
  })

  it("plays what is shared as if this process were alone, and asks no store", async () => {
    const asked: Array<unknown> = []
    const limits = limiterStore({ take: async (request) => (asked.push(request), { granted: 0, kept: 0, retryAfter: 0, processes: 1 }) })
    const breakers = breakerStore({ exchange: async (requests) => (asked.push(requests), []) })
    const rateLimit = { limit: 40, window: 1000, queue: 100 }
    const alone = simulate({ ...policy, rateLimit }, played())
    const options = { ...policy, breaker: { ...policy.breaker as object, shared: breakers }, rateLimit: { ...rateLimit, shared: limits, processes: 4 } }
    assert.deepStrictEqual(simulate(options, played()), alone)
    assert.deepStrictEqual(compare({ name: "policy", options }, played(), [])[0]!.totals, alone.totals)
    await new Promise((resolve) => setImmediate(resolve))
    assert.isEmpty(asked)
  })

  it("loses nobody: every call and every request is in exactly one place, and the series add up to the totals", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    const at = fc.integer({ min: 0, max: 8000 })
    const length = fc.integer({ min: 1, max: 5000 })
    const fault = fc.oneof(
      fc.record({ kind: fc.constant("outage" as const), at, for: length, hangs: fc.boolean() }),
      fc.record({ kind: fc.constant("brown-out" as const), at, for: length, fails: share, slower: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constant("slow" as const), at, for: length, slower: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ kind: fc.constant("rate-limit" as const), at, for: length, perSecond: fc.nat(100), retryAfter: fc.constant("1 second" as const) })
    )
    const off = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: false as const })
    const policies = fc.record({
      timeout: off(fc.integer({ min: 1, max: 4000 })),
      attemptTimeout: off(fc.integer({ min: 1, max: 1000 })),
      retry: off(fc.record({ times: fc.nat(4), base: fc.nat(300), budget: off(fc.record({ ratio: share, perSecond: fc.nat(5) })) })),
      hedge: off(fc.record({ delay: fc.integer({ min: 1, max: 200 }), times: fc.integer({ min: 1, max: 3 }) })),
      breaker: off(fc.record({
        failures: fc.integer({ min: 1, max: 10 }), rate: fc.constantFrom(0.5, 1), openFor: fc.integer({ min: 1, max: 4000 }),
        halfOpenCalls: fc.integer({ min: 1, max: 3 }), rampUp: fc.integer({ min: 1, max: 2000 }), observe: fc.boolean()
      }, { requiredKeys: ["openFor"] })),
      rateLimit: off(fc.record({ limit: fc.integer({ min: 1, max: 50 }), window: fc.integer({ min: 1, max: 1000 }), queue: fc.nat(10), algorithm: fc.constantFrom("token-bucket" as const, "sliding-window" as const) })),
      throttle: off(fc.record({ k: fc.integer({ min: 1, max: 3 }), window: fc.integer({ min: 1, max: 5000 }) })),
      bulkhead: off(fc.record({ concurrency: fc.integer({ min: 1, max: 20 }), queue: fc.nat(20), queueTimeout: fc.integer({ min: 1, max: 500 }) }))
    })
    const options = fc.record({
      load: fc.record({
        perSecond: fc.integer({ min: 1, max: 150 }), clients: fc.integer({ min: 1, max: 3 }), patience: off(fc.integer({ min: 1, max: 2000 })),
        comeAgain: off(fc.record({ share, after: fc.integer({ min: 1, max: 2000 }) })), arrivals: fc.constantFrom("even" as const, "poisson" as const)
      }),
      dependency: fc.record({
        latency: fc.record({ p50: fc.integer({ min: 1, max: 100 }), p99: fc.integer({ min: 100, max: 500 }) }),
        workers: fc.integer({ min: 1, max: 10 }), queue: fc.nat(30), dropsAbandoned: fc.boolean(), fails: share, faults: fc.array(fault, { maxLength: 3 })
      }),
      duration: fc.constant(10_000), seed: fc.nat()
    })
    fc.assert(fc.property(policies, options, (own, given) => {
      const result = simulate(own, given)
      const { attempts, calls, callers, failed, gaveUp, hedges, pending, rejected, requests, retries, succeeded } = result.totals
      const last = result.buckets.at(-1)!
      assert.strictEqual(calls, succeeded + failed + gaveUp + pending + rejectedOf({ rejected }))
      assert.isAtLeast(calls, callers)
      assert.isAtLeast(pending, 0)
      assert.strictEqual(attempts, requests.requests)
      assert.isAtMost(attempts, calls + retries + hedges)
      const inside = last.queued + last.busy
      const { answered, dropped, failed: broken, hung, limited, refused, turnedAway, wasted } = requests
      assert.strictEqual(attempts, answered + dropped + broken + hung + limited + refused + turnedAway + inside)
      assert.isAtMost(last.queued, given.dependency.queue)
      assert.isAtMost(last.busy, given.dependency.workers)
      assert.strictEqual(wasted, sum(result, (bucket) => bucket.wasted))
      assert.strictEqual(pending, last.pending)
      for (const count of ["attempts", "failed", "gaveUp", "succeeded"] as const) assert.strictEqual(result.totals[count], sum(result, (bucket) => bucket[count]))
      assert.strictEqual(rejectedOf({ rejected }), sum(result, rejectedOf))
      assert.strictEqual(calls, sum(result, (bucket) => bucket.offered))
    }), { numRuns: 300 })
  })

  it("sends one attempt for each call, retry and hedge when nothing is turned away and all have ended", () => {
    const { totals } = simulate(
      { attemptTimeout: 300, retry: { times: 3, base: 20, budget: false } },
      played({ load: { perSecond: [{ at: 0, perSecond: 50 }, { at: 40_000, perSecond: 0 }] } })
    )
    assert.strictEqual(totals.pending, 0)
    assert.isAbove(totals.retries, 2000)
    assert.strictEqual(totals.attempts, totals.calls + totals.retries)
    const hedged = simulate(
      { timeout: 5000, hedge: { delay: 40, times: 2 } },
      played({ dependency: well, load: { perSecond: [{ at: 0, perSecond: 50 }, { at: 40_000, perSecond: 0 }] } })
    ).totals
    assert.isAbove(hedged.hedges, 100)
    assert.strictEqual(hedged.attempts, hedged.calls + hedged.hedges)
  })

  it("amplifies by no more than the budget's ratio, and what it allows beside", () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 2, noNaN: true }), fc.nat(10), fc.nat(), (ratio, perSecond, seed) => {
      const { totals } = simulate({ timeout: 5000, retry: { times: 5, base: 10, budget: { ratio, perSecond } } }, played({ seed }))
      assert.isAtMost(totals.retries, ratio * totals.calls + perSecond * (60 + 10))
      assert.isAtMost(totals.attempts, totals.calls + totals.retries)
    }), { numRuns: 50 })
    const { totals } = simulate({ timeout: 5000, retry: { times: 5, base: 10, budget: false } }, played())
    assert.isAbove(totals.retries, totals.calls)
  })

  it("sends nothing but probes while the breaker is open", () => {
    const { buckets, totals } = simulate(policy, played())
    const open = buckets.filter((bucket, n) => bucket.breakersOpen === 1 && buckets[n - 1]!.breakersOpen === 1)
    assert.isAtLeast(open.length, 18)
    for (const bucket of open) assert.isAtMost(bucket.attempts, 1)
    assert.isAtMost(open.reduce((all, { attempts }) => all + attempts, 0), 20_000 / 5000)
    assert.isAbove(totals.rejected.BreakerOpenError ?? 0, 800)
  })

  it("obeys Little's law and the law of utilisation while the dependency is well", () => {
    const options = { load: { perSecond: 250 }, dependency: { ...well, workers: 8, queue: 1000 }, duration: 600_000, bucket: 100 }
    const { buckets, capacity, totals } = simulate({}, options)
    const average = (count: (bucket: Bucket) => number) => buckets.reduce((all, bucket) => all + count(bucket), 0) / buckets.length
    const perMilli = totals.calls / 600_000
    expect(average(({ busy, queued }) => busy + queued) / (perMilli * totals.latency!.mean)).toBeCloseTo(1, 1)
    expect(average(({ busy }) => busy) / 8).toBeCloseTo(250 / capacity, 1)
    expect(average(({ pending }) => pending) / average(({ busy, queued }) => busy + queued)).toBeCloseTo(1, 5)
    assert.isAbove(average(({ queued }) => queued), 0.3)
  })
})

describe("the storm", () => {
  const { options } = scenarios["outage"]!
  const [ours, naive] = compare(usualPolicy, options, ["naive"]) as [SimulationResult, SimulationResult]

  it("goes on for ever with naive retries, long after the dependency is well again", () => {
    assert.strictEqual(naive.totals.recovery, null)
    const end = naive.buckets.slice(-30)
    for (const bucket of end) {
      assert.isAbove(bucket.attempts, 3 * naive.capacity)
      assert.isBelow(bucket.succeeded, 10)
      assert.isAbove(bucket.wasted, 0.9 * naive.capacity)
    }
  })

  it("is over within seconds with a breaker and a budget", () => {
    assert.isAtMost(ours.totals.recovery!, 10_000)
    assert.isBelow(ours.totals.amplification, 1)
    assert.isAbove(ours.totals.succeeded, 3 * naive.totals.succeeded)
  })
})

describe("the dependency of a simulation", () => {
  const one = { perSecond: [{ at: 0, perSecond: 10 }, { at: 110, perSecond: 0 }], arrivals: "even" as const }
  const attemptsOf = ({ buckets }: SimulationResult) => buckets.flatMap(({ at, attempts }) => Array.from({ length: attempts }, () => at))

  it("answers 429 with a Retry-After that the policy honours", () => {
    const limited = { ...well, faults: [{ kind: "rate-limit", at: 0, for: 3000, perSecond: 0, burst: 1, retryAfter: 1500 }] } as const
    const load = { ...one, perSecond: [{ at: 0, perSecond: 20 }, { at: 110, perSecond: 0 }] }
    const result = simulate({ retry: { times: 1, base: 1 } }, { load, dependency: limited, duration: 5000, bucket: 50 })
    assert.deepStrictEqual(attemptsOf(result), [50, 100, 2100]) // at 50, 100, and two whole seconds (and a round trip) after the refusal of the second
    expect(result.totals).toMatchObject({ succeeded: 1, failed: 1, requests: { limited: 2, answered: 1 } })
  })

  it("refills its rate limit with time, and never beyond the burst", () => {
    const dependency = { ...well, rateLimit: { perSecond: 10, burst: 3 } }
    const { totals } = simulate({}, { load: { perSecond: [{ at: 4999, perSecond: 100 }], arrivals: "even" }, dependency, duration: 10_000 })
    assert.isAtLeast(totals.succeeded, 3 + 49)
    assert.isAtMost(totals.succeeded, 3 + 50)
  })

  it("that hangs keeps those without a deadline for ever, and those with one until then", () => {
    const options = { load: one, dependency: { ...well, faults: [{ kind: "outage", at: 50, for: 1000, hangs: true }] }, duration: 5000 } as const
    expect(simulate({}, options).totals).toMatchObject({ calls: 1, pending: 1, requests: { hung: 1 } })
    expect(simulate({ timeout: 700 }, options).totals).toMatchObject({ calls: 1, pending: 0, failed: 1, timeToFailure: { p50: 700 } })
  })

  it("resets what it works on when an outage begins, and loses it when it begins to hang", () => {
    const slow = { latency: { p50: 1000, p99: 1000 }, workers: 1 }
    const load = { ...one, perSecond: [{ at: 0, perSecond: 20 }, { at: 110, perSecond: 0 }] }
    const options = (hangs: boolean) => ({ load, dependency: { ...slow, faults: [{ kind: "outage" as const, at: 500, for: 100, hangs }] }, duration: 5000 })
    expect(simulate({}, options(false)).totals).toMatchObject({ calls: 2, failed: 2, requests: { refused: 2 }, timeToFailure: { max: 450 } })
    expect(simulate({}, options(true)).totals).toMatchObject({ calls: 2, pending: 2, requests: { hung: 2 } })
  })

  it("is as slow as it is told to be, for all that begins while the fault lasts", () => {
    const steady = { latency: { p50: 100, p99: 100 }, workers: 1 }
    const taken = (slower: number) => simulate({}, { load: one, dependency: { ...steady, faults: [{ kind: "slow", at: 0, for: 101, slower }] }, duration: 5000 }).totals.latency!.max
    assert.deepStrictEqual([taken(1), taken(4)], [100, 400])
  })

  it("turns away what its queue cannot hold", () => {
    const steady = { latency: { p50: 1000, p99: 1000 }, workers: 1, queue: 2 }
    const load = { ...one, perSecond: [{ at: 0, perSecond: 50 }, { at: 110, perSecond: 0 }] }
    expect(simulate({}, { load, dependency: steady, duration: 5000 }).totals).toMatchObject({ calls: 5, succeeded: 3, failed: 2, requests: { turnedAway: 2 } })
    expect(simulate({}, { load, dependency: { ...steady, queue: undefined }, duration: 6000 }).totals).toMatchObject({ succeeded: 5 })
  })

  it("works for callers who have left, unless it drops them", () => {
    const slow = { latency: { p50: 1000, p99: 1000 }, workers: 1 }
    const load = { ...one, perSecond: [{ at: 0, perSecond: 20 }, { at: 110, perSecond: 0 }] }
    const requests = (dropsAbandoned: boolean) => simulate({ timeout: 300 }, { load, dependency: { ...slow, dropsAbandoned }, duration: 5000 }).totals.requests
    expect(requests(false)).toMatchObject({ answered: 2, wasted: 2, dropped: 0 })
    expect(requests(true)).toMatchObject({ answered: 0, wasted: 0, dropped: 2 })
  })

  it("fails as many as it is told", () => {
    const { requests } = simulate({}, { load: { perSecond: 200 }, dependency: { ...well, fails: 0.3 }, duration: 60_000 }).totals
    expect(requests.failed / (requests.failed + requests.answered)).toBeCloseTo(0.3, 1)
  })
})

describe("the callers of a simulation", () => {
  it("give up when their patience ends, and come again as often as they may", () => {
    const slow = { latency: { p50: 1000, p99: 1000 }, workers: 1 }
    const load = { perSecond: [{ at: 0, perSecond: 10 }, { at: 110, perSecond: 0 }], arrivals: "even" as const, patience: 200, comeAgain: { share: 1, after: 10, times: 2 } }
    const { totals } = simulate({}, { load, dependency: { ...slow, dropsAbandoned: true }, duration: 5000 })
    expect(totals).toMatchObject({ callers: 1, calls: 3, gaveUp: 3, pending: 0, timeToFailure: { p50: 200, max: 200 } })
  })

  it("who were served in time do not give up", () => {
    const { totals } = simulate({}, { load: { perSecond: 50, patience: 2000 }, dependency: well, duration: 10_000 })
    expect(totals.gaveUp).toBe(0)
    expect(totals.pending).toBeGreaterThanOrEqual(0)
  })

  it("do not come again when they were served", () => {
    const { totals } = simulate({}, { load: { perSecond: 50, comeAgain: { share: 1, after: 10 } }, dependency: well, duration: 10_000 })
    assert.strictEqual(totals.calls, totals.callers)
  })

  it("each have a breaker of their own process", () => {
    const { buckets, totals } = simulate({ breaker: { failures: 1, openFor: 60_000 } }, played({ load: { perSecond: 50, clients: 4, arrivals: "even" } }))
    assert.strictEqual(totals.openings, 4)
    assert.strictEqual(buckets.at(-1)!.breakersOpen, 4)
  })
})

it("the latency of a bucket is that of the calls that ended in it", () => {
  const steady = { latency: { p50: 100, p99: 100 }, workers: 20, faults: [{ kind: "slow", at: 0, for: 3000, slower: 4 }] } as const
  const { buckets } = simulate({}, { load: { perSecond: 10, arrivals: "even" }, dependency: steady, duration: 6000 })
  assert.deepStrictEqual(buckets.map(({ p50 }) => Math.round(p50! / 10) * 10), [400, 400, 400, 100, 100, 100])
  assert.strictEqual(buckets[5]!.p99, buckets[5]!.p50)
})

describe("recovery", () => {
  it("is the time after the last fault until calls succeed for good", () => {
    const { totals } = simulate({ breaker: { failures: 1, openFor: 8000 } }, played({ dependency: { ...well, faults: [{ ...outage, for: 2000 }] } }))
    expect(totals.recovery).toBeGreaterThanOrEqual(5000)
    expect(totals.recovery).toBeLessThanOrEqual(8000)
  })

  it("is null without a fault, and when the fault outlives the simulation", () => {
    assert.strictEqual(simulate(policy, played({ dependency: well })).totals.recovery, null)
    assert.strictEqual(simulate(policy, played({ dependency: { ...well, faults: [{ ...outage, for: 50_000 }] } })).totals.recovery, null)
  })

  it("is none when nothing went wrong that callers could see", () => {
    assert.strictEqual(simulate(policy, played({ dependency: { ...well, faults: [{ kind: "slow", at: 10_000, for: 1000, slower: 1 }] } })).totals.recovery, 0)
  })
})

describe("a comparison", () => {
  it("names what is left out, and plays the policy as it is first", () => {
    const results = compare(policy, played({ name: "ours" }), ["breaker", "rateLimit", "naive"])
    assert.deepStrictEqual(results.map(({ name }) => name), ["ours", "without breaker", "without rate limit", "naive retries"])
    assert.deepStrictEqual(results[0], simulate(policy, played({ name: "ours" })))
  })

  const full: PolicyOptions = { timeout: 1000, attemptTimeout: 500, retry: { times: 2, jitter: "full", budget: { ratio: 1 } }, breaker: {}, rateLimit: { limit: 9, window: 100 }, bulkhead: { concurrency: 5 }, throttle: {}, hedge: { delay: 100 } }
  it.each<[part: Parameters<typeof without>[1], left: PolicyOptions]>([
    ["budget", { ...full, retry: { times: 2, jitter: "full", budget: false } }],
    ["jitter", { ...full, retry: { times: 2, jitter: "none", budget: { ratio: 1 } } }],
    ["breaker", { ...full, breaker: false }],
    ["rateLimit", { ...full, rateLimit: false }],
    ["bulkhead", { ...full, bulkhead: false }],
    ["throttle", { ...full, throttle: false }],
    ["hedge", { ...full, hedge: false }],
    ["retry", { ...full, retry: false }],
    ["naive", { timeout: 1000, attemptTimeout: 500, retry: { times: 2, jitter: "none", budget: false } }]
  ])("without %s leaves the rest as it is", (part, left) => {
    expect(without(full, part)).toEqual(left)
  })

  it("leaves a policy without retries without them", () => {
    assert.strictEqual(without({ retry: false }, "naive").retry, false)
    assert.strictEqual(without({}, "budget").retry, undefined)
  })

  it("refuses a part that does not exist", () => {
    expect(() => compare(policy, played(), ["brakes" as never])).toThrow(/without is "brakes"/)
  })
})

describe("options that make no sense", () => {
  it.each<[option: string, over: object]>([
    ["colour", { colour: "red" }],
    ["duration", { duration: 0 }],
    ["duration", { duration: 1500 }],
    ["duration", { duration: 200_000, bucket: 1 }],
    ["bucket", { bucket: "soon" }],
    ["seed", { seed: -1 }],
    ["seed", { seed: 0.5 }],
    ["name", { name: 5 }],
    ["load", { load: undefined }],
    ["load.people", { load: { perSecond: 1, people: 1 } }],
    ["load.perSecond", { load: { perSecond: -1 } }],
    ["load.perSecond", { load: { perSecond: [] } }],
    ["load.perSecond", { load: { perSecond: 200_000 } }],
    ["load.perSecond[0].rate", { load: { perSecond: [{ at: 0, rate: 1 }] } }],
    ["load.perSecond[0].at", { load: { perSecond: [{ at: -1, perSecond: 1 }] } }],
    ["load.perSecond[1].at", { load: { perSecond: [{ at: 0, perSecond: 1, over: 100 }, { at: 99, perSecond: 1 }] } }],
    ["load.perSecond[0].over", { load: { perSecond: [{ at: 0, perSecond: 1, over: 0 }] } }],
    ["load.arrivals", { load: { perSecond: 1, arrivals: "odd" } }],
    ["load.clients", { load: { perSecond: 1, clients: 0 } }],
    ["load.clients", { load: { perSecond: 1, clients: 10_001 } }],
    ["load.patience", { load: { perSecond: 1, patience: 0 } }],
    ["load.comeAgain.share", { load: { perSecond: 1, comeAgain: { share: 1.1, after: 1 } } }],
    ["load.comeAgain.after", { load: { perSecond: 1, comeAgain: { share: 1, after: 0 } } }],
    ["load.comeAgain.times", { load: { perSecond: 1, comeAgain: { share: 1, after: 1, times: 0 } } }],
    ["dependency.workers", { dependency: { ...well, workers: 0 } }],
    ["dependency.queue", { dependency: { ...well, queue: -1 } }],
    ["dependency.fails", { dependency: { ...well, fails: 2 } }],
    ["dependency.dropsAbandoned", { dependency: { ...well, dropsAbandoned: "yes" } }],
    ["dependency.latency.p50", { dependency: { ...well, latency: { p50: 0, p99: 1 } } }],
    ["dependency.latency.p99", { dependency: { ...well, latency: { p50: 2, p99: 1 } } }],
    ["dependency.rateLimit.perSecond", { dependency: { ...well, rateLimit: { perSecond: -1 } } }],
    ["dependency.rateLimit.per", { dependency: { ...well, rateLimit: { per: 1 } } }],
    ["dependency.faults", { dependency: { ...well, faults: {} } }],
    ["dependency.faults", { dependency: { ...well, faults: Array.from({ length: 101 }, () => outage) } }],
    ["dependency.faults[0].kind", { dependency: { ...well, faults: [{ kind: "fire", at: 0, for: 1 }] } }],
    ["dependency.faults[0].at", { dependency: { ...well, faults: [{ kind: "outage", for: 1 }] } }],
    ["dependency.faults[0].for", { dependency: { ...well, faults: [{ kind: "outage", at: 0, for: 0 }] } }],
    ["dependency.faults[0].fails", { dependency: { ...well, faults: [{ ...outage, fails: 0.5 }] } }],
    ["dependency.faults[0].fails", { dependency: { ...well, faults: [{ kind: "brown-out", at: 0, for: 1 }] } }],
    ["dependency.faults[0].slower", { dependency: { ...well, faults: [{ kind: "slow", at: 0, for: 1, slower: 0 }] } }],
    ["dependency.faults[0].hangs", { dependency: { ...well, faults: [{ ...outage, hangs: 1 }] } }],
    ["dependency.faults[0].label", { dependency: { ...well, faults: [{ ...outage, label: 1 }] } }],
    ["dependency.faults[0].burst", { dependency: { ...well, faults: [{ kind: "rate-limit", at: 0, for: 1, perSecond: 1, burst: 0 }] } }],
    ["dependency.faults[0].retryAfter", { dependency: { ...well, faults: [{ kind: "rate-limit", at: 0, for: 1, perSecond: 1, retryAfter: -1 }] } }]
  ])("are refused by name: %s", (option, over) => {
    expect(() => simulate(policy, played(over as never))).toThrow(expect.objectContaining({ _tag: "InvalidPolicyOption", policy: "simulation", option }))
  })

  it("of the policy are refused as they are when it is made", () => {
    expect(() => simulate({ timeout: -1 }, played())).toThrow(expect.objectContaining({ option: "timeout" }))
  })
})
