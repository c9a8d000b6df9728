import { assert, describe, it } from "vitest"
import { type Due, mostAtOnce, plan } from "../../../src/core/schedules/plan.ts"
import type { CatchUp } from "../../../src/core/schedules/schedule.ts"

const at = (text: string): number => Date.parse(`2026-11-25T${text}Z`)
const text = (slot: number | undefined) => slot === undefined ? undefined : new Date(slot).toISOString().slice(11, 19)
const hourly = (catchUp: CatchUp, next: string): Due => ({ rhythm: { cron: "0 * * * *", timeZone: "UTC" }, catchUp, next: at(next) })
const planned = (due: Due, now: string) => {
  const { next, slots } = plan(due, at(now))
  return [slots.map(text), text(next)] as const
}

describe("what fires", () => {
  it("is nothing before its time, and the slot at its time", () => {
    assert.deepStrictEqual(planned(hourly("one", "03:00:00"), "02:59:59.999"), [[], "03:00:00"])
    assert.deepStrictEqual(planned(hourly("one", "03:00:00"), "03:00:00"), [["03:00:00"], "04:00:00"])
  })

  it.each<CatchUp>(["skip", "one", "all"])("is each slot that is late by no more than a minute, under %s", (catchUp) => {
    assert.deepStrictEqual(planned(hourly(catchUp, "03:00:00"), "03:01:00"), [["03:00:00"], "04:00:00"])
    const often: Due = { rhythm: { every: 20_000 }, catchUp, next: at("03:00:00") }
    assert.deepStrictEqual(planned(often, "03:01:00"), [["03:00:00", "03:00:20", "03:00:40", "03:01:00"], "03:01:20"])
  })

  it.each<[CatchUp, string, ReadonlyArray<string>, string]>([
    ["skip", "06:30:00", [], "07:00:00"], ["skip", "06:00:30", ["06:00:00"], "07:00:00"], ["skip", "06:01:00", ["06:00:00"], "07:00:00"], ["skip", "06:01:00.001", [], "07:00:00"],
    ["one", "06:30:00", ["06:00:00"], "07:00:00"], ["one", "03:01:00.001", ["03:00:00"], "04:00:00"], ["one", "06:00:00", ["06:00:00"], "07:00:00"], ["one", "04:00:00", ["04:00:00"], "05:00:00"], ["one", "03:59:59", ["03:00:00"], "04:00:00"],
    ["all", "06:30:00", ["03:00:00", "04:00:00", "05:00:00", "06:00:00"], "07:00:00"], ["all", "03:30:00", ["03:00:00"], "04:00:00"]
  ])("after an outage from 03:00, under %s at %s", (catchUp, now, slots, next) => {
    assert.deepStrictEqual<unknown>(planned(hourly(catchUp, "03:00:00"), now), [slots, next])
  })

  it("under skip is what is due within the minute, of many that were missed", () => {
    const often: Due = { rhythm: { every: 20_000 }, catchUp: "skip", next: at("03:00:00") }
    assert.deepStrictEqual(planned(often, "05:00:10"), [["04:59:20", "04:59:40", "05:00:00"], "05:00:20"])
  })

  it("under all is bounded, and goes on where it ended", () => {
    const often: Due = { rhythm: { every: 1000 }, catchUp: "all", next: at("03:00:00") }
    const first = plan(often, at("12:00:00"))
    assert.strictEqual(first.slots.length, mostAtOnce)
    assert.strictEqual(first.next, first.slots.at(-1)! + 1000)
    assert.strictEqual(plan({ ...often, next: first.next! }, at("12:00:00")).slots[0], first.next)
  })

  it("under one is the newest, however dense the slots and however long the outage", () => {
    const next = Date.parse("2020-01-01T00:00:00Z")
    const now = at("02:59:59.500")
    assert.deepStrictEqual(plan({ rhythm: { cron: "* * * * * *", timeZone: "Europe/Paris" }, catchUp: "one", next }, now), { slots: [at("02:59:59")], next: at("03:00:00") })
    assert.deepStrictEqual(plan({ rhythm: { cron: "0 0 1 1 *", timeZone: "UTC" }, catchUp: "one", next }, now), { slots: [Date.parse("2026-01-01T00:00:00Z")], next: Date.parse("2027-01-01T00:00:00Z") })
  })

  it("is a slot of the rule before, when that is what was due", () => {
    assert.deepStrictEqual(planned(hourly("one", "03:17:00"), "03:30:00"), [["03:17:00"], "04:00:00"])
    assert.deepStrictEqual(planned(hourly("all", "03:17:00"), "05:30:00"), [["03:17:00", "04:00:00", "05:00:00"], "06:00:00"])
  })

  it.each<[CatchUp, number]>([["skip", 0], ["one", 1], ["all", 1]])("of the last slot that there is, missed, is as ever under %s, and none is next", (catchUp, count) => {
    const last = Date.parse("9999-12-31T00:00:00Z")
    const { next, slots } = plan({ rhythm: { cron: "0 0 31 12 *", timeZone: "UTC" }, catchUp, next: last }, last + 3_600_000)
    assert.deepStrictEqual([slots, next], [Array.from({ length: count }, () => last), undefined])
  })
})
