/** Tells the store of the schedules that this process has: all at the start, and every minute that they are still declared. */
import * as Effect from "effect/Effect"
import type { ScheduleStore, Task, TaskHandlers, TaskStore } from "@outrigger/sdk"

const again = "1 minute"

const warn = ({ name, owner, task }: ScheduleStore.Refused) =>
  Effect.logError(`The schedule "${name}" of task ${task} is not taken: workers declare one of that name for task ${owner}. Give it another name`)

/** What is to be done at the start, and what it gives is to be done from then on. */
export const declaring = (
  { schedules }: TaskStore.Service, handlers: TaskHandlers.Handlers
): Effect.Effect<Effect.Effect<void>, Task.StoreUnavailable> => Effect.gen(function*() {
  const all = handlers.schedules()
  let refused = yield* schedules.declare(all)
  yield* Effect.forEach(refused, warn, { discard: true })

  const repeat = Effect.gen(function*() {
    const open = all.filter(({ name }) => refused.some((one) => one.name === name))
    const taken = all.filter((one) => one.remove !== true && !open.includes(one))
    yield* schedules.touch(taken.map(({ name, task }) => ({ name, task: task.name })))
    if (open.length > 0) refused = yield* schedules.declare(open)
  })
  return all.length === 0 ? Effect.void : Effect.forever(Effect.andThen(Effect.sleep(again), Effect.ignore(Effect.timeout(repeat, "10 seconds"))))
})
