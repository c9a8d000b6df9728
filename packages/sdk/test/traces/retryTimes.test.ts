import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { effectFace } from "./effectFace.ts"
import { promiseFace } from "./promiseFace.ts"
import { type Case, retryTimes } from "./retryTimes.ts"
import { call, fails, hangs, ok, pending, type Reply, type Script, status } from "./trace.ts"

/**
 * Every duration is a multiple of 10, and an attempt's own end comes 1 ms after such a one, the call's 9 ms: with at most 6
 * attempts no two of them ever meet, and nothing depends on which of two timers is first.
 */
const tens = (most: number) => fc.integer({ min: 1, max: most }).map((n) => n * 10)

const reply: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom<Reply["kind"]>("fails", "fails", "fails", "ok", "pending", "bug", 503, 404), after: fc.oneof(fc.constant(0), tens(30)), deaf: fc.constantFrom(0, 0, 50) }) },
  { weight: 1, arbitrary: fc.record({ after: tens(10), seconds: fc.integer({ min: 0, max: 3 }) }).map(({ after, seconds }) => status(503, after, seconds)) },
  { weight: 1, arbitrary: fc.constant(hangs) }
)

const cases: fc.Arbitrary<Case> = fc.record({
  timeout: fc.oneof(tens(400).map((n) => n + 9), fc.constant(Infinity)),
  attemptTimeout: fc.oneof(tens(20).map((n) => n + 1), fc.constant(Infinity)),
  retry: fc.record({
    times: fc.nat(5),
    base: fc.constantFrom(0, 40, 80, 160), // a quarter of it is whole, and a multiple of 10
    factor: fc.constantFrom(1, 2, 4),
    max: fc.constantFrom(160, 640, 30_000),
    jitter: fc.constantFrom("none" as const, "full" as const, "equal" as const),
    maxElapsed: fc.oneof(tens(200), fc.constant(Infinity))
  }),
  untilDone: fc.boolean(),
  chance: fc.constantFrom(0, 0.25, 0.5, 0.75),
  replies: fc.array(reply, { minLength: 1, maxLength: 6 })
}).filter(({ replies, timeout }) => timeout < Infinity || replies.every(({ after }) => after < Infinity))

/** Each delay depends on the one before, so no other time is on a known grid, and there is none. All are whole nanoseconds. */
const decorrelated: fc.Arbitrary<Case> = fc.record({
  timeout: fc.constant(Infinity), attemptTimeout: fc.constant(Infinity),
  retry: fc.record({
    times: fc.nat(3), base: fc.constantFrom(1, 40, 100), factor: fc.constant(2), max: fc.constantFrom(100, 500, 30_000),
    jitter: fc.constant("decorrelated" as const), maxElapsed: fc.constantFrom(Infinity, 500)
  }),
  untilDone: fc.constant(false), chance: fc.constantFrom(0, 0.25, 0.5, 0.75),
  replies: fc.array(fc.constantFrom(fails(), fails(10), status(503, 0, 1), ok()), { minLength: 1, maxLength: 6 })
})

const scriptOf = ({ attemptTimeout, chance, replies, retry, timeout, untilDone }: Case): Script => ({
  policy: { timeout, attemptTimeout, retry: { ...retry, budget: false, whileResult: untilDone ? (result) => result === "pending" : undefined } },
  chance: [chance],
  steps: [call(0, "a", replies)]
})

const begunAndHeard = (log: ReadonlyArray<string>) => log.filter((line) => / a (\d begins|gets|fails)/.test(line))

describe.each([
  ["promise", promiseFace, 3000], ["Effect", effectFace, 1500]
] as const)("one call of the %s face", (_, face, numRuns) => {
  it("tries when its model tries, and comes to the same", async () => {
    await fc.assert(fc.asyncProperty(cases, async (one) => {
      assert.deepStrictEqual(begunAndHeard((await face(scriptOf(one))).observed.log), retryTimes(one))
    }), { numRuns })
  })

  it("waits, decorrelated, for what its model waits", async () => {
    await fc.assert(fc.asyncProperty(decorrelated, async (one) => {
      assert.deepStrictEqual(begunAndHeard((await face(scriptOf(one))).observed.log), retryTimes(one))
    }), { numRuns: numRuns / 5 })
  })
})

describe("the model itself", () => {
  const one: Case = {
    timeout: 1009, attemptTimeout: 51, untilDone: true, chance: 0.5, replies: [fails(10), hangs, status(503), pending(), ok(20)],
    retry: { times: 5, base: 40, factor: 2, max: 160, jitter: "none", maxElapsed: Infinity }
  }
  it("gives what anybody can count", () => {
    assert.deepStrictEqual(retryTimes(one), ["0 a 1 begins", "50 a 2 begins", "181 a 3 begins", "341 a 4 begins", "501 a 5 begins", "521 a gets ok"])
    assert.deepStrictEqual(retryTimes({ ...one, retry: { ...one.retry, maxElapsed: 340 } }), ["0 a 1 begins", "50 a 2 begins", "181 a 3 begins", "181 a gets status 503"])
  })
})
