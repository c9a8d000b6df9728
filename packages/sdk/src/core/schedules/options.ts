/** A schedule as people write it, in either face; `D` is how that face writes durations. */
import type { DurationInput } from "../time/duration.ts"
import type { CatchUp } from "./schedule.ts"

/** When a schedule fires: by a cron expression, or at a fixed interval. */
export type ScheduleOptions<D = DurationInput> =
  & (
    | {
      /** `minute hour day month weekday`, or six fields with seconds first, or `@daily` and its like. */
      readonly cron: string
      readonly every?: undefined
      /** An IANA name, such as "Europe/Paris"; UTC unless said. */
      readonly timeZone?: string | undefined
    }
    | {
      /** From "1 second" to "365 days", counted from the beginning of 1970 in UTC. */
      readonly every: D
      readonly cron?: undefined
      readonly timeZone?: undefined
    }
  )
  & {
    /** Of slots missed in an outage: "one", the newest, fires unless said; "skip" leaves them out, "all" fires each. */
    readonly catchUp?: CatchUp | undefined
    readonly remove?: undefined
  }
