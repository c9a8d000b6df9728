/** What a schedule is, as plain data, and which options make none: the same for both faces, the stores and the HTTP API. */
import { toMillis } from "../time/duration.ts"
import type { NewTask, TaskId } from "../tasks/task.ts"
import { InvalidOption } from "../tasks/taskErrors.ts"
import { namePattern, nameRule, whole } from "../tasks/taskRules.ts"
import { CronFault, neverFires, parseCron } from "./cron.ts"
import type { Rhythm } from "./occurrences.ts"
import { isTimeZone } from "./zone.ts"

/** What becomes of slots that were missed in an outage: none fires, the newest one fires, or all do. */
export type CatchUp = "skip" | "one" | "all"

/** When a schedule fires, with every default filled in. */
export interface Rule {
  readonly rhythm: Rhythm
  readonly catchUp: CatchUp
}

/** What a schedule says of itself; `every` in milliseconds or as a duration. */
export interface RuleInput {
  readonly cron?: unknown
  readonly every?: unknown
  readonly timeZone?: unknown
  readonly catchUp?: unknown
}

/** What a worker that starts says: this schedule is to be, or is to be no more. */
export type Declaration =
  | { readonly name: string; readonly rule: Rule; readonly task: NewTask; readonly remove?: undefined }
  | { readonly name: string; readonly remove: true; readonly task: Pick<NewTask, "name"> }

/** A schedule as everybody may see it. Times are epoch milliseconds of the store's clock. */
export interface ScheduleRecord {
  readonly name: string
  /** The name of the task that it enqueues. */
  readonly task: string
  readonly version: number
  readonly queue: string
  readonly payload: unknown
  readonly rule: Rule
  readonly paused: boolean
  /** No worker has declared it for a day: it does not fire. */
  readonly orphaned: boolean
  /** An operator changed it: it is not as the workers declare it. */
  readonly changed: boolean
  /** The first slot that has not fired. */
  readonly nextSlot: number | undefined
  readonly lastSlot: number | undefined
  /** What the last slot enqueued. */
  readonly lastTask: TaskId | undefined
  /** When a worker last declared it. */
  readonly declaredAt: number
}

/** A schedule that nobody has declared for so long is orphaned, ms. */
export const orphanedAfter = 86_400_000
/** A task's claim to a name holds for so long after a worker last declared it, ms. */
export const claimHolds = 5 * 60_000

const shortest = 1000
const longest = 365 * 86_400_000
const catchUps: ReadonlyArray<unknown> = ["skip", "one", "all"]

const readCron = (refuse: Refuse, cron: unknown, timeZone: unknown): Rhythm => {
  if (typeof cron !== "string" || cron.length > 500) return refuse("cron", cron, 'an expression such as "0 3 * * *"')
  const read = parseCron(cron)
  if (read instanceof CronFault) return refuse("cron", `"${cron}"`, `a cron expression: ${read.reason}`)
  if (neverFires(read)) return refuse("cron", `"${cron}"`, "an expression that fires at some time: no month that it names has such a day")
  const zone = timeZone ?? "UTC"
  if (typeof zone !== "string" || !isTimeZone(zone)) return refuse("timeZone", zone, 'an IANA time zone such as "Europe/Paris"')
  return { cron: cron.trim(), timeZone: zone }
}

const readEvery = (refuse: Refuse, every: unknown, timeZone: unknown): Rhythm => {
  const millis = toMillis(every)
  if (!whole(millis, shortest, longest)) {
    const shown = typeof every === "string" ? `"${every}"` : every
    return refuse("every", shown, 'a duration from "1 second" to "365 days", in whole milliseconds')
  }
  if (timeZone !== undefined) return refuse("timeZone", timeZone, "left out beside every, which is counted in UTC")
  return { every: millis }
}

type Refuse = (option: string, value: unknown, allowed: string) => never

/** The rule of these options; throws an `InvalidOption` that names the schedule and the reason. */
export const readRule = (name: string, task: string, { catchUp = "one", cron, every, timeZone }: RuleInput): Rule => {
  const refuse: Refuse = (option, value, allowed) => {
    throw new InvalidOption(task, option, value, allowed, `Task "${task}", schedule "${String(name)}"`)
  }
  if (typeof name !== "string" || !namePattern.test(name)) return refuse("name", name, nameRule)
  if (cron === undefined && every === undefined) return refuse("cron", cron, "given, or every in its place")
  if (cron !== undefined && every !== undefined) return refuse("cron", `"${String(cron)}"`, "left out where every is given")
  if (!catchUps.includes(catchUp)) return refuse("catchUp", catchUp, "skip, one or all")
  return {
    rhythm: every === undefined ? readCron(refuse, cron, timeZone) : readEvery(refuse, every, timeZone),
    catchUp: catchUp as CatchUp
  }
}

/** The rule after a change: `cron` takes the place of `every` and the other way round. */
export const changeRule = (name: string, task: string, { catchUp, rhythm }: Rule, change: RuleInput): Rule => {
  const { catchUp: wanted = catchUp, cron, every, timeZone } = change
  if (cron === undefined && every === undefined) return readRule(name, task, { ...rhythm, ...(timeZone !== undefined && { timeZone }), catchUp: wanted })
  const keptZone = every === undefined ? rhythm.timeZone : undefined
  return readRule(name, task, { cron, every, timeZone: timeZone ?? keptZone, catchUp: wanted })
}
