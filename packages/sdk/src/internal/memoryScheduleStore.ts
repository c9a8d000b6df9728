/** The schedules of the memory store, under Effect's clock. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ScheduleRecord } from "../core/schedules/schedule.ts"
import type { ScheduleTable } from "../core/schedules/scheduleTable.ts"
import { InvalidOption, ScheduleNotFound } from "../core/tasks/taskErrors.ts"
import type { Service } from "../ScheduleStore.ts"

const at = <A>(f: (now: number) => A): Effect.Effect<A> => Effect.map(Clock.currentTimeMillis, f)

const found = (name: string) => (record: ScheduleRecord | undefined): Effect.Effect<ScheduleRecord, ScheduleNotFound> =>
  record === undefined ? Effect.fail(new ScheduleNotFound(name)) : Effect.succeed(record)

/** `wake` tells the workers of the store beside. */
export const makeMemorySchedules = (table: ScheduleTable, wake: () => void): Service => ({
  declare: (declarations) => at((now) => table.declare(declarations, now)),
  touch: (schedules) => at((now) => table.touch(schedules, now)),
  list: at((now) => table.list(now)),
  find: (name) => at((now) => Option.fromNullishOr(table.find(name, now))),
  change: (name, change) => Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.flatMap(
    Effect.try({ try: () => table.change(name, change, now), catch: (error) => error as InvalidOption }), found(name))),
  pause: (name) => Effect.flatMap(at((now) => table.pause(name, now)), found(name)),
  resume: (name) => Effect.flatMap(at((now) => table.resume(name, now)), found(name)),
  remove: (name) => Effect.asVoid(Effect.flatMap(at((now) => table.remove(name, now)), found(name))),
  due: at((now) => table.due(now)),
  fire: (firing) => at((now) => {
    const fired = table.fire(firing, now)
    if (fired.length > 0) wake()
    return fired
  })
})
