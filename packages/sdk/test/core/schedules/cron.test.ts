import { assert, describe, it } from "vitest"
import { type Cron, CronFault, isEveryHour, neverFires, nextWall, parseCron } from "../../../src/core/schedules/cron.ts"

const read = (text: string): Cron => {
  const cron = parseCron(text)
  if (cron instanceof CronFault) throw new Error(cron.reason)
  return cron
}
const reasonOf = (text: string): string => {
  const cron = parseCron(text)
  return cron instanceof CronFault ? cron.reason : `it was read: ${JSON.stringify(cron)}`
}
const from = (least: number, most: number, step = 1) => Array.from({ length: Math.floor((most - least) / step) + 1 }, (_, index) => least + index * step)
/** The next times after a moment, as a wall shows them. */
const walls = (text: string, after: string, count: number): ReadonlyArray<string> => {
  const cron = read(text)
  const found: Array<string> = []
  let wall: number | undefined = Date.parse(`${after}Z`)
  while (found.length < count && (wall = nextWall(cron, wall)) !== undefined) found.push(new Date(wall).toISOString().slice(0, 19))
  return found
}

describe("a cron expression", () => {
  it("has minute, hour, day, month and weekday, and a second of 0 that is not said", () => {
    assert.deepStrictEqual(read("1 2 3 4 5"), { seconds: [0], minutes: [1], hours: [2], days: [3], lastDay: false, months: [4], weekdays: [5], either: true })
    assert.deepStrictEqual(read("0 1 2 3 4 5"), read("1 2 3 4 5"))
    assert.deepStrictEqual(read("  59   1\t2 3 4 5 ").seconds, [59])
  })

  it.each<[string, keyof Cron, ReadonlyArray<number>]>([
    ["* * * * *", "minutes", from(0, 59)], ["* * * * *", "hours", from(0, 23)], ["* * * * *", "days", from(1, 31)],
    ["* * * * *", "months", from(1, 12)], ["* * * * *", "weekdays", from(0, 6)], ["* * * * * *", "seconds", from(0, 59)],
    ["*/15 * * * *", "minutes", [0, 15, 30, 45]], ["5/20 * * * *", "minutes", [5, 25, 45]], ["10-20/5 * * * *", "minutes", [10, 15, 20]],
    ["30,5,30,10-12 * * * *", "minutes", [5, 10, 11, 12, 30]], ["*/45 * * * *", "minutes", [0, 45]], ["0 0-23/8 * * *", "hours", [0, 8, 16]],
    ["0 0 * JAN-mar,dec *", "months", [1, 2, 3, 12]], ["0 0 * * mon-Fri", "weekdays", [1, 2, 3, 4, 5]], ["0 0 L * *", "days", []],
    ["0 0 * jan,feb,mar,apr,may,jun *", "months", from(1, 6)], ["0 0 * jul,aug,sep,oct,nov,dec *", "months", from(7, 12)], ["0 0 * * sun,mon,tue,wed,thu,fri,sat", "weekdays", from(0, 6)], ["0 0 * * 0,7", "weekdays", [0]],
    ["0 0 * * 5-7", "weekdays", [0, 5, 6]], ["0 0 * * sun", "weekdays", [0]], ["0 0 */10 * *", "days", [1, 11, 21, 31]], ["00 07 * * *", "hours", [7]]
  ])("%s names the %s %j", (text, field, values) => assert.deepStrictEqual(read(text)[field], values))

  it.each([
    ["@yearly", "0 0 1 1 *"], ["@annually", "0 0 1 1 *"], ["@monthly", "0 0 1 * *"], ["@weekly", "0 0 * * 0"], ["@daily", "0 0 * * *"], ["@midnight", "0 0 * * *"],
    ["@hourly", "0 * * * *"], [" @Daily ", "0 0 * * *"]
  ])("%s is %s", (nickname, text) => assert.deepStrictEqual(read(nickname), read(text)))

  it.each([
    ["", "it has no fields, and needs 5 (minute hour day-of-month month day-of-week) or 6, with seconds first"],
    ["* * * *", "it has 4 fields, and needs 5 (minute hour day-of-month month day-of-week) or 6, with seconds first"],
    ["* * * * * * *", "it has 7 fields, and needs 5 (minute hour day-of-month month day-of-week) or 6, with seconds first"],
    ["60 * * * *", 'the minute "60" must be from 0 to 59'], ["61 * * * * *", 'the second "61" must be from 0 to 59'], ["0 24 * * *", 'the hour "24" must be from 0 to 23'],
    ["0 0 0 * *", 'the day of the month "0" must be from 1 to 31'], ["0 0 32 * *", 'the day of the month "32" must be from 1 to 31'],
    ["0 0 * 0 *", 'the month "0" must be from 1 to 12 or jan to dec'], ["0 0 * 13 *", 'the month "13" must be from 1 to 12 or jan to dec'],
    ["0 0 * * 8", 'the day of the week "8" must be from 0 to 7 or sun to sat'], ["0 0 * mon *", 'the month "mon" must be from 1 to 12 or jan to dec'],
    ["-1 * * * *", 'the minute "-1" must be from 0 to 59'], ["1- * * * *", 'the minute "1-" must be from 0 to 59'], ["1-2-3 * * * *", 'the minute "1-2-3" must be from 0 to 59'],
    ["1.5 * * * *", 'the minute "1.5" must be from 0 to 59'], ["1e1 * * * *", 'the minute "1e1" must be from 0 to 59'], ["001 * * * *", 'the minute "001" must be from 0 to 59'],
    ["*-5 * * * *", 'the minute "*-5" must be from 0 to 59'], ["? * * * *", 'the minute "?" must be from 0 to 59'],
    ["30-10 * * * *", 'the minute "30-10" is a range that ends before it begins: write two, with a comma'],
    ["0 0 * * fri-mon", 'the day of the week "fri-mon" is a range that ends before it begins: write two, with a comma'],
    ["*/0 * * * *", 'the minute "*/0" has a step that is no whole number from 1'], ["*/ * * * *", 'the minute "*/" has a step that is no whole number from 1'],
    ["*/x * * * *", 'the minute "*/x" has a step that is no whole number from 1'], ["*/-5 * * * *", 'the minute "*/-5" has a step that is no whole number from 1'],
    ["*/5x * * * *", 'the minute "*/5x" has a step that is no whole number from 1'], ["*/x5 * * * *", 'the minute "*/x5" has a step that is no whole number from 1'],
    ["1,,2 * * * *", 'the minute "" is not *, a value, a range such as 1-5, or one of them with a step such as */10'],
    ["/5 * * * *", 'the minute "/5" is not *, a value, a range such as 1-5, or one of them with a step such as */10'],
    ["1/2/3 * * * *", 'the minute "1/2/3" is not *, a value, a range such as 1-5, or one of them with a step such as */10'],
    ["0 0 L-1 * *", 'the day of the month "L-1" must be from 1 to 31'], ["0 0 * * 5L", 'the day of the week "5L" must be from 0 to 7 or sun to sat'],
    ["@reboot", "there is no @reboot; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"]
  ])("%j is refused", (text, reason) => assert.strictEqual(reasonOf(text), reason))

  it("runs every hour when it names all of them, however it says so", () => {
    assert.deepStrictEqual(["* * * * *", "0 0-23 * * *", "0 */1 * * *", "0 */2 * * *", "0 1-23 * * *"].map((text) => isEveryHour(read(text))), [true, true, true, false, false])
  })

  it.each([
    ["0 0 30 2 *"], ["0 0 31 2,4,6,9,11 *"], ["0 0 30,31 feb *"], ["0 0 30 2 */2"]
  ])("%s never fires", (text) => assert.isTrue(neverFires(read(text))))

  it.each([
    ["0 0 29 2 *"], ["0 0 31 2,3 *"], ["0 0 30 2 mon"], ["0 0 L 2 *"], ["* * * * *"], ["0 0 29 2 */7"]
  ])("%s fires at some time", (text) => assert.isFalse(neverFires(read(text))))
})

describe("the next time of an expression", () => {
  it.each<[string, string, ReadonlyArray<string>]>([
    ["* * * * *", "2026-01-01T00:00:00", ["2026-01-01T00:01:00", "2026-01-01T00:02:00"]],
    ["* * * * *", "2026-01-01T00:00:59.999", ["2026-01-01T00:01:00"]],
    ["* * * * * *", "2026-01-01T23:59:58.500", ["2026-01-01T23:59:59", "2026-01-02T00:00:00"]],
    ["15,45 30 * * * *", "2026-01-01T00:30:15", ["2026-01-01T00:30:45", "2026-01-01T01:30:15"]],
    ["*/15 8-9 * * *", "2026-01-01T08:40:00", ["2026-01-01T08:45:00", "2026-01-01T09:00:00", "2026-01-01T09:15:00"]],
    ["30 9 * * *", "2026-01-01T09:30:00", ["2026-01-02T09:30:00"]],
    ["30 9 * * *", "2026-01-01T09:29:59", ["2026-01-01T09:30:00"]],
    ["30 9,17 * * *", "2026-01-01T12:45:00", ["2026-01-01T17:30:00", "2026-01-02T09:30:00"]],
    ["0 0 1 * *", "2026-12-01T00:00:00", ["2027-01-01T00:00:00", "2027-02-01T00:00:00"]],
    ["0 0 31 * *", "2026-01-31T00:00:00", ["2026-03-31T00:00:00", "2026-05-31T00:00:00", "2026-07-31T00:00:00", "2026-08-31T00:00:00"]],
    ["0 0 L * *", "2026-01-31T00:00:00", ["2026-02-28T00:00:00", "2026-03-31T00:00:00", "2026-04-30T00:00:00"]],
    ["0 0 15,L 2 *", "2028-02-01T00:00:00", ["2028-02-15T00:00:00", "2028-02-29T00:00:00", "2029-02-15T00:00:00"]],
    ["0 0 29 2 *", "2026-01-01T00:00:00", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]],
    ["0 0 29 2 *", "2096-03-01T00:00:00", ["2104-02-29T00:00:00"]],
    ["0 0 29 2 */7", "2072-03-01T00:00:00", ["2088-02-29T00:00:00", "2128-02-29T00:00:00"]],
    ["0 12 * * mon", "2026-11-25T00:00:00", ["2026-11-30T12:00:00", "2026-12-07T12:00:00"]],
    ["0 0 * 3 *", "2026-03-31T00:00:00", ["2027-03-01T00:00:00"]],
    ["0 0 13 * fri", "2026-11-06T12:00:00", ["2026-11-13T00:00:00", "2026-11-20T00:00:00", "2026-11-27T00:00:00", "2026-12-04T00:00:00", "2026-12-11T00:00:00", "2026-12-13T00:00:00"]],
    ["0 0 */2 * fri", "2026-11-06T12:00:00", ["2026-11-13T00:00:00", "2026-11-27T00:00:00", "2026-12-11T00:00:00"]],
    ["0 0 13 * */5", "2026-11-06T12:00:00", ["2026-11-13T00:00:00", "2026-12-13T00:00:00"]],
    ["@weekly", "2026-11-25T00:00:00", ["2026-11-29T00:00:00"]]
  ])("%s after %s", (text, after, times) => assert.deepStrictEqual(walls(text, after, times.length), times))

  it("is none where none ever comes", () => assert.deepStrictEqual(walls("0 0 30 2 *", "2026-01-01T00:00:00", 1), []))
})
