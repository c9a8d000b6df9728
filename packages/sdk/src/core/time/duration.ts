/** Durations as people write them. */

/** Milliseconds, or words: `"250 millis"`, `"30 seconds"`, `"1 minute"`, `"2 hours"`. */
export type DurationInput = number | `${number} ${DurationUnit}`

/** The unit words, the same that Effect's `Duration.Input` takes. */
export type DurationUnit =
  | "nano" | "nanos" | "micro" | "micros" | "milli" | "millis" | "second" | "seconds"
  | "minute" | "minutes" | "hour" | "hours" | "day" | "days" | "week" | "weeks"

const units: Readonly<Record<string, number>> = {
  nano: 1e-6, micro: 1e-3, milli: 1, second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000
}
const pattern = /^(\d+(?:\.\d+)?)\s+([a-z]+?)s?$/

/** Milliseconds; NaN for what is no duration. */
export const toMillis = (input: unknown): number => {
  if (typeof input === "number") return input
  if (typeof input !== "string") return Number.NaN
  if (input === "Infinity") return Infinity
  const [, count, unit] = pattern.exec(input) ?? []
  return Number(count) * (units[unit ?? ""] ?? Number.NaN)
}

/** Of a day, an hour, a minute and a second, in seconds. */
const sizes = [86_400, 3600, 60, 1]

/** `1500` as "1.5s", `90000` as "1m 30s": for people. */
export const formatMillis = (millis: number): string => {
  if (millis < 999.5) return `${Math.round(millis)}ms` // what rounds to a whole unit is shown in that unit
  if (millis < 59_950) return `${Math.round(millis / 100) / 10}s`
  let left = Math.round(millis / 1000)
  let text = ""
  for (let unit = 0, shown = 0; unit < sizes.length && shown < 2; unit++) {
    const count = Math.floor(left / sizes[unit]!)
    if (count === 0) continue
    left -= count * sizes[unit]!
    text += `${shown === 0 ? "" : " "}${count}${"dhms"[unit]}`
    shown++
  }
  return text
}
