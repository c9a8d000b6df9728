/**
 * Time zones: which time the clock on the wall shows at an instant, and which instant that is. The rules are those of the
 * runtime (`Intl`). An instant is epoch milliseconds; a wall time is what UTC would have at that time, in milliseconds.
 */

const formats = new Map<string, Intl.DateTimeFormat>()

/** One is made per zone: making it costs more than a hundred uses of it. Throws a RangeError for what is no zone. */
const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric"
  })
  formats.set(timeZone, made)
  return made
}

/** Whether the runtime knows the zone. */
export const isTimeZone = (timeZone: string): boolean => {
  try {
    formatOf(timeZone)
    return true
  } catch {
    return false
  }
}

/** By how much the wall is ahead of UTC at an instant, ms. */
const offsetAt = (timeZone: string, instant: number): number => {
  if (timeZone === "UTC") return 0
  const whole = Math.floor(instant / 1000) * 1000
  const [month, day, year, hour, minute, second] = formatOf(timeZone).format(whole).split(/\D+/).map(Number) as [number, number, number, number, number, number]
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole
}

/** What the wall shows. */
export const wallOf = (timeZone: string, instant: number): number => instant + offsetAt(timeZone, instant)

const dayLong = 86_400_000

/** The first instant after `from`, and not after `to`, at which another offset begins. Two within one day are taken for one. */
export const transitionBetween = (timeZone: string, from: number, to: number): number | undefined => {
  for (let begin = from; begin < to; begin += dayLong) {
    const offset = offsetAt(timeZone, begin)
    const end = Math.min(begin + dayLong, to)
    if (offsetAt(timeZone, end) === offset) continue
    let [before, after] = [Math.floor(begin / 1000), Math.floor(end / 1000)]
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (offsetAt(timeZone, middle * 1000) === offset) before = middle
      else after = middle
    }
    return after * 1000
  }
  return undefined
}

/** The first instant at which the wall shows this; for a time that is left out, the first after the gap. */
export const instantOf = (timeZone: string, wall: number): number => {
  const [early, late] = [offsetAt(timeZone, wall - dayLong), offsetAt(timeZone, wall + dayLong)]
  const [first, second] = [wall - Math.max(early, late), wall - Math.min(early, late)]
  if (wallOf(timeZone, first) === wall) return first
  if (wallOf(timeZone, second) === wall) return second
  return transitionBetween(timeZone, first, second)!
}
