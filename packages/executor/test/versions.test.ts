/** Old and new deployments side by side: who runs which version, and what becomes of payloads that nobody can read. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { z } from "zod"
import { PromiseTask, Registry, Task, TaskHandlers, Tasks, TaskStore } from "@outrigger/sdk"
import { Task as PlainTask } from "@outrigger/sdk/promise"
import { Executor } from "../src/index.ts"

const Old = Task.make("greet", { payload: { name: Schema.String }, success: Schema.String })

const split = ({ name }: { readonly name: string }) => {
  const [first, last] = name.split(" ")
  if (last === undefined) throw new Error(`"${name}" has no last name`)
  return { first, last }
}
const shout = ({ first, last }: { readonly first: string; readonly last: string }) => ({ first, last: last.toUpperCase() })
const migrations = { 1: split, 2: shout }

const New = Task.make("greet", {
  payload: { first: Schema.String, last: Schema.NonEmptyString }, success: Schema.String, version: 3, migrations
})
const NewPlain = PlainTask.make("greet", { payload: z.object({ first: z.string(), last: z.string().min(1) }), version: 3, migrations })

/** One deployment's executor, on a store that others share. */
const deployment = (handlers: Layer.Layer<never>) =>
  Executor.layer().pipe(Layer.provide(handlers), Layer.provide(Layer.mergeAll(TaskHandlers.layer, Registry.layer)))

const taskOf = (id: string) => Tasks.Tasks.use((tasks) => tasks.find(id))
const oldLayer = deployment(Old.toLayer(({ name }) => Effect.succeed(`old ${name}`)))

for (const [face, newLayer] of [
  ["effects", deployment(New.toLayer(({ first, last }) => Effect.succeed(`new ${first} ${last}`)))],
  ["promises", deployment(PromiseTask.fromHandler(NewPlain.handle(({ first, last }) => Promise.resolve(`new ${first} ${last}`))))]
] as const) {
  describe(`versions of a payload, with ${face}`, () => {
    const on = <A, E>(layer: Layer.Layer<Executor.Executor, unknown, TaskStore.TaskStore>, body: Effect.Effect<A, E, Tasks.Tasks | TaskStore.TaskStore | Scope.Scope>) =>
      Effect.scoped(Effect.andThen(Layer.build(layer), body)).pipe(Effect.provide(Tasks.layerMemory))

    it.effect("brings a payload of every older version up to date, step by step", () => on(newLayer, Effect.gen(function*() {
      const old = yield* Old.enqueue({ name: "Ada Lovelace" })
      const own = yield* New.enqueue({ first: "Grace", last: "Hopper" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* taskOf(old)).result, "new Ada LOVELACE")
      assert.strictEqual((yield* taskOf(own)).result, "new Grace Hopper")
    })))

    it.effect("ends what cannot be brought up to date, with the reason, and runs what stands behind it", () => on(newLayer, Effect.gen(function*() {
      const unreadable = yield* Old.enqueue({ name: "Plato" })
      const refused = yield* Old.enqueue({ name: "Ada " })
      const behind = yield* Old.enqueue({ name: "Ada Lovelace" })
      yield* TestClock.adjust("1 second")
      assert.deepInclude((yield* taskOf(unreadable)).failure!, {
        name: "PayloadMigrationFailed",
        message: 'The payload of "greet" could not be brought from version 1 to 2: "Plato" has no last name'
      })
      assert.deepInclude(yield* taskOf(refused), { state: "dead", attempt: 1 })
      assert.strictEqual((yield* taskOf(refused)).failure!.name, "InvalidPayload")
      assert.strictEqual((yield* taskOf(behind)).state, "succeeded")
    })))

    it.effect("leaves a version that it does not know to whoever does", () => on(oldLayer, Effect.gen(function*() {
      const newer = yield* New.enqueue({ first: "Grace", last: "Hopper" })
      const old = yield* Old.enqueue({ name: "Ada Lovelace" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* taskOf(old)).result, "old Ada Lovelace")
      assert.strictEqual((yield* taskOf(newer)).state, "ready")
      yield* Layer.build(newLayer)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* taskOf(newer)).result, "new Grace Hopper")
    })))

    it.effect("announces its own version alone: what an old payload must be is the old deployment's to say", () => on(newLayer, Effect.gen(function*() {
      const store = yield* TaskStore.TaskStore
      assert.deepStrictEqual((yield* store.definitions).map(({ version }) => version), [3])
    })))
  })
}

describe("migrations of a payload", () => {
  const make = (version: number, steps: Record<string, unknown>) => () =>
    Task.make("greet", { payload: { n: Schema.Int }, version, migrations: steps as Task.Options<any, any, any>["migrations"] & {} })
  it.each([
    ["that skip a version", 4, { 1: split, 3: shout }, /migrations\.2 is missing/],
    ["that do not reach the task's version", 3, { 1: split }, /migrations\.2 is missing/],
    ["from the task's own version", 2, { 2: split }, /migrations\.2 is there, but must be keyed by the version it starts from, below 2/],
    ["from a version that is none", 2, { one: split }, /migrations\.NaN/],
    ["that are no functions", 2, { 1: "split" }, /migrations\.1 is split, but must be a function/]
  ])("%s are refused when the task is made", (_, version, steps, message) => {
    assert.throws(make(version, steps), message)
    assert.throws(() => PlainTask.make("greet", { payload: z.object({}), version, migrations: steps as never }), message)
  })
})
