/** Ours, as a host uses it: the executor at its default settings, tasks enqueued over the host's own client. */
import { Executor } from "@outrigger/executor"
import { Migrations, PgTasks, PgTaskStore } from "@outrigger/postgres"
import { Task, TaskHandlers, Tasks } from "@outrigger/sdk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { names, type Payload, plain, type Queue, type Queues, type Shape, type Spec } from "./queue.ts"

const payload = { n: Schema.Number, pad: Schema.String, sentAt: Schema.Number }
const retry = { times: 1, base: "100 millis", jitter: "none" } as const

const tasksOf = (shape: Shape) => names(shape).map((name) => Task.make(name, { payload, retry }))

const tasks = tasksOf({ ...plain, routes: 20 })
const keyed = Task.make("noop-keyed", { payload: { ...payload, key: Schema.String }, retry, concurrencyKey: ({ key }) => key })

const encode = ({ key, payload, priority, route }: Spec) =>
  key === undefined ? tasks[route]!.encode(payload, { priority }) : keyed.encode({ ...payload, key }, { priority })

/** Alike, they go the plain way; what differs from task to task is told of each. */
const enqueueMany = (specs: ReadonlyArray<Spec>): Effect.Effect<unknown, Task.EnqueueError, Tasks.Tasks> => {
  const [first] = specs
  const alike = specs.every(({ key, priority, route }) => key === undefined && priority === first?.priority && route === first.route)
  return first !== undefined && alike
    ? tasks[first.route]!.enqueueMany(specs.map(({ payload }) => payload), { priority: first.priority })
    : Effect.flatMap(Effect.forEach(specs, encode), (all) => Tasks.Tasks.use((service) => service.enqueue(all)))
}

const outrigger: Queue = {
  prepare: (url) => Effect.runPromise(Effect.asVoid(Migrations.run()).pipe(
    Effect.provide(PgTaskStore.layerPool({ url: Redacted.make(url), maxConnections: 1 }))
  )),
  produce: async (url) => {
    const runtime = ManagedRuntime.make(PgTasks.layer.pipe(Layer.provide(PgTaskStore.layerPool({ url: Redacted.make(url) }))))
    return {
      many: (specs) => runtime.runPromise(enqueueMany(specs)),
      one: ({ payload, route }) => runtime.runPromise(tasks[route]!.enqueue(payload)),
      close: () => runtime.dispose()
    }
  },
  run: async (url, shape, handle) => {
    const run = (payload: Payload) => handle(payload) ? Effect.void : Effect.fail("fails once")
    const [first, ...rest] = tasksOf(shape).map((task) => task.toLayer(run))
    if (shape.keys > 0) rest.push(keyed.toLayer(run))
    const layer = Executor.layer().pipe(
      Layer.provide(Layer.mergeAll(first!, ...rest)),
      Layer.provide(PgTaskStore.layer({ url: Redacted.make(url) })),
      Layer.provide(TaskHandlers.layer)
    )
    const scope = Scope.makeUnsafe()
    const executor = Context.get(await Effect.runPromise(Layer.buildWithScope(layer, scope)), Executor.Executor)
    return { stop: () => Effect.runPromise(executor.drain), close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
  }
}

export default { outrigger } satisfies Queues
