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

/** `1500` as "1.5s", `90000` as "1m 30s": for people. */
export const formatMillis = (millis: number): string => {
  if (millis < 999.5) return `${Math.round(millis)}ms` // what rounds to a whole unit is shown in that unit
  if (millis < 59_950) return `${Math.round(millis / 100) / 10}s`
  const seconds = Math.round(millis / 1000)
  const parts = [[Math.floor(seconds / 86_400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "m"], [seconds % 60, "s"]] as const
  return parts.filter(([count]) => count > 0).slice(0, 2).map(([count, unit]) => `${count}${unit}`).join(" ")
}
