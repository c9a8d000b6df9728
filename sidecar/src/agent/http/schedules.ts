/** The schedules of `SidecarApi` over a task store. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { type ScheduleStore, Task, type TaskStore } from "@outrigger/sdk"
import * as Wire from "@outrigger/sdk/SidecarApi"

type WireSchedule = (typeof Wire.Schedule)["Type"]

// The stores hold JSON and nothing else; only the types do not know.
const toWire = (schedule: ScheduleStore.ScheduleRecord): WireSchedule => Wire.scheduleToJson(schedule) as WireSchedule

const unavailable = ({ message }: Task.StoreUnavailable) => new Wire.Unavailable({ detail: message })

const lookupOf = (error: Task.ScheduleNotFound | Task.StoreUnavailable) =>
  error._tag === "ScheduleNotFound" ? new Wire.ScheduleNotFound({ detail: error.message }) : unavailable(error)

const refused = (path: ReadonlyArray<string>, message: string) => new Wire.ScheduleRefused({ detail: message, errors: [{ path, message }] })

const answer = (schedule: Effect.Effect<ScheduleStore.ScheduleRecord, Task.ScheduleNotFound | Task.StoreUnavailable>) =>
  Effect.mapBoth(schedule, { onSuccess: toWire, onFailure: lookupOf })

/** The group. */
export const schedules = ({ store }: { readonly store: TaskStore.Service }) =>
  HttpApiBuilder.group(Wire.SidecarApi, "schedules", (handlers) => handlers.handleAll({
    list: () => Effect.mapBoth(store.schedules.list, {
      onSuccess: (all) => ({ schedules: all.map(toWire) }),
      onFailure: unavailable
    }),
    get: ({ params: { name } }) => answer(Effect.flatMap(store.schedules.find(name), Option.match({
      onNone: () => Effect.fail(new Task.ScheduleNotFound(name)),
      onSome: (schedule) => Effect.succeed(schedule)
    }))),
    pause: ({ params: { name } }) => answer(store.schedules.pause(name)),
    resume: ({ params: { name } }) => answer(store.schedules.resume(name)),
    change: ({ params: { name }, payload }) => Object.keys(payload).length === 0
      ? Effect.fail(refused([], "There is nothing to change: give cron, every, timeZone or catchUp"))
      : Effect.mapBoth(store.schedules.change(name, payload), {
        onSuccess: toWire,
        onFailure: (error) => error._tag === "InvalidOption" ? refused([error.option], error.message) : lookupOf(error)
      }),
    remove: ({ params: { name } }) => Effect.mapError(store.schedules.remove(name), lookupOf)
  }))
