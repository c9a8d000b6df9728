/** An executor over a memory store of its own, with a registry and handlers of its own. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Registry, TaskHandlers, Tasks, TaskStore } from "@outrigger/sdk"
import { Executor } from "../src/index.ts"

/** `changed` stands around the store, to listen or to spoil. */
export const bench = (
  handlers: Layer.Layer<never>, options?: Executor.Options, changed: (store: TaskStore.Service) => TaskStore.Service = (store) => store
) => Executor.layer(options).pipe(
  Layer.provide(handlers),
  Layer.provideMerge(Tasks.layerStore),
  Layer.provideMerge(Layer.effect(TaskStore.TaskStore, Effect.map(TaskStore.TaskStore, changed)).pipe(Layer.provide(TaskStore.layerMemory))),
  Layer.provideMerge(Layer.mergeAll(TaskHandlers.layer, Registry.layer))
)

export const taskOf = (id: string) => Tasks.Tasks.use((tasks) => tasks.find(id))
export const stateOf = (id: string) => Effect.map(taskOf(id), ({ state }) => state)
export const depth = TaskStore.TaskStore.use((store) => Effect.map(store.queues, ([queue]) => queue ?? { ready: 0, running: 0, scheduled: 0 }))
