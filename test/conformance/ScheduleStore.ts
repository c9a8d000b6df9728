/** What every `TaskStore` promises of its schedules, as tests that run over any of them. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ScheduleStore, TaskStore } from "@outrigger/sdk"

const minute = 60_000
const day = 86_400_000
/** Its slots are so far apart that none comes while a test runs. */
const year = 365 * day

const yearly = (catchUp: ScheduleStore.CatchUp = "one") => ScheduleStore.readRule("n", "t", { every: year, catchUp })
const newTask: TaskStore.NewTask = {
  name: "charge", version: 2, queue: "money", payload: { shop: "paris", n: 1.5 }, priority: 3, delay: 0, metadata: { tenant: "t1" }
}
type Declared = Extract<ScheduleStore.Declaration, { readonly rule: ScheduleStore.Rule }>
const declaration = (changes: Partial<Omit<Declared, "task">> & { readonly task?: Partial<TaskStore.NewTask> } = {}): Declared =>
  ({ name: "nightly", rule: yearly(), ...changes, task: { ...newTask, ...changes.task } })

/** How a store is tested. `elapse` lets its clock go on by whole years, days or minutes. */
export interface Setting<R> {
  readonly layer: Layer.Layer<TaskStore.TaskStore | R, unknown>
  readonly test: (title: string, body: () => Effect.Effect<unknown>) => void
  readonly elapse: (millis: number) => Effect.Effect<unknown, unknown, R>
}

const using = Effect.map(TaskStore.TaskStore, (store) => {
  const { schedules } = store
  const due = Effect.map(schedules.due, ({ now, schedules }) => schedules.map((schedule) => ({ ...schedule, now })))
  const firing = ({ name, now, revision, ...schedule }: Effect.Success<typeof due>[number]): ScheduleStore.Firing =>
    ({ name, revision, ...ScheduleStore.plan(schedule, now) })
  return {
    schedules,
    declare: (changes: Parameters<typeof declaration>[0] = {}) => schedules.declare([declaration(changes)]),
    /** As an executor that lives says it. */
    still: (name = "nightly", task = "charge") => schedules.touch([{ name, task }]),
    get: (name = "nightly") => Effect.map(schedules.find(name), Option.getOrThrow),
    dueNames: Effect.map(due, (all) => all.map(({ name }) => name)),
    /** What is due, read and worked out, but not yet fired. */
    readings: Effect.map(due, (all) => all.map(firing)),
    fireAll: Effect.flatMap(due, (all) => Effect.map(Effect.forEach(all, (one) => schedules.fire(firing(one))), (fired) => fired.flat())),
    tasks: Effect.map(store.list({ limit: 500 }), ({ tasks }) => tasks.toReversed())
  }
})

export const suite = <R>(name: string, { elapse, layer, test: register }: Setting<R>): void => {
  const test = (title: string, body: Effect.Effect<unknown, unknown, TaskStore.TaskStore | R>) =>
    register(title, () => body.pipe(Effect.provide(layer), Effect.orDie))

  describe(`${name}: schedules`, () => {
    test("are listed as they were declared, by name, and enqueue nothing before their time", Effect.gen(function*() {
      const { declare, dueNames, schedules, tasks } = yield* using
      assert.deepStrictEqual(yield* declare(), [])
      yield* declare({ name: "a-first", rule: ScheduleStore.readRule("n", "t", { cron: "0 3 * * *", timeZone: "Europe/Paris", catchUp: "skip" }) })
      const [first, nightly] = yield* schedules.list
      const { declaredAt, nextSlot, ...rest } = nightly!
      assert.deepStrictEqual(rest, {
        name: "nightly", task: "charge", version: 2, queue: "money", payload: { shop: "paris", n: 1.5 }, rule: yearly(),
        paused: false, orphaned: false, changed: false, lastSlot: undefined, lastTask: undefined
      })
      assert.strictEqual(nextSlot, ScheduleStore.nextSlot(yearly().rhythm, declaredAt))
      assert.deepStrictEqual(first!.rule, { rhythm: { cron: "0 3 * * *", timeZone: "Europe/Paris" }, catchUp: "skip" })
      assert.deepStrictEqual(yield* dueNames, [])
      assert.deepStrictEqual(yield* tasks, [])
    }))

    test("say how long it is until the next of them", Effect.gen(function*() {
      const { declare, get, schedules } = yield* using
      assert.strictEqual((yield* schedules.due).wait, undefined)
      yield* declare()
      const { now, wait } = yield* schedules.due
      assert.approximately(now + wait!, (yield* get()).nextSlot!, 1)
    }))

    test("enqueue their task when they are due, with the slot that it stands for, and go on", Effect.gen(function*() {
      const { declare, dueNames, fireAll, get, still, tasks } = yield* using
      yield* declare()
      yield* elapse(year)
      yield* still()
      const { nextSlot } = yield* get()
      assert.deepStrictEqual(yield* dueNames, ["nightly"])
      const [fired] = yield* fireAll
      const [task] = yield* tasks
      assert.deepStrictEqual(fired, { slot: nextSlot!, id: task!.id, duplicate: false })
      const slot = new Date(nextSlot!).toISOString()
      assert.deepInclude(task!, {
        name: "charge", version: 2, queue: "money", state: "ready", priority: 3, payload: { shop: "paris", n: 1.5 },
        metadata: { tenant: "t1", schedule: "nightly", slot }
      })
      assert.deepInclude(yield* get(), { nextSlot: nextSlot! + year, lastSlot: nextSlot!, lastTask: task!.id })
      assert.deepStrictEqual(yield* dueNames, [])
    }))

    test("fire each slot once, of however many that read it at the same time (river#283 boss#592)", Effect.gen(function*() {
      const { declare, readings, schedules, still, tasks } = yield* using
      yield* declare({ rule: yearly("all") })
      yield* elapse(3 * year)
      yield* still()
      const all = yield* Effect.all(Array.from({ length: 8 }, () => readings))
      const fired = yield* Effect.all(all.flat().map((one) => schedules.fire(one)), { concurrency: "unbounded" })
      assert.deepStrictEqual(fired.map(({ length }) => length).sort(), [0, 0, 0, 0, 0, 0, 0, 3])
      assert.strictEqual((yield* tasks).length, 3)
    }))

    test("are held up by nobody who read them and died", Effect.gen(function*() {
      const { declare, fireAll, readings, still } = yield* using
      yield* declare()
      yield* elapse(year)
      yield* still()
      yield* readings
      assert.strictEqual((yield* fireAll).length, 1)
    }))

    test("fire no slot that has fired, whatever revision it is asked at", Effect.gen(function*() {
      const { declare, readings, schedules, still, tasks } = yield* using
      yield* declare()
      yield* elapse(year)
      yield* still()
      const [reading] = yield* readings
      yield* schedules.fire(reading!)
      assert.deepStrictEqual(yield* schedules.fire({ ...reading!, revision: reading!.revision + 1 }), [])
      assert.strictEqual((yield* tasks).length, 1)
    }))

    test("of the same rule and task are two, under two names (boss#898)", Effect.gen(function*() {
      const { declare, fireAll, still, tasks } = yield* using
      for (const other of ["a", "a:b", "a.b", "a-b"]) yield* declare({ name: other })
      yield* elapse(year)
      for (const other of ["a", "a:b", "a.b", "a-b"]) yield* still(other)
      yield* fireAll
      assert.sameMembers((yield* tasks).map(({ metadata }) => metadata!["schedule"]), ["a", "a:b", "a.b", "a-b"])
    }))

    for (const [catchUp, missed] of [["skip", []], ["one", [3]], ["all", [1, 2, 3]]] as const) {
      test(`that were away for three slots catch up as they say: ${catchUp}`, Effect.gen(function*() {
        const { declare, fireAll, get, still } = yield* using
        yield* declare({ rule: yearly(catchUp) })
        yield* elapse(3 * year)
        yield* still()
        const { nextSlot } = yield* get()
        assert.deepStrictEqual((yield* fireAll).map(({ slot }) => (slot - nextSlot!) / year + 1), [...missed])
        assert.strictEqual((yield* get()).nextSlot, nextSlot! + 3 * year)
      }))
    }

    test("do not overlap when their task has a unique key", Effect.gen(function*() {
      const { declare, fireAll, still, tasks } = yield* using
      yield* declare({ rule: yearly("all"), task: { uniqueKey: "one-at-a-time" } })
      yield* elapse(2 * year)
      yield* still()
      const [first, second] = yield* fireAll
      assert.deepStrictEqual([first!.duplicate, second!.duplicate, second!.id], [false, true, first!.id])
      assert.strictEqual((yield* tasks).length, 1)
    }))

    test("fire many slots in one go, in their order", Effect.gen(function*() {
      const { declare, readings, schedules, still, tasks } = yield* using
      yield* declare({ rule: ScheduleStore.readRule("n", "t", { every: 6 * 3_600_000, catchUp: "all" }) })
      yield* elapse(year)
      yield* still()
      const [reading] = yield* readings
      const fired = yield* schedules.fire(reading!)
      assert.deepStrictEqual(fired.map(({ slot }) => slot), [...reading!.slots])
      assert.deepStrictEqual((yield* tasks).map(({ metadata }) => Date.parse(metadata!["slot"]!)), [...reading!.slots])
    }))
  })

  describe(`${name}: declarations`, () => {
    test("that are repeated change nothing", Effect.gen(function*() {
      const { declare, fireAll, get, readings, schedules, still } = yield* using
      yield* declare()
      yield* elapse(year)
      yield* still()
      const [reading] = yield* readings
      yield* declare()
      assert.strictEqual((yield* schedules.fire(reading!)).length, 1)
      const before = yield* get()
      yield* declare()
      assert.deepStrictEqual({ ...yield* get(), declaredAt: 0 }, { ...before, declaredAt: 0 })
      assert.deepStrictEqual(yield* fireAll, [])
    }))

    test("that are new take effect, and what is due fires first, as it is declared now", Effect.gen(function*() {
      const { declare, fireAll, get, still, tasks } = yield* using
      yield* declare()
      yield* elapse(year)
      yield* still()
      const { nextSlot } = yield* get()
      yield* declare({ rule: ScheduleStore.readRule("n", "t", { every: 2 * 3_600_000, catchUp: "all" }), task: { payload: "new" } })
      assert.deepInclude(yield* get(), { nextSlot, payload: "new", changed: false })
      const fired = yield* fireAll
      assert.strictEqual(fired[0]!.slot, nextSlot!)
      assert.isTrue(fired.slice(1).every(({ slot }) => slot % (2 * 3_600_000) === 0))
      assert.deepInclude((yield* tasks)[0]!, { payload: "new" })
    }))

    test("of a name that workers declare for another task are refused, until those have been silent for five minutes", Effect.gen(function*() {
      const { declare, get } = yield* using
      yield* declare()
      yield* elapse(4 * minute)
      assert.deepStrictEqual(yield* declare({ task: { name: "other" } }), [{ name: "nightly", task: "other", owner: "charge" }])
      assert.strictEqual((yield* get()).task, "charge")
      yield* elapse(minute)
      assert.deepStrictEqual(yield* declare({ task: { name: "other" } }), [])
      assert.strictEqual((yield* get()).task, "other")
    }))

    test("hold a name for as long as workers say that they are there", Effect.gen(function*() {
      const { declare, still } = yield* using
      yield* declare()
      yield* elapse(4 * minute)
      yield* still("nightly", "other") // which is not its task
      yield* still()
      yield* elapse(4 * minute)
      assert.strictEqual((yield* declare({ task: { name: "other" } })).length, 1)
    }))

    test("that ended a day ago leave an orphan, which is listed and does not fire until it is declared again", Effect.gen(function*() {
      const { declare, dueNames, fireAll, get, schedules, still } = yield* using
      yield* declare()
      yield* elapse(year - 1 * day)
      yield* still()
      assert.isFalse((yield* get()).orphaned)
      yield* elapse(day)
      assert.isTrue((yield* get()).orphaned)
      assert.deepStrictEqual((yield* schedules.list).map(({ orphaned }) => orphaned), [true])
      assert.deepStrictEqual([yield* dueNames, (yield* schedules.due).wait], [[], undefined])
      yield* declare()
      assert.isFalse((yield* get()).orphaned)
      assert.strictEqual((yield* fireAll).length, 1)
    }))

    test("that remove a schedule take it away at once, and those of another task do not", Effect.gen(function*() {
      const { declare, schedules } = yield* using
      yield* declare()
      yield* schedules.declare([{ name: "nightly", remove: true, task: { name: "other" } }])
      assert.strictEqual((yield* schedules.list).length, 1)
      yield* schedules.declare([{ name: "nightly", remove: true, task: { name: "charge" } }, { name: "unknown", remove: true, task: { name: "charge" } }])
      assert.strictEqual((yield* schedules.list).length, 0)
      yield* declare()
      assert.strictEqual((yield* schedules.list).length, 1)
    }))

    test("of many workers that start at once make one schedule", Effect.gen(function*() {
      const { declare, schedules } = yield* using
      yield* Effect.all(Array.from({ length: 8 }, (_, n) => declare({ task: { payload: n % 2 } })), { concurrency: "unbounded" })
      assert.strictEqual((yield* schedules.list).length, 1)
    }))
  })

  describe(`${name}: an operator`, () => {
    test("pauses, and no declaration undoes it; what passes meanwhile is gone", Effect.gen(function*() {
      const { declare, dueNames, fireAll, get, schedules, still } = yield* using
      yield* declare({ rule: yearly("all") })
      assert.isTrue((yield* schedules.pause("nightly")).paused)
      const { nextSlot } = yield* get()
      yield* elapse(2 * year)
      yield* declare({ rule: yearly("all") })
      yield* declare({ rule: yearly("all"), task: { payload: "another" } })
      yield* still()
      assert.deepStrictEqual([yield* dueNames, (yield* get()).paused, (yield* get()).payload], [[], true, "another"])
      const resumed = yield* schedules.resume("nightly")
      assert.isFalse(resumed.paused)
      assert.strictEqual((resumed.nextSlot! - nextSlot!) % year, 0)
      assert.deepStrictEqual(yield* fireAll, [])
      yield* elapse(year)
      yield* still()
      assert.strictEqual((yield* fireAll).length, 1)
    }))

    test("loses nothing by resuming what is not paused", Effect.gen(function*() {
      const { declare, fireAll, schedules, still } = yield* using
      yield* declare()
      yield* elapse(year)
      yield* still()
      yield* schedules.resume("nightly")
      assert.strictEqual((yield* fireAll).length, 1)
    }))

    test("changes the rule; the same declaration leaves it so, and another one is the newer word", Effect.gen(function*() {
      const { declare, get, schedules } = yield* using
      yield* declare()
      const after = yield* schedules.change("nightly", { cron: "0 0 1 1 *", timeZone: "Asia/Tokyo" })
      assert.deepInclude(after, { rule: { rhythm: { cron: "0 0 1 1 *", timeZone: "Asia/Tokyo" }, catchUp: "one" }, changed: true })
      assert.strictEqual(new Date(after.nextSlot!).toISOString().slice(5), "12-31T15:00:00.000Z")
      yield* declare()
      assert.deepStrictEqual((yield* get()).rule, after.rule)
      yield* declare({ rule: yearly("all") })
      assert.deepInclude(yield* get(), { rule: yearly("all"), changed: false })
    }))

    test("is told what is wrong with a change, and nothing is changed", Effect.gen(function*() {
      const { declare, get, schedules } = yield* using
      yield* declare()
      const before = yield* get()
      const error = yield* Effect.flip(schedules.change("nightly", { cron: "0 0 31 4 *" }))
      assert.strictEqual(error._tag, "InvalidOption")
      assert.include(error.message, "no month that it names has such a day")
      assert.deepStrictEqual(yield* get(), before)
    }))

    test("takes no slot back that is due when the rule is changed", Effect.gen(function*() {
      const { declare, fireAll, get, schedules, still } = yield* using
      yield* declare()
      yield* elapse(year)
      yield* still()
      const { nextSlot } = yield* get()
      yield* schedules.change("nightly", { cron: "0 0 1 1 *" })
      assert.strictEqual((yield* get()).nextSlot, nextSlot)
      assert.isAtLeast((yield* fireAll).length, 1)
    }))

    test("comes before whoever has read what was due: paused, changed or removed, it does not fire as it was", Effect.gen(function*() {
      const { declare, readings, schedules, still, tasks } = yield* using
      yield* declare()
      yield* elapse(year)
      yield* still()
      for (const act of [schedules.pause("nightly"), schedules.resume("nightly"), schedules.change("nightly", { catchUp: "all" }), schedules.remove("nightly")]) {
        const [reading = { name: "nightly", revision: 1, slots: [0], next: undefined }] = yield* readings
        yield* act
        assert.deepStrictEqual(yield* schedules.fire(reading), [])
      }
      assert.deepStrictEqual(yield* tasks, [])
    }))

    test("removes, though workers go on to declare it, and brings it back", Effect.gen(function*() {
      const { declare, dueNames, schedules, still } = yield* using
      yield* declare()
      yield* schedules.remove("nightly")
      yield* declare()
      yield* declare({ task: { payload: "another" } })
      yield* elapse(year)
      yield* still()
      assert.deepStrictEqual([yield* schedules.list, yield* dueNames, Option.isNone(yield* schedules.find("nightly"))], [[], [], true])
      assert.deepInclude(yield* schedules.resume("nightly"), { payload: "another", paused: false })
      assert.strictEqual((yield* schedules.list).length, 1)
    }))

    test("removes for good what nobody declares any more", Effect.gen(function*() {
      const { declare, schedules, still } = yield* using
      yield* declare()
      yield* schedules.remove("nightly")
      yield* elapse(day)
      yield* still("something else")
      assert.strictEqual((yield* Effect.flip(schedules.resume("nightly")))._tag, "ScheduleNotFound")
      yield* declare()
      assert.strictEqual((yield* schedules.list).length, 1)
    }))

    test("is told that there is no such schedule", Effect.gen(function*() {
      const { schedules } = yield* using
      for (const ask of [schedules.pause("none"), schedules.resume("none"), schedules.remove("none"), schedules.change("none", { catchUp: "all" })]) {
        const error = yield* Effect.flip(ask as Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>)
        assert.deepInclude(error, { _tag: "ScheduleNotFound", message: 'There is no schedule named "none"' })
      }
      assert.isTrue(Option.isNone(yield* schedules.find("none")))
      assert.deepStrictEqual(yield* schedules.fire({ name: "none", revision: 1, slots: [0], next: undefined }), [])
    }))
  })
}
