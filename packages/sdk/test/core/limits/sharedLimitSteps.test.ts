/** A shared limit and its store, step by step: who waits, who leaves, and another clock. */
import { assert, describe, it } from "vitest"
import { limiterStore } from "../../../src/core/limits/limiterStore.ts"
import { makeRateLimit, RateLimit, type RateLimitSettings, type SharingState } from "../../../src/core/limits/rateLimit.ts"
import type { Allotment, AllotmentRequest } from "../../../src/core/limits/sharedBucket.ts"
import { SharedLimit } from "../../../src/core/limits/sharedLimit.ts"
import { Clock } from "../../support/processes.ts"

const settings: RateLimitSettings = { algorithm: "token-bucket", limit: 10, window: 1000, burst: 10, queue: 5, queueTimeout: Infinity }

const scene = () => {
  const clock = new Clock()
  const asked: Array<AllotmentRequest> = []
  const told: Array<SharingState> = []
  const script = { answer: (_: AllotmentRequest): Partial<Allotment> => ({}) }
  const store = limiterStore({
    take: async (request) => {
      asked.push(request)
      return { granted: request.want, kept: request.holds, retryAfter: 0, processes: 1, ...script.answer(request) }
    }
  })
  const limit = makeRateLimit("payments", { ...settings, sharing: { store, processes: 1 } }, clock, (state) => told.push(state))
  const granted: Array<number> = []
  const wait = (weight: number) => limit.wait({ ahead: null, behind: null, weight, granted: () => granted.push(weight) }, clock.time)
  return { clock, asked, told, script, store, limit, granted, wait, enter: (weight = 1) => limit.enter(weight, clock.time) }
}

/** One that has been given so much. */
const holding = async (granted: number) => {
  const all = scene()
  all.script.answer = () => ({ granted })
  all.enter()
  await all.clock.pass(0)
  all.script.answer = () => ({})
  return all
}

describe("a limit that is shared", () => {
  it("is made by its store, and one that is not shared without", () => {
    const { clock, limit } = scene()
    assert.instanceOf(limit, SharedLimit)
    const own = makeRateLimit("payments", settings, clock, () => {})
    assert.instanceOf(own, RateLimit)
    assert.notInstanceOf(own, SharedLimit)
  })

  it("asks for who waits first, as a whole, and for all who wait", async () => {
    const { asked, clock, enter, granted, wait } = scene()
    enter(4)
    wait(4)
    wait(3)
    await clock.pass(0)
    assert.deepInclude(asked[0], { least: 4, want: 7 })
    assert.deepStrictEqual(granted, [4, 3])
  })

  it("stays with who waits, however long", async () => {
    const { asked, clock, enter, script, wait } = scene()
    script.answer = () => ({ granted: 0, retryAfter: 200_000 })
    enter(4)
    wait(4)
    await clock.pass(90_000)
    assert.isAbove(asked.length, 20)
    assert.isTrue(asked.every(({ lease }) => lease > 0))
    assert.isTrue(asked.every(({ least }) => least === 4))
  })

  it("lets as many as could pass wait for the first answer, and then as many as may", async () => {
    const { clock, enter, granted, script, wait } = scene()
    script.answer = () => ({ granted: 0, retryAfter: 500 })
    enter()
    assert.deepStrictEqual(Array.from({ length: 11 }, () => wait(1)), [...Array.from({ length: 10 }, () => true), false])
    await clock.pass(0)
    assert.isFalse(wait(1)) // it is known to be empty, and ten are more than may wait
    assert.isEmpty(granted)
  })

  it("gives back what it holds when it is turned off, and lets in who waits", async () => {
    const { asked, clock, granted, limit, wait } = await holding(6)
    wait(8)
    limit.open()
    await clock.pass(0)
    assert.deepStrictEqual(granted, [8])
    assert.deepInclude(asked.at(-1), { lease: 0, back: 6 })
  })

  it("keeps what it holds on the clock that it is on, and loses it on another", async () => {
    const { asked, clock, enter, granted, limit, wait } = await holding(6)
    limit.moveTo(clock)
    assert.isTrue(enter(2))
    wait(9)
    const other = new Clock(3)
    const before = asked.length
    limit.moveTo(other)
    await other.pass(0)
    assert.deepInclude(asked[before], { holds: 0, back: 0, least: 9 }) // for who waits
    assert.deepStrictEqual(granted, [9])
    assert.strictEqual(limit.port, other)
  })

  it("takes as many processes as it is told, from then on, and one where it is told none", async () => {
    const { clock, enter, limit, script, store, told } = scene()
    script.answer = () => { throw new Error("down") }
    limit.update({ ...settings, sharing: { store, processes: 5 } }, clock.time)
    enter()
    await clock.pass(0)
    assert.deepStrictEqual(told.map(({ processes }) => processes), [5])
    const other = scene()
    other.script.answer = script.answer
    other.limit.update({ ...settings, sharing: { store, processes: 5 } }, 0)
    other.limit.update(settings, 0)
    other.enter()
    await other.clock.pass(0)
    assert.deepStrictEqual(other.told.map(({ processes }) => processes), [1])
  })

  it("says what it could be at the earliest, after those who wait", async () => {
    const { limit, wait } = await holding(6)
    wait(10)
    assert.deepStrictEqual([limit.retryAfter(6, 0), limit.retryAfter(8, 0)], [0, 200])
  })
})
