import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Registry, ScheduleStore, Task, TaskHandlers, Tasks, TaskStore } from "@outrigger/sdk"
import { Executor, Scheduler } from "../src/index.ts"
import { declaring } from "../src/internal/declaring.ts"

const Sweep = Task.make("sweep", { payload: { older: Schema.String } })
const start = Date.parse("2026-03-28T12:00:00Z")
const handler = Sweep.toLayer(() => Effect.void)
const nightly = Sweep.schedule("nightly", { cron: "30 2 * * *", timeZone: "Europe/Paris" }, { older: "30 days" })

/** A memory store of its own, under a clock that begins in the spring of Paris. */
const bench = <A, E>(body: Effect.Effect<A, E, Tasks.Tasks | TaskStore.TaskStore | Scope.Scope>) =>
  Effect.andThen(TestClock.setTime(start), body).pipe(
    Effect.scoped, Effect.provide(Tasks.layerMemory), Effect.provide(Layer.mergeAll(TaskHandlers.layer, Registry.layer)))

type AnyLayer = Layer.Layer<never, Error>
const worker = (first: AnyLayer, ...rest: ReadonlyArray<AnyLayer>) => Layer.build(
  Executor.layer().pipe(Layer.provide(Layer.mergeAll(first, ...rest)), Layer.provide(TaskHandlers.layer), Layer.orDie))

const slotsOf = TaskStore.TaskStore.use((store) => Effect.map(store.list({ limit: 500 }), ({ tasks }) =>
  tasks.toReversed().map(({ metadata, state }) => [metadata!["schedule"], metadata!["slot"], state] as const)))
const declare = (name: string, rule: ScheduleStore.RuleInput) => TaskStore.TaskStore.use(({ schedules }) =>
  schedules.declare([{ name, rule: ScheduleStore.readRule(name, "sweep", rule), task: { name: "sweep", version: 1, queue: "default", payload: {}, priority: 5, delay: 0 } }]))

/** A store whose schedules answer otherwise. */
const withSchedules = (change: (schedules: ScheduleStore.Service) => Partial<ScheduleStore.Service>) => TaskStore.TaskStore.use((store) =>
  Effect.provideService(Scheduler.make(), TaskStore.TaskStore, { ...store, schedules: { ...store.schedules, ...change(store.schedules) } }))

const listened = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => { lines.push(String([message].flat()[0])) })]) }
}

describe("a scheduler", () => {
  it.effect("fires what workers declare, in its time zone, and the task runs with its slot", () => bench(Effect.gen(function*() {
    yield* TestClock.setTime(Date.parse("2026-03-29T00:59:58Z"))
    yield* worker(handler, nightly)
    yield* Scheduler.make()
    yield* TestClock.adjust("4 seconds")
    assert.deepStrictEqual(yield* slotsOf, [["nightly", "2026-03-29T01:00:00.000Z", "succeeded"]])
  })))

  it.effect("wakes up for the next slot, not at its next look", () => bench(Effect.gen(function*() {
    yield* declare("often", { every: 1300 })
    yield* Scheduler.make({ poll: "10 seconds" })
    const before = start - start % 1300 + 1300
    yield* TestClock.adjust(before - start - 1)
    assert.strictEqual((yield* slotsOf).length, 0)
    yield* TestClock.adjust(1)
    assert.strictEqual((yield* slotsOf).length, 1)
  })))

  it.effect("sees within its poll what was declared or changed meanwhile", () => bench(Effect.gen(function*() {
    yield* Scheduler.make()
    yield* declare("later", { cron: "0 0 1 1 *" })
    yield* TestClock.adjust("10 seconds")
    yield* TaskStore.TaskStore.use(({ schedules }) => schedules.change("later", { every: 1000 }))
    yield* TestClock.adjust("2 seconds")
    assert.isAtLeast((yield* slotsOf).length, 1)
  })))

  it.effect("is one of many: each slot fires once", () => bench(Effect.gen(function*() {
    for (let n = 0; n < 5; n++) yield* Scheduler.make()
    yield* declare("often", { every: "1 minute" })
    yield* TestClock.adjust("1 hour")
    const slots = (yield* slotsOf).map(([, slot]) => slot)
    assert.strictEqual(slots.length, 60)
    assert.strictEqual(new Set(slots).size, 60)
  })))

  it.effect("goes on after an outage of hours, and catches up (river#1251)", () => bench(Effect.gen(function*() {
    const { layer, lines } = listened()
    let down = false
    const away = Effect.fail(new Task.StoreUnavailable("the server is away", true))
    yield* Effect.provide(withSchedules((schedules) => ({ due: Effect.suspend(() => down ? away : schedules.due) })), layer)
    yield* declare("hourly", { cron: "@hourly", catchUp: "all" })
    yield* declare("once", { cron: "@hourly", catchUp: "one" })
    yield* declare("not", { cron: "@hourly", catchUp: "skip" })
    yield* TestClock.adjust("1 hour")
    down = true
    yield* TestClock.adjust("5 hours")
    assert.strictEqual((yield* slotsOf).length, 3)
    assert.include(lines, "The schedules cannot be looked at; trying again")
    yield* TestClock.adjust("30 minutes")
    down = false
    yield* TestClock.adjust("1 second")
    const counts = Object.groupBy(yield* slotsOf, ([name]) => name!)
    assert.deepStrictEqual([counts["hourly"]!.length, counts["once"]!.length, counts["not"]!.length], [6, 2, 1])
    assert.deepStrictEqual(counts["once"]!.map(([, slot]) => slot!.slice(11, 16)), ["13:00", "18:00"])
  })))

  it.effect("goes on when an answer never comes", () => bench(Effect.gen(function*() {
    let hangs = true
    yield* withSchedules((schedules) => ({ due: Effect.suspend(() => hangs ? Effect.never : schedules.due) }))
    yield* declare("often", { every: "1 minute" })
    yield* TestClock.adjust("2 minutes")
    hangs = false
    yield* TestClock.adjust("12 seconds")
    assert.isAtLeast((yield* slotsOf).length, 1)
  })))

  it.effect("is stopped by no schedule that cannot be read or fired, and says so once", () => bench(Effect.gen(function*() {
    const { layer, lines } = listened()
    const broken = (name: string, rhythm: ScheduleStore.Rhythm): ScheduleStore.DueSchedule => ({ name, revision: 1, rhythm, catchUp: "one", next: 0 })
    const refuse = Effect.fail(new Task.StoreUnavailable("the payload is over the limit of 1 MiB", false))
    const make = withSchedules((schedules) => ({
      due: Effect.map(schedules.due, (due) => ({
        ...due, schedules: [broken("newer", { cron: "H * * * *", timeZone: "UTC" }), broken("elsewhere", { cron: "0 3 * * *", timeZone: "Mars/Olympus" }), broken("fat", { every: 1000 }), ...due.schedules]
      })),
      fire: (firing) => firing.name === "fat" ? refuse : schedules.fire(firing)
    }))
    yield* Effect.provide(make, layer)
    yield* declare("often", { every: "1 minute" })
    yield* TestClock.adjust("3 minutes")
    assert.strictEqual((yield* slotsOf).length, 3)
    assert.sameMembers(lines, ["newer", "elsewhere", "fat"].map((name) => `The schedule "${name}" cannot fire here, and waits for a scheduler that can make it`))
  })))

  it.effect("goes on at once when more was missed than one statement fires", () => bench(Effect.gen(function*() {
    yield* declare("often", { every: 10_000, catchUp: "all" })
    yield* TestClock.adjust("4 hours")
    yield* Scheduler.make()
    const ready = TaskStore.TaskStore.use((store) => Effect.map(store.queues, ([queue]) => queue?.ready ?? 0))
    while ((yield* ready) < 4 * 360) yield* Effect.yieldNow // the clock stands still
    assert.strictEqual(yield* ready, 4 * 360)
  })))
})

describe("a worker", () => {
  it.effect("says that it still declares its schedules, so that they are no orphans", () => bench(Effect.gen(function*() {
    const store = yield* TaskStore.TaskStore
    const handlers = TaskHandlers.make()
    yield* Effect.provideService(Layer.build(Layer.orDie(nightly)), TaskHandlers.TaskHandlers, handlers)
    yield* Effect.forkScoped(yield* declaring(store, handlers))
    yield* Scheduler.make({ poll: "1 hour" })
    yield* TestClock.adjust("5 days")
    assert.strictEqual((yield* slotsOf).length, 5)
    assert.isFalse((yield* store.schedules.list)[0]!.orphaned)
  })))

  it.effect("takes a schedule away that it declares to be no more", () => bench(Effect.gen(function*() {
    yield* Effect.scoped(worker(handler, nightly))
    yield* worker(handler, Sweep.schedule("nightly", { remove: true }))
    assert.deepStrictEqual(yield* TaskStore.TaskStore.use(({ schedules }) => schedules.list), [])
  })))

  it.effect("has a name that was another task's as soon as that one's workers are gone, and says so until then", () => {
    const { layer, lines } = listened()
    const Renamed = Task.make("sweep-all", { payload: { older: Schema.String } })
    const owner = TaskStore.TaskStore.use(({ schedules }) => Effect.map(schedules.list, ([schedule]) => schedule!.task))
    return bench(Effect.gen(function*() {
      yield* Effect.scoped(Effect.andThen(worker(handler, nightly), TestClock.adjust("90 seconds")))
      yield* Effect.provide(worker(Renamed.toLayer(() => Effect.void), Renamed.schedule("nightly", { cron: "@daily" }, { older: "1 day" })), layer)
      assert.deepStrictEqual(lines, ['The schedule "nightly" of task sweep-all is not taken: workers declare one of that name for task sweep. Give it another name'])
      assert.strictEqual(yield* owner, "sweep")
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* owner, "sweep-all")
    }))
  })

  it.effect("does not start with two schedules of one name", () => bench(Effect.gen(function*() {
    const exit = yield* Effect.exit(worker(handler, nightly, Sweep.schedule("nightly", { cron: "@daily" }, { older: "1 day" })))
    assert.include(String(exit), 'Two schedules named "nightly", of the tasks sweep and sweep: give one another name')
  })))

  it.effect("does not start with a payload that its task refuses", () => bench(Effect.gen(function*() {
    const exit = yield* Effect.exit(worker(handler, Sweep.schedule("nightly", { every: "1 hour" }, { older: 5 as never })))
    assert.include(String(exit), 'The payload of "sweep" was refused: older: ')
  })))
})

describe("Task.schedule", () => {
  it("refuses at once what is wrong or never fires", () => {
    assert.throws(() => Sweep.schedule("n", { cron: "0 0 30 2 *" }, { older: "" }), Task.InvalidOption, "no month that it names has such a day")
    assert.throws(() => Sweep.schedule("n", { cron: "0 3 * * *", timeZone: "Paris" }, { older: "" }), Task.InvalidOption, "must be an IANA time zone")
    assert.throws(() => Sweep.schedule("n", { every: "1 milli" as never }, { older: "" }), Task.InvalidOption, 'every is 1, but must be a duration from "1 second"')
    assert.throws(() => Sweep.schedule("n", { every: "soon" as never }, { older: "" }), Task.InvalidOption, 'every is "soon", but must be')
  })
})
