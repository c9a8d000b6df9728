/**
 * Where schedules live: the part of a task store that knows what is to be enqueued when.
 *
 * A store decides what time it is and who fires a slot. Whoever fires reads what is due, works out the slots (`plan`), and
 * hands them in with the revision that was read; of any number that do so at once one succeeds.
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Declaration, RuleInput, ScheduleRecord } from "./core/schedules/schedule.ts"
import type { DueSchedules, Fired, Firing, Refused } from "./core/schedules/schedulePort.ts"
import type { InvalidOption, ScheduleNotFound, StoreUnavailable } from "./core/tasks/taskErrors.ts"

export type { Rhythm } from "./core/schedules/occurrences.ts"
export { nextSlot } from "./core/schedules/occurrences.ts"
export { type Due, missedAfter, mostAtOnce, type Plan, plan } from "./core/schedules/plan.ts"
export type { DueSchedule, DueSchedules, Fired, Firing, Refused } from "./core/schedules/schedulePort.ts"
export {
  type CatchUp, changeRule, claimHolds, type Declaration, orphanedAfter, readRule, type Rule, type RuleInput, type ScheduleRecord
} from "./core/schedules/schedule.ts"
export {
  changed, type Declared, declared, paused, recordOf, removed, resumed, slotMetadata, type Standing, type Verdict
} from "./core/schedules/standing.ts"

export interface Service {
  /**
   * What a worker that starts knows of. New schedules begin, changed declarations take effect, and what an operator paused,
   * removed or changed stays so. Gives what was refused.
   */
  readonly declare: (declarations: ReadonlyArray<Declaration>) => Effect.Effect<ReadonlyArray<Refused>, StoreUnavailable>
  /** These are still declared: a worker says so now and then, and changes nothing else by it. */
  readonly touch: (schedules: ReadonlyArray<{ readonly name: string; readonly task: string }>) => Effect.Effect<void, StoreUnavailable>

  /** All but the removed ones, by name. */
  readonly list: Effect.Effect<ReadonlyArray<ScheduleRecord>, StoreUnavailable>
  readonly find: (name: string) => Effect.Effect<Option.Option<ScheduleRecord>, StoreUnavailable>
  /** Another rule; what is left out stays. */
  readonly change: (name: string, change: RuleInput) => Effect.Effect<ScheduleRecord, ScheduleNotFound | InvalidOption | StoreUnavailable>
  /** It does not fire; slots that pass meanwhile are gone. */
  readonly pause: (name: string) => Effect.Effect<ScheduleRecord, ScheduleNotFound | StoreUnavailable>
  /** It fires from the next slot on, also one that was removed. */
  readonly resume: (name: string) => Effect.Effect<ScheduleRecord, ScheduleNotFound | StoreUnavailable>
  /** It is gone, though workers go on to declare it. */
  readonly remove: (name: string) => Effect.Effect<void, ScheduleNotFound | StoreUnavailable>

  readonly due: Effect.Effect<DueSchedules, StoreUnavailable>
  /** Enqueues and goes on, together; nothing when somebody else was first, or the schedule is not what it was. */
  readonly fire: (firing: Firing) => Effect.Effect<ReadonlyArray<Fired>, StoreUnavailable>
}
