/**
 * When a schedule fires.
 *
 * Where clocks are changed, an expression that names hours and one that runs every hour want different things:
 *
 *   hours are named   each time of the day is one instant: the first, when the wall shows it twice, and the first after the
 *                     gap, when the wall does not show it at all
 *   every hour        each instant at which the wall shows a time that is named: both, when it does so twice
 */
import { type Cron, CronFault, isEveryHour, nextWall, parseCron } from "./cron.ts"
import { instantOf, transitionBetween, wallOf } from "./zone.ts"

/** When a schedule fires: by an expression, or every so many milliseconds since 1970 began in UTC. */
export type Rhythm =
  | { readonly cron: string; readonly every?: undefined; readonly timeZone: string }
  | { readonly every: number; readonly cron?: undefined; readonly timeZone?: undefined }

/** The last instant that a `Date` of four digits can name. */
const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59)

/** Named hours: times in their order are instants in their order, so the first that lies after `after` is the next. */
const nextNamed = (cron: Cron, timeZone: string, after: number): number | undefined => {
  for (let wall = nextWall(cron, wallOf(timeZone, after)); wall !== undefined; wall = nextWall(cron, wall)) {
    const instant = instantOf(timeZone, wall)
    if (instant > after) return instant
  }
  return undefined
}

/** Every hour: from one change of the clocks to the next, wall and instant go side by side. */
const nextPassing = (cron: Cron, timeZone: string, after: number): number | undefined => {
  let from = after
  for (;;) {
    const wall = wallOf(timeZone, from)
    const next = nextWall(cron, wall)
    if (next === undefined) return undefined
    const instant = from + (next - wall)
    const change = transitionBetween(timeZone, from, instant)
    if (change === undefined) return instant
    if (named(cron, wallOf(timeZone, change))) return change
    from = change
  }
}

const named = (cron: Cron, wall: number): boolean => nextWall(cron, wall - 1) === wall

const nextByCron = (text: string, timeZone: string, after: number): number | undefined => {
  const cron = parseCron(text)
  if (cron instanceof CronFault) throw new RangeError(`The cron expression "${text}" cannot be read: ${cron.reason}`)
  return isEveryHour(cron) ? nextPassing(cron, timeZone, after) : nextNamed(cron, timeZone, after)
}

/** The first slot after an instant, both in epoch ms; undefined past the year 9999. Throws a RangeError for what is no rhythm. */
export const nextSlot = ({ cron, every, timeZone }: Rhythm, after: number): number | undefined => {
  const slot = every === undefined ? nextByCron(cron, timeZone, after) : (Math.floor(after / every) + 1) * every
  return slot === undefined || slot <= lastInstant ? slot : undefined
}
