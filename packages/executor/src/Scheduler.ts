/**
 * Fires schedules: asks the store which are due, works out their slots, and enqueues each slot once.
 *
 *   look --due--> plan --> fire --won--> next
 *    ^                      '--beaten--> next
 *    '--- until the next slot, at most a second ---'
 *
 * Any number may run over one database, and none is special: the store lets one of them have each slot, by its own clock. What a
 * scheduler does not commit has not happened, so it can be killed anywhere. One that cannot ask says so, and asks again.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { ScheduleStore, Task, TaskStore } from "@outrigger/sdk"

export interface Options {
  /** How often to look when no slot comes sooner; 1 second unless said. */
  readonly poll?: Duration.Input | undefined
}

export interface Service {
  /** How many slots this scheduler has fired. */
  readonly fired: () => number
}

/**
 * The scheduler at work.
 *
 * @example
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import { Executor, Scheduler } from "@outrigger/executor"
 * import { Task, Tasks } from "@outrigger/sdk"
 *
 * const Sweep = Task.make("sweep", { payload: { older: Schema.String } })
 * const main = Layer.mergeAll(Executor.layer(), Scheduler.layer()).pipe(
 *   Layer.provide(Sweep.toLayer(({ older }) => Effect.log(`sweeping what is older than ${older}`))),
 *   Layer.provide(Sweep.schedule("nightly-sweep", { cron: "0 3 * * *", timeZone: "Europe/Paris" }, { older: "30 days" })),
 *   Layer.provide(Tasks.layerMemory)
 * )
 */
export class Scheduler extends Context.Service<Scheduler, Service>()("@outrigger/executor/Scheduler") {}

/** Nobody waits longer for one answer: a connection that is half open must not stop the clock. */
const patience = "10 seconds"

/** What concerns every schedule, and passes. */
const isOutage = (error: Error): boolean => Cause.isTimeoutError(error) || (error instanceof Task.StoreUnavailable && error.retryable)

const patiently = <A>(ask: Effect.Effect<A, Task.StoreUnavailable>) => Effect.timeout(ask, patience)

/** Begins to fire, until the scope closes. */
export const make = (options: Options = {}): Effect.Effect<Service, never, TaskStore.TaskStore | Scope.Scope> => Effect.gen(function*() {
  const { schedules } = yield* TaskStore.TaskStore
  const poll = Duration.toMillis(Duration.fromInputUnsafe(options.poll ?? "1 second"))
  const told = new Set<string>()
  let fired = 0

  /** One schedule that cannot fire stops no other: it is told of once for each of its revisions. */
  const left = ({ name, revision }: ScheduleStore.DueSchedule, error: Error) => Effect.suspend(() => {
    const key = `${name} ${revision}`
    if (told.has(key)) return Effect.succeed(false)
    told.add(key)
    return Effect.as(Effect.logError(`The schedule "${name}" cannot fire here, and waits for a scheduler that can make it`, error), false)
  })

  /** True when it went on. A rule may be one that this release, or the time zones of this machine, do not know. */
  const fire = (schedule: ScheduleStore.DueSchedule, now: number) => Effect.gen(function*() {
    const { name, revision } = schedule
    const { next, slots } = yield* Effect.try({ try: () => ScheduleStore.plan(schedule, now), catch: (error) => error as Error })
    fired += (yield* patiently(schedules.fire({ name, revision, slots, next }))).length
    return true
  }).pipe(Effect.catch((error) => isOutage(error) ? Effect.fail(error) : left(schedule, error)))

  const round = Effect.gen(function*() {
    const due = yield* patiently(schedules.due)
    const went = yield* Effect.forEach(due.schedules, (schedule) => fire(schedule, due.now))
    if (!went.includes(true)) yield* Effect.sleep(Math.min(poll, due.wait ?? poll))
  })

  yield* Effect.forkScoped(Effect.forever(Effect.catch(round, (error) => Effect.andThen(
    Effect.logWarning("The schedules cannot be looked at; trying again", error),
    Effect.sleep(poll)
  ))))
  return Scheduler.of({ fired: () => fired })
})

/** A scheduler for as long as the layer lives. */
export const layer = (options: Options = {}): Layer.Layer<Scheduler, never, TaskStore.TaskStore> => Layer.effect(Scheduler, make(options))
