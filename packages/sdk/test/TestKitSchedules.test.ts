import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Api, Registry, Task, type Tasks, TaskStore } from "@outrigger/sdk"
import * as TestKit from "@outrigger/sdk/TestKit"

const Report = Task.make("report", { payload: { shop: Schema.String } })
const Charge = Task.make("charge", { payload: { id: Schema.String }, needs: ["payments"], retry: { times: 0 } })
const Sync = Task.make("sync", { payload: { id: Schema.String }, queue: "syncs", concurrencyKey: () => "tenant", retry: { times: 1, base: "10 seconds" } })

class Payments extends Api.Service<Payments>()("payments", { retry: false, breaker: { failures: 1, openFor: "60 seconds" } }) {}

type Services = TestKit.TestKit | Tasks.Tasks | TaskStore.TaskStore | Payments

/** A test whose handlers write down when they ran, and for what. */
const test = (title: string, schedules: Layer.Layer<never, Task.EnqueueError>, body: (runs: Array<string>) => Effect.Effect<unknown, unknown, Services>) => {
  it.effect(title, () => {
    const runs: Array<string> = []
    const note = (what: string) => Effect.map(Clock.currentTimeMillis, (now) => void runs.push(`${now / 1000} ${what}`))
    const handlers = Layer.mergeAll(
      Report.toLayer((_, { metadata }) => note(String(Date.parse(metadata["slot"]!) / 1000))),
      Charge.toLayer(({ id }) => note(id)),
      Sync.toLayer(({ id }, { attempt }) => Effect.gen(function*() {
        yield* note(`${id}/${attempt}`)
        if (id === "late" && runs.length < 2) yield* Task.snooze("10 minutes")
        if (id === "bad" && attempt === 1) yield* Effect.fail("down")
      }))
    )
    const kit = Layer.mergeAll(handlers, schedules).pipe(Layer.provideMerge(TestKit.layer))
    return body(runs).pipe(Effect.provide(Layer.mergeAll(kit, Payments.layer).pipe(Layer.provide(Registry.layer))))
  })
}

const drained = (expected: object, options?: TestKit.DrainOptions) => Effect.map(TestKit.drain(options), (result) => assert.deepInclude(result, expected))
const hour = 3600

describe("a schedule beside the handlers", () => {
  const hourly = Report.schedule("hourly", { every: "1 hour" }, { shop: "paris" })

  test("fires each slot in its time while a drain goes through it", hourly, (runs) => Effect.gen(function*() {
    yield* drained({ attempts: 3, succeeded: 3 }, { for: "200 minutes" })
    assert.deepStrictEqual(runs, [1, 2, 3].map((n) => `${n * hour} ${n * hour}`))
    yield* TestKit.assertEnqueued(Report, { count: 3, metadata: { schedule: "hourly" } })
    assert.strictEqual(yield* Clock.currentTimeMillis, 200 * 60_000)
  }))

  test("takes a clock that was adjusted for an outage, and catches up", hourly, (runs) => Effect.gen(function*() {
    yield* TestClock.adjust("150 minutes")
    yield* drained({ attempts: 1 })
    assert.deepStrictEqual(runs, [`9000 ${2 * hour}`])
  }))

  test("begins anew when the kit forgets its tasks", hourly, (runs) => Effect.gen(function*() {
    yield* TestClock.setTime(Date.parse("2030-01-01T00:30:00Z"))
    yield* TestKit.clear
    yield* drained({ attempts: 0 })
    yield* drained({ attempts: 1 }, { for: "30 minutes" })
    assert.deepStrictEqual(runs, [`${Date.parse("2030-01-01T01:00:00Z") / 1000} ${Date.parse("2030-01-01T01:00:00Z") / 1000}`])
  }))

  test("is that of the store: paused there, it does not fire", hourly, () => Effect.gen(function*() {
    const { schedules } = yield* TaskStore.TaskStore
    yield* schedules.pause("hourly")
    yield* drained({ attempts: 0 }, { for: "1 day" })
    yield* schedules.resume("hourly")
    yield* drained({ attempts: 24 }, { for: "1 day" })
    assert.strictEqual(Option.getOrThrow(yield* schedules.find("hourly")).lastSlot, 48 * hour * 1000)
  }))

  test("is declared from the moment its layer is built, for as long as it lives", Layer.empty, (runs) => Effect.gen(function*() {
    yield* TestClock.setTime(10 * hour * 1000)
    const { layer } = yield* Effect.map(Effect.context<never>(), (context) => ({ layer: Layer.provide(hourly, Layer.succeedContext(context)) }))
    yield* drained({ attempts: 2 }, { for: "2 hours" }).pipe(Effect.provide(layer))
    yield* TestClock.adjust("1 day")
    yield* drained({ attempts: 0 }) // nobody has declared it for a day
    assert.deepStrictEqual(runs, [11, 12].map((n) => `${n * hour} ${n * hour}`))
  }))
})

describe("what holds a task back", () => {
  test("is the open breaker of what it needs, until the clock has brought its time", Layer.empty, (runs) => Effect.gen(function*() {
    yield* Effect.ignore(Payments.call("charge", Effect.fail(new Error("down"))))
    yield* Charge.enqueue({ id: "W-1" })
    yield* drained({ attempts: 0, handedBack: 0 })
    yield* drained({ attempts: 1, succeeded: 1 }, { with: "retries" })
    assert.deepStrictEqual(runs, ["60 W-1"])
  }))

  test("is a breaker that was isolated by hand, for good", Layer.empty, () => Effect.gen(function*() {
    yield* Payments.isolate
    yield* Charge.enqueue({ id: "W-1" })
    yield* drained({ attempts: 0 }, { with: "scheduled" })
    yield* Payments.restore
    yield* drained({ succeeded: 1 })
  }))

  test("is its paused queue, and its snooze", Layer.empty, (runs) => Effect.gen(function*() {
    const store = yield* TaskStore.TaskStore
    const id = yield* Sync.enqueue({ id: "late" })
    yield* store.pauseQueue("syncs")
    yield* drained({ attempts: 0 }, { with: "scheduled" })
    yield* store.resumeQueue("syncs")
    yield* drained({ attempts: 2, handedBack: 1, succeeded: 1 }, { with: "retries" })
    assert.deepStrictEqual(runs, ["0 late/1", "600 late/1"])
    assert.strictEqual((yield* TestKit.task(id)).attempt, 1)
  }))

  test("is the turn of its key, in order whatever the priority", Layer.empty, (runs) => Effect.gen(function*() {
    yield* Sync.enqueue({ id: "bad" }, { priority: 9 })
    yield* Sync.enqueue({ id: "good" }, { priority: 0 })
    yield* drained({ attempts: 3, retried: 1, succeeded: 2 }, { with: "retries" })
    assert.deepStrictEqual(runs, ["0 bad/1", "0 good/1", "10 bad/2"])
  }))
})
