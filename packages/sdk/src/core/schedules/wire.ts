/** The JSON of schedules in the sidecar's HTTP API, as plain types. */
import type { CatchUp, ScheduleRecord } from "./schedule.ts"

/** A schedule over HTTP. Times are ISO 8601, UTC; it has `cron` and `timeZone`, or `every` in milliseconds. */
export interface ScheduleJson {
  readonly name: string
  readonly task: string
  readonly version: number
  readonly queue: string
  readonly payload: unknown
  readonly cron?: string
  readonly timeZone?: string
  readonly every?: number
  readonly catchUp: CatchUp
  readonly paused: boolean
  readonly orphaned: boolean
  readonly changed: boolean
  readonly nextSlot?: string
  readonly lastSlot?: string
  readonly lastTask?: string
  readonly declaredAt: string
}

const iso = (epochMillis: number): string => new Date(epochMillis).toISOString()

/** As it goes over the wire. */
export const scheduleToJson = ({ declaredAt, lastSlot, lastTask, nextSlot, rule, ...schedule }: ScheduleRecord): ScheduleJson => ({
  ...schedule,
  ...(rule.rhythm.every === undefined ? { cron: rule.rhythm.cron, timeZone: rule.rhythm.timeZone } : { every: rule.rhythm.every }),
  catchUp: rule.catchUp,
  ...(nextSlot !== undefined && { nextSlot: iso(nextSlot) }),
  ...(lastSlot !== undefined && { lastSlot: iso(lastSlot) }),
  ...(lastTask !== undefined && { lastTask }),
  declaredAt: iso(declaredAt)
})
