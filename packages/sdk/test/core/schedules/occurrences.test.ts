import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { CronFault, isEveryHour, parseCron } from "../../../src/core/schedules/cron.ts"
import { nextSlot, type Rhythm } from "../../../src/core/schedules/occurrences.ts"
import { isTimeZone } from "../../../src/core/schedules/zone.ts"

const slots = (rhythm: Rhythm, after: string, count: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  let at: number | undefined = Date.parse(after)
  while (found.length < count && (at = nextSlot(rhythm, at)) !== undefined) found.push(new Date(at).toISOString().replace(".000Z", "Z"))
  return found
}

type Case = readonly [what: string, cron: string, timeZone: string, after: string, slots: ReadonlyArray<string>]

/** Known answers, worked out by hand from the dates on which the clocks are changed. */
const named: ReadonlyArray<Case> = [
  ["Paris, an ordinary night", "0 3 * * *", "Europe/Paris", "2026-11-24T12:00:00Z", ["2026-11-25T02:00:00Z", "2026-11-26T02:00:00Z"]],
  ["Paris, spring: 02:30 is not there, and fires at 03:00", "30 2 * * *", "Europe/Paris", "2026-03-28T00:00:00Z", ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]],
  ["Paris, spring: four times are not there, and fire once", "*/15 2 * * *", "Europe/Paris", "2026-03-28T20:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:15:00Z"]],
  ["Paris, spring: 03:00 fires once, though 02:30 fell upon it", "0,30 2,3 * * *", "Europe/Paris", "2026-03-28T20:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"]],
  ["Paris, autumn: 02:30 comes twice, and fires the first time (river#283 boss#592 node-cron#563)", "30 2 * * *", "Europe/Paris", "2026-10-24T12:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]],
  ["Paris, autumn: asked between the two 02:30, the night is over", "30 2 * * *", "Europe/Paris", "2026-10-25T01:00:00Z", ["2026-10-26T01:30:00Z"]],
  ["Paris, autumn: every two hours", "0 */2 * * *", "Europe/Paris", "2026-10-24T21:00:00Z", ["2026-10-24T22:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"]],
  ["New York, spring", "30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]],
  ["New York, autumn", "30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]],
  ["Lord Howe, spring: half an hour is not there", "15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00:00Z", ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]],
  ["Lord Howe, spring: 02:30 is there", "30 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", ["2026-10-03T15:30:00Z", "2026-10-04T15:30:00Z"]],
  ["Lord Howe, autumn: half an hour comes twice", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]],
  ["Lord Howe, autumn: 01:15 comes once", "15 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", ["2026-04-04T14:15:00Z", "2026-04-05T14:45:00Z"]],
  ["Cairo: the midnight that is not there fires at 01:00 (jobrunr#1145)", "@daily", "Africa/Cairo", "2026-04-22T23:00:00Z", ["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]],
  ["Samoa left out a whole day: its hours fire at its end, once", "0 3,15 * * *", "Pacific/Apia", "2011-12-29T20:00:00Z", ["2011-12-30T01:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T13:00:00Z"]],
  ["a weekday is the zone's, not UTC's", "0 1 * * mon", "Asia/Tokyo", "2026-11-25T00:00:00Z", ["2026-11-29T16:00:00Z"]],
  ["a zone of a quarter of an hour", "0 0 * * *", "Asia/Kathmandu", "2026-11-25T00:00:00Z", ["2026-11-25T18:15:00Z"]],
  ["UTC", "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00Z"]]
]

const everyHour: ReadonlyArray<Case> = [
  ["Paris, spring: what is not there does not fire", "20 * * * *", "Europe/Paris", "2026-03-29T00:00:00Z", ["2026-03-29T00:20:00Z", "2026-03-29T01:20:00Z"]],
  ["Paris, spring: a quarter of an hour lies between all", "*/15 * * * *", "Europe/Paris", "2026-03-29T00:30:00Z", ["2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"]],
  ["Paris, autumn: twenty minutes lie between all", "*/20 * * * *", "Europe/Paris", "2026-10-25T00:10:00Z", ["2026-10-25T00:20:00Z", "2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:20:00Z", "2026-10-25T01:40:00Z", "2026-10-25T02:00:00Z"]],
  ["New York, spring: 01:45, then 03:00", "*/15 * * * *", "America/New_York", "2026-03-08T06:40:00Z", ["2026-03-08T06:45:00Z", "2026-03-08T07:00:00Z"]],
  ["New York, autumn: 8 quarters from 01:00 to 02:00", "*/15 * * * *", "America/New_York", "2026-11-01T04:50:00Z", ["05:00", "05:15", "05:30", "05:45", "06:00", "06:15", "06:30", "06:45", "07:00"].map((time) => `2026-11-01T${time}:00Z`)],
  ["Lord Howe, spring", "*/10 * * * *", "Australia/Lord_Howe", "2026-10-03T15:10:00Z", ["2026-10-03T15:20:00Z", "2026-10-03T15:30:00Z"]],
  ["Lord Howe, spring: 02:00 is not there", "@hourly", "Australia/Lord_Howe", "2026-10-03T14:00:00Z", ["2026-10-03T14:30:00Z", "2026-10-03T16:00:00Z"]],
  ["Lord Howe, autumn: 01:45 twice", "45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", ["2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T16:15:00Z"]],
  ["beyond the next change of the clocks", "0 * 1 12 *", "Europe/Paris", "2026-07-01T00:00:00Z", ["2026-11-30T23:00:00Z", "2026-12-01T00:00:00Z"]]
]

describe("an expression that names hours fires each time of a day once", () => {
  it.each(named)("%s: %s", (_, cron, timeZone, after, expected) => assert.deepStrictEqual(slots({ cron, timeZone }, after, expected.length), expected))
})

describe("an expression that runs every hour fires whenever the wall shows its time", () => {
  it.each(everyHour)("%s: %s", (_, cron, timeZone, after, expected) => assert.deepStrictEqual(slots({ cron, timeZone }, after, expected.length), expected))
})

const step = 600_000

interface Look {
  readonly instant: number
  /** What the wall shows, as UTC would have it. */
  readonly wall: number
}

/** Two days of looks at the wall before a change of the clocks, and two after it, by another way than the code has. */
const looksAround = (timeZone: string, change: number): ReadonlyArray<Look> => {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" })
  return Array.from({ length: 4 * 144 + 1 }, (_, index) => change + (index - 2 * 144) * step)
    .map((instant) => ({ instant, wall: Date.parse(`${format.format(instant).replace(" ", "T")}Z`) }))
}

/** All slots of these days: each look, and each wall that was jumped over. */
const bruteForce = (cron: string, looks: ReadonlyArray<Look>): ReadonlyArray<number> => {
  const fields = parseCron(cron)
  if (fields instanceof CronFault) throw new Error(fields.reason)
  const passing = isEveryHour(fields)
  const isNamed = (wall: number) => fields.minutes.includes(new Date(wall).getUTCMinutes()) && fields.hours.includes(new Date(wall).getUTCHours())
  const seen = new Set<number>()
  const found = new Set<number>()
  looks.forEach(({ instant, wall }, index) => {
    if (isNamed(wall) && (passing || !seen.has(wall))) found.add(instant)
    seen.add(wall)
    if (index === 0 || passing) return
    for (let jumped = looks[index - 1]!.wall + step; jumped < wall; jumped += step) if (isNamed(jumped)) found.add(instant)
  })
  return [...found]
}

describe("the next slot", () => {
  it("is what looking at each instant finds, around every change of the clocks", () => {
    const changes = [
      ["Europe/Paris", "2026-03-29T01:00:00Z"], ["Europe/Paris", "2026-10-25T01:00:00Z"], ["America/New_York", "2026-03-08T07:00:00Z"], ["America/New_York", "2026-11-01T06:00:00Z"],
      ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"], ["Australia/Lord_Howe", "2026-10-03T15:30:00Z"], ["Africa/Cairo", "2026-04-23T22:00:00Z"], ["Asia/Kolkata", "2026-06-01T00:00:00Z"]
    ] as const
    const tens = fc.uniqueArray(fc.constantFrom(0, 10, 20, 30, 40, 50), { minLength: 1 }).map((list) => list.join(","))
    const hours = fc.oneof(fc.constant("*"), fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1 }).map((list) => list.join(",")))
    const looks = new Map(changes.map((change) => [change, looksAround(change[0], Date.parse(change[1]))]))
    fc.assert(fc.property(fc.constantFrom(...changes), tens, hours, fc.integer({ min: -30, max: 30 }), (change, minute, hour, offset) => {
      const after = Date.parse(change[1]) + offset * step
      const cron = `${minute} ${hour} * * *`
      const first = bruteForce(cron, looks.get(change)!).find((instant) => instant > after)
      assert.strictEqual(nextSlot({ cron, timeZone: change[0] }, after), first)
    }), { numRuns: 600 })
  })

  it("of an interval is its next multiple since 1970, wherever one is", () => {
    assert.deepStrictEqual(slots({ every: 300_000 }, "2026-01-01T00:00:01Z", 2), ["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"])
    assert.deepStrictEqual(slots({ every: 300_000 }, "2026-01-01T00:05:00Z", 1), ["2026-01-01T00:10:00Z"])
    assert.deepStrictEqual(slots({ every: 86_400_000 }, "2026-03-29T00:00:00.001Z", 1), ["2026-03-30T00:00:00Z"])
  })

  it("is none past the year 9999", () => {
    assert.deepStrictEqual(slots({ cron: "59 23 31 12 *", timeZone: "UTC" }, "9998-12-31T23:59:00Z", 3), ["9999-12-31T23:59:00Z"])
    assert.deepStrictEqual(slots({ cron: "59 59 23 * * *", timeZone: "UTC" }, "9999-12-30T23:59:59Z", 2), ["9999-12-31T23:59:59Z"])
    assert.isUndefined(nextSlot({ every: 86_400_000 }, Date.parse("9999-12-31T00:00:00Z")))
  })

  it("is none of an expression that never fires", () => {
    for (const cron of ["* * 30 2 *", "0 3 30 2 *"]) assert.isUndefined(nextSlot({ cron, timeZone: "UTC" }, 0))
  })

  it("of what is no expression is an error that says why", () => {
    assert.throws(() => nextSlot({ cron: "99 * * * *", timeZone: "UTC" }, 0), RangeError, 'The cron expression "99 * * * *" cannot be read: the minute "99" must be from 0 to 59')
    assert.throws(() => nextSlot({ cron: "0 3 * * *", timeZone: "Mars/Olympus" }, 0), RangeError)
  })
})

describe("a time zone", () => {
  it("is a name that the runtime knows", () => {
    assert.deepStrictEqual(["UTC", "Europe/Paris", "america/new_york", "Mars/Olympus", "", "CEST!"].map(isTimeZone), [true, true, true, false, false, false])
  })
})
