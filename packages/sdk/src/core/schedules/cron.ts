/**
 * Cron expressions: what a text means, and which times of a calendar it names. No time zone here: a time is what a clock on
 * the wall shows, as the milliseconds that UTC would have at that time (`Date.UTC`).
 */

/** Ascending values of each field. */
export interface Cron {
  readonly seconds: ReadonlyArray<number>
  readonly minutes: ReadonlyArray<number>
  readonly hours: ReadonlyArray<number>
  readonly days: ReadonlyArray<number>
  /** The month's last day, besides `days`. */
  readonly lastDay: boolean
  /** From 1. */
  readonly months: ReadonlyArray<number>
  /** 0 is Sunday. */
  readonly weekdays: ReadonlyArray<number>
  /** Both days are restricted: either is enough. */
  readonly either: boolean
}

interface Field {
  readonly name: string
  readonly least: number
  readonly most: number
  readonly names?: ReadonlyArray<string>
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

const fields: ReadonlyArray<Field> = [
  { name: "second", least: 0, most: 59 },
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of the month", least: 1, most: 31 },
  { name: "month", least: 1, most: 12, names: months },
  { name: "day of the week", least: 0, most: 7, names: weekdays }
]

const nicknames: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *"
}

/** Why a text is no expression, for people. */
export class CronFault {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** The number that a word stands for; NaN when it is none of the field. */
const valueOf = ({ least, most, names }: Field, word: string): number => {
  const named = names?.indexOf(word.toLowerCase()) ?? -1
  const value = named >= 0 ? named + least : /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN
  return value >= least && value <= most ? value : Number.NaN
}

const allowed = ({ least, most, names }: Field): string => `from ${least} to ${most}${names === undefined ? "" : ` or ${names[0]} to ${names.at(-1)}`}`

/** One item of a list: `*`, `5`, `1-5`, each with an optional `/step`. */
const readItem = (field: Field, item: string): ReadonlyArray<number> | CronFault => {
  const fault = (reason: string) => new CronFault(`the ${field.name} "${item}" ${reason}`)
  const [, range = "", step] = /^([^/]+)(?:\/([^/]*))?$/.exec(item) ?? []
  if (range === "") return fault("is not *, a value, a range such as 1-5, or one of them with a step such as */10")
  const by = step === undefined ? 1 : /^\d{1,2}$/.test(step) ? Number(step) : 0
  if (by < 1) return fault("has a step that is no whole number from 1")
  const [from = "", to, ...rest] = range.split("-")
  const begin = range === "*" ? field.least : valueOf(field, from)
  const end = range === "*" ? field.most : to !== undefined ? valueOf(field, to) : step === undefined ? begin : field.most
  if (rest.length > 0 || Number.isNaN(begin) || Number.isNaN(end)) return fault(`must be ${allowed(field)}`)
  if (begin > end) return fault("is a range that ends before it begins: write two, with a comma")
  const values: Array<number> = []
  for (let value = begin; value <= end; value += by) values.push(value)
  return values
}

const readField = (field: Field, text: string): ReadonlyArray<number> | CronFault => {
  const values = new Set<number>()
  for (const item of text.split(",")) {
    const read = readItem(field, item)
    if (read instanceof CronFault) return read
    for (const value of read) values.add(value)
  }
  return [...values].sort((a, b) => a - b)
}

/** `L` among the days is the last one. */
const readDays = (text: string): { readonly days: ReadonlyArray<number>; readonly lastDay: boolean } | CronFault => {
  const items = text.split(",")
  const others = items.filter((item) => item.toUpperCase() !== "L")
  const days = others.length === 0 ? [] : readField(fields[3]!, others.join(","))
  return days instanceof CronFault ? days : { days, lastDay: others.length < items.length }
}

/** 7 is Sunday too; `*` counts it once. */
const readWeekdays = (text: string): ReadonlyArray<number> | CronFault => {
  const read = readField(fields[5]!, text)
  return read instanceof CronFault ? read : [...new Set(read.map((day) => day % 7))].sort((a, b) => a - b)
}

/** What the text means, or why it means nothing. Whether it ever fires is another question: `neverFires`. */
export const parseCron = (text: string): Cron | CronFault => {
  const trimmed = text.trim()
  if (trimmed.startsWith("@")) {
    const written = nicknames[trimmed.toLowerCase()]
    return written === undefined ? new CronFault(`there is no ${trimmed}; there are ${Object.keys(nicknames).join(", ")}`) : parseCron(written)
  }
  const parts = trimmed.split(/\s+/)
  if (parts.length !== 5 && parts.length !== 6) {
    return new CronFault(`it has ${trimmed === "" ? "no" : parts.length} fields, and needs 5 (minute hour day-of-month month day-of-week) or 6, with seconds first`)
  }
  const [second, minute, hour, day, month, weekday] = parts.length === 5 ? ["0", ...parts] : parts as [string, ...Array<string>]
  const plain: Array<ReadonlyArray<number>> = []
  for (const [index, part] of [[0, second], [1, minute], [2, hour], [4, month]] as const) {
    const read = readField(fields[index]!, part!)
    if (read instanceof CronFault) return read
    plain.push(read)
  }
  const days = readDays(day!)
  if (days instanceof CronFault) return days
  const onWeekdays = readWeekdays(weekday!)
  if (onWeekdays instanceof CronFault) return onWeekdays
  const [seconds, minutes, hours, ofMonths] = plain as [ReadonlyArray<number>, ReadonlyArray<number>, ReadonlyArray<number>, ReadonlyArray<number>]
  return { seconds, minutes, hours, ...days, months: ofMonths, weekdays: onWeekdays, either: !day!.startsWith("*") && !weekday!.startsWith("*") }
}

/** Whether every hour of the day is meant: it then follows the time that passes, not the times that a day has. */
export const isEveryHour = ({ hours }: Cron): boolean => hours.length === 24

const dayLong = 86_400_000
/** From a 29 February to the next that is the same day of the week it is 28 years, and 40 about 2100. */
const searchYears = 40

const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate()

const dayFits = (cron: Cron, date: Date): boolean => {
  const day = date.getUTCDate()
  const byMonth = cron.days.includes(day) || (cron.lastDay && day === daysIn(date.getUTCFullYear(), date.getUTCMonth() + 1))
  const byWeek = cron.weekdays.includes(date.getUTCDay())
  return cron.either ? byMonth || byWeek : byMonth && byWeek
}

/** The first day from this one on that fits, at its midnight. */
const nextDay = (cron: Cron, from: number): number | undefined => {
  const date = new Date(from)
  date.setUTCHours(0, 0, 0, 0)
  const lastYear = date.getUTCFullYear() + searchYears
  while (date.getUTCFullYear() <= lastYear) {
    if (!cron.months.includes(date.getUTCMonth() + 1)) date.setUTCMonth(date.getUTCMonth() + 1, 1)
    else if (dayFits(cron, date)) return date.getTime()
    else date.setTime(date.getTime() + dayLong)
  }
  return undefined
}

/** The first time of day from this one on, both in seconds. */
const nextTimeOfDay = ({ hours, minutes, seconds }: Cron, from: number): number | undefined => {
  const [fromHour, fromMinute, fromSecond] = [Math.floor(from / 3600), Math.floor(from / 60) % 60, from % 60]
  for (const hour of hours) {
    if (hour < fromHour) continue
    for (const minute of minutes) {
      if (hour === fromHour && minute < fromMinute) continue
      const second = hour > fromHour || minute > fromMinute ? seconds[0]! : seconds.find((one) => one >= fromSecond)
      if (second !== undefined) return hour * 3600 + minute * 60 + second
    }
  }
  return undefined
}

/** The first time that the expression names after `wall`; undefined when there is none, ever. */
export const nextWall = (cron: Cron, wall: number): number | undefined => {
  const from = (Math.floor(wall / 1000) + 1) * 1000
  const midnight = Math.floor(from / dayLong) * dayLong
  const today = nextDay(cron, from)
  if (today === midnight) {
    const time = nextTimeOfDay(cron, (from - midnight) / 1000)
    if (time !== undefined) return midnight + time * 1000
  }
  const day = today === midnight ? nextDay(cron, midnight + dayLong) : today
  return day === undefined ? undefined : day + nextTimeOfDay(cron, 0)! * 1000
}

/** Whether no day of any year fits: the 30th of February, the 31st of April. */
export const neverFires = (cron: Cron): boolean => nextDay(cron, Date.UTC(2000, 0, 1)) === undefined
