/** What a dead worker left behind: the attempts that are spent are settled as failures, the others go back unspent. */
import { AttemptEnd } from "@outrigger/executor"
import { type Task, TaskStore } from "@outrigger/sdk"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { spentOf, type Verdict } from "./blame.ts"

const again = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("1 second")])

/** Tried for as long as the dead worker's lease may last: after that, any worker's upkeep reaps it. */
export const settleDead = (
  store: TaskStore.Service, worker: TaskStore.WorkerId, verdict: Verdict
): Effect.Effect<ReadonlyArray<TaskStore.HeldTask>, Task.StoreUnavailable> =>
  Effect.gen(function*() {
    const held = yield* store.held(worker)
    const spent = spentOf(verdict, held)
    if (spent.length > 0) {
      const definitions = yield* store.definitions
      const settlements = yield* Effect.forEach(spent, (task) => Effect.map(Random.next, (random) => {
        const definition = definitions.find(({ name, version }) => name === task.name && version === task.version)
        return AttemptEnd.settle({ _tag: "Failed", failure: verdict.failure, retryable: true }, task, definition ?? TaskStore.taskDefaults, random)
      }))
      yield* store.settle(worker, settlements)
    }
    yield* store.deregister(worker)
    return spent
  }).pipe(Effect.retry({ schedule: again, while: ({ retryable }) => retryable, times: 60 }))
