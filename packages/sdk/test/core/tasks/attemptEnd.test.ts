import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { TaskStore } from "@outrigger/sdk"
import { AttemptEnd } from "../../../src/index.ts"

type End = AttemptEnd.AttemptEnd

const definition = TaskStore.defineTask("charge", { retry: { times: 2, base: 10_000, jitter: "none" } })
const claim: AttemptEnd.Claim = { id: "7", fence: "3", attempt: 1, handbacks: 0, waited: 0 }
const at = { id: claim.id, fence: claim.fence }
const failure = { name: "Error", message: "boom" }
const day = 24 * 3_600_000

const succeeded: End = { _tag: "Succeeded", result: { ok: true } }
const final: End = { _tag: "Failed", failure, retryable: false }
const retryable: End = { _tag: "Failed", failure, retryable: true }
const timedOut: End = { _tag: "TimedOut", timeout: 900_000 }
const down: End = { _tag: "Unavailable", failure: { name: "BreakerOpenError", message: "payments is open" }, retryAfter: 30_000 }
const unknownDown: End = { ...down, retryAfter: undefined }
const soonUp: End = { ...down, retryAfter: 5 }
const cutOff: End = { _tag: "CutOff", reason: "the worker is draining" }
const snoozed: End = { _tag: "Snoozed", delay: 600_000, reason: "not there yet" }
const timeoutFailure = { name: "TaskTimeout", message: "Task timeout after 900s" }

describe("settle", () => {
  it.each<readonly [string, End, Partial<AttemptEnd.Claim>, object]>([
    ["a result is stored", succeeded, {}, { _tag: "Succeed", ...at, result: { ok: true } }],
    ["a final failure is dead at once", final, {}, { _tag: "Die", ...at, failure }],
    ["a failure is tried again after its delay", retryable, {}, { _tag: "Retry", ...at, delay: 10_000, failure }],
    ["the second failure waits twice as long", retryable, { attempt: 2 }, { _tag: "Retry", ...at, delay: 20_000, failure }],
    ["the last failure is dead", retryable, { attempt: 3 }, { _tag: "Die", ...at, failure }],
    ["an attempt beyond the last is dead", retryable, { attempt: 9 }, { _tag: "Die", ...at, failure }],
    ["a timeout is tried again, in the words operators look for", timedOut, {}, { _tag: "Retry", ...at, delay: 10_000, failure: timeoutFailure }],
    ["the last timeout is dead", timedOut, { attempt: 3 }, { _tag: "Die", ...at, failure: timeoutFailure }],
    ["an open breaker hands back until it may let calls through", down, {}, { _tag: "HandBack", ...at, delay: 30_000, reason: "payments is open" }],
    ["an open breaker spends no attempt, not even the last", down, { attempt: 3 }, { _tag: "HandBack", ...at, delay: 30_000, reason: "payments is open" }],
    ["an outage of unknown length waits a second", unknownDown, {}, { _tag: "HandBack", ...at, delay: 1000, reason: "payments is open" }],
    ["no outage is asked about sooner than after a second", soonUp, {}, { _tag: "HandBack", ...at, delay: 1000, reason: "payments is open" }],
    ["the 100th hand-back still waits", down, { handbacks: 99 }, { _tag: "HandBack", ...at, delay: 30_000, reason: "payments is open" }],
    ["what waited just under a day still waits", down, { waited: day - 1 }, { _tag: "HandBack", ...at, delay: 30_000, reason: "payments is open" }],
    ["a drain hands back at once", cutOff, { attempt: 3, handbacks: 1000, waited: 9 * day }, { _tag: "HandBack", ...at, delay: 0, reason: "the worker is draining", counted: false }],
    ["a snooze hands back for as long as the handler wants, and does not count", snoozed, { attempt: 3, handbacks: 1000, waited: 9 * day }, { _tag: "HandBack", ...at, delay: 600_000, reason: "not there yet", counted: false }],
    ["no snooze is shorter than a second", { ...snoozed, delay: 5 }, {}, { _tag: "HandBack", ...at, delay: 1000, reason: "not there yet", counted: false }]
  ])("%s", (_, end, changes, expected) => {
    assert.deepStrictEqual(AttemptEnd.settle(end, { ...claim, ...changes }, definition, 0), expected)
  })

  it.each([
    ["after 100 hand-backs", { handbacks: 100 }, "payments is open; given up because it was handed back 100 times"],
    ["after a day", { waited: day }, "payments is open; given up because it has waited for 24 hours"]
  ])("gives a task whose dependency stays down up %s, and says so", (_, changes, message) => {
    assert.deepStrictEqual(AttemptEnd.settle(down, { ...claim, ...changes }, definition, 0), {
      _tag: "Die", ...at, failure: { name: "BreakerOpenError", message }
    })
  })

  it("tries nothing again that has no retries", () => {
    const once = TaskStore.defineTask("once", { retry: { times: 0 } })
    assert.strictEqual(AttemptEnd.settle(retryable, claim, once, 0)._tag, "Die")
  })

  it("spreads hand-backs over a quarter of their delay", () => {
    const delay = (random: number) => {
      const settlement = AttemptEnd.settle(down, claim, definition, random)
      return settlement._tag === "HandBack" ? settlement.delay : undefined
    }
    assert.deepStrictEqual([delay(0), delay(0.5), delay(0.9999)], [30_000, 33_750, 37_499])
  })

  it.each([
    ["more than 1 MiB", "x".repeat(1024 * 1024), /^result is 1048578 bytes of JSON, over the limit of 1048576/],
    ["a NUL", { rows: ["a\u0000"] }, /^result\.rows\[0\] holds a NUL/],
    ["a number that JSON cannot hold", Number.NaN, /^result is NaN/]
  ])("ends a task whose result is %s, and says where", (_, result, message) => {
    const settlement = AttemptEnd.settle({ _tag: "Succeeded", result }, claim, definition, 0)
    assert.strictEqual(settlement._tag === "Die" && settlement.failure.name, "InvalidResult")
    assert.match(settlement._tag === "Die" ? settlement.failure.message : "", message)
  })

  it("always answers under the claim's own id and fence, with a delay that a store takes", () => {
    const jitter = fc.constantFrom("none" as const, "full" as const, "equal" as const, "decorrelated" as const)
    const anyEnd = fc.constantFrom(succeeded, final, retryable, timedOut, down, unknownDown, soonUp, snoozed, cutOff)
    const counts = fc.record({ attempt: fc.integer({ min: 1, max: 2000 }), handbacks: fc.nat(200), waited: fc.nat(2 * day) })
    fc.assert(fc.property(anyEnd, counts, jitter, fc.nat(10_000), fc.double({ min: 0, max: 0.999999, noNaN: true }), (end, counted, kind, times, random) => {
      const { retry } = TaskStore.defineTask("any", { retry: { times, jitter: kind } })
      const settlement = AttemptEnd.settle(end, { ...claim, ...counted }, { retry }, random)
      assert.deepInclude(settlement, at)
      if (settlement._tag === "Retry") assert.isTrue(counted.attempt <= times && settlement.delay >= 0 && settlement.delay <= retry.max)
      if (settlement._tag === "HandBack") assert.isTrue(Number.isInteger(settlement.delay) && settlement.delay >= 0)
    }))
  })
})

describe("failureOf", () => {
  class Tagged extends Error {
    readonly _tag = "CardDeclined"
  }

  it.each<readonly [string, unknown, object]>([
    ["a tagged error by its tag", new Tagged("no funds"), { name: "CardDeclined", message: "no funds" }],
    ["an error by its class", new TypeError("not a function"), { name: "TypeError", message: "not a function" }],
    ["a thrown text as it is", "broken", { name: "Defect", message: "broken" }],
    ["a thrown value as JSON", { code: 7 }, { name: "Defect", message: '{"code":7}' }],
    ["a thrown undefined", undefined, { name: "Defect", message: "undefined" }]
  ])("shows %s", (_, cause, expected) => assert.deepStrictEqual(AttemptEnd.failureOf(cause), expected))

  it("keeps the encoded error beside it", () => {
    assert.deepStrictEqual(AttemptEnd.failureOf(new Error("x"), { code: 7 }), { name: "Error", message: "x", error: { code: 7 } })
  })

  it("leaves out of a message what PostgreSQL cannot hold", () => {
    assert.strictEqual(AttemptEnd.failureOf(new Error("a\u0000b\uD800c")).message, "ab\uFFFDc")
  })
})
