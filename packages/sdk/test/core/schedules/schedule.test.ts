import { assert, describe, it } from "vitest"
import { changeRule, readRule, type RuleInput } from "../../../src/core/schedules/schedule.ts"
import { InvalidOption } from "../../../src/core/tasks/taskErrors.ts"

const refusal = (options: RuleInput, name = "nightly"): InvalidOption => {
  try {
    readRule(name, "charge", options)
  } catch (error) {
    if (error instanceof InvalidOption) return error
  }
  throw new Error("it was taken")
}

describe("a rule", () => {
  it("has what was left out filled in", () => {
    assert.deepStrictEqual(readRule("n", "t", { cron: " 0 3 * * * " }), { rhythm: { cron: "0 3 * * *", timeZone: "UTC" }, catchUp: "one" })
    assert.deepStrictEqual(readRule("n", "t", { cron: "@daily", timeZone: "Europe/Paris", catchUp: "all" }), { rhythm: { cron: "@daily", timeZone: "Europe/Paris" }, catchUp: "all" })
    assert.deepStrictEqual(readRule("n", "t", { every: "5 minutes", catchUp: "skip" }), { rhythm: { every: 300_000 }, catchUp: "skip" })
    assert.deepStrictEqual([readRule("n", "t", { every: 1000 }), readRule("n", "t", { every: "365 days" })].map(({ rhythm }) => rhythm.every), [1000, 31_536_000_000])
  })

  it.each<[RuleInput, string, string]>([
    [{}, "cron", 'Task "charge", schedule "nightly": cron is undefined, but must be given, or every in its place'],
    [{ cron: "0 3 * * *", every: 1000 }, "cron", 'Task "charge", schedule "nightly": cron is "0 3 * * *", but must be left out where every is given'],
    [{ cron: "0 25 * * *" }, "cron", 'Task "charge", schedule "nightly": cron is "0 25 * * *", but must be a cron expression: the hour "25" must be from 0 to 23'],
    [{ cron: "0 0 30 2 *" }, "cron", 'Task "charge", schedule "nightly": cron is "0 0 30 2 *", but must be an expression that fires at some time: no month that it names has such a day'],
    [{ cron: 5 }, "cron", 'Task "charge", schedule "nightly": cron is 5, but must be an expression such as "0 3 * * *"'],
    [{ cron: "0 3 * * *", timeZone: "Paris" }, "timeZone", 'Task "charge", schedule "nightly": timeZone is Paris, but must be an IANA time zone such as "Europe/Paris"'],
    [{ cron: "0 3 * * *", timeZone: 7 }, "timeZone", 'Task "charge", schedule "nightly": timeZone is 7, but must be an IANA time zone such as "Europe/Paris"'],
    [{ cron: "0 3 * * *", catchUp: "some" }, "catchUp", 'Task "charge", schedule "nightly": catchUp is some, but must be skip, one or all'],
    [{ every: "soon" }, "every", 'Task "charge", schedule "nightly": every is "soon", but must be a duration from "1 second" to "365 days", in whole milliseconds'],
    [{ every: 999 }, "every", 'Task "charge", schedule "nightly": every is 999, but must be a duration from "1 second" to "365 days", in whole milliseconds'],
    [{ every: 31_536_000_001 }, "every", 'Task "charge", schedule "nightly": every is 31536000001, but must be a duration from "1 second" to "365 days", in whole milliseconds'],
    [{ every: 1000.5 }, "every", 'Task "charge", schedule "nightly": every is 1000.5, but must be a duration from "1 second" to "365 days", in whole milliseconds'],
    [{ every: 1000, timeZone: "UTC" }, "timeZone", 'Task "charge", schedule "nightly": timeZone is UTC, but must be left out beside every, which is counted in UTC']
  ])("%j is refused with the reason", (options, option, message) => {
    const error = refusal(options)
    assert.deepStrictEqual([error.task, error.option, error.message], ["charge", option, message])
  })

  it.each([[""], ["a b"], ["x".repeat(101)], ["-a"], ["a/b"]])("of the name %j is refused", (name) => {
    assert.strictEqual(refusal({ every: 1000 }, name).option, "name")
  })

  it("is not read at a length that only an attack has", () => {
    assert.strictEqual(refusal({ cron: `${"1,".repeat(300)}1 * * * *` }).option, "cron")
  })
})

describe("a change", () => {
  const nightly = readRule("n", "t", { cron: "0 3 * * *", timeZone: "Europe/Paris", catchUp: "skip" })
  const often = readRule("n", "t", { every: 60_000, catchUp: "all" })

  it.each([
    [nightly, { catchUp: "all" }, { rhythm: { cron: "0 3 * * *", timeZone: "Europe/Paris" }, catchUp: "all" }],
    [nightly, { timeZone: "UTC" }, { rhythm: { cron: "0 3 * * *", timeZone: "UTC" }, catchUp: "skip" }],
    [nightly, { cron: "0 4 * * *" }, { rhythm: { cron: "0 4 * * *", timeZone: "Europe/Paris" }, catchUp: "skip" }],
    [nightly, { cron: "0 4 * * *", timeZone: "Asia/Tokyo" }, { rhythm: { cron: "0 4 * * *", timeZone: "Asia/Tokyo" }, catchUp: "skip" }],
    [nightly, { every: "1 minute" }, { rhythm: { every: 60_000 }, catchUp: "skip" }],
    [often, { cron: "@daily" }, { rhythm: { cron: "@daily", timeZone: "UTC" }, catchUp: "all" }],
    [often, { every: 120_000 }, { rhythm: { every: 120_000 }, catchUp: "all" }],
    [often, { catchUp: "one" }, { rhythm: { every: 60_000 }, catchUp: "one" }]
  ])("keeps what it leaves out: %#", (rule, change, after) => assert.deepStrictEqual(changeRule("n", "t", rule, change), after as typeof rule))

  it("is refused when both do not go together", () => {
    assert.throws(() => changeRule("n", "t", often, { timeZone: "UTC" }), InvalidOption, "left out beside every")
    assert.throws(() => changeRule("n", "t", nightly, { cron: "@daily", every: 1000 }), InvalidOption, "left out where every is given")
  })
})
