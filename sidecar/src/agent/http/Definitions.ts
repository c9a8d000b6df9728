/** What the workers can run, as the agent knows it: names, defaults, and what their schemas say of a payload. */
import { Task, type TaskStore } from "@outrigger/sdk"
import * as Effect from "effect/Effect"
import type { Issue, PayloadSchemas } from "./payloadSchemas.ts"

/** Workers announce themselves now and then: what was read is good for this long, ms. */
const freshFor = 1000

type TaskDefinition = TaskStore.TaskDefinition

export class Definitions {
  private readonly store: TaskStore.Service
  private readonly now: () => number
  private schemas: Promise<PayloadSchemas> | undefined
  private known: ReadonlyArray<TaskDefinition> = []
  private readAt = -Infinity

  /** `now` is monotonic, ms. */
  constructor(store: TaskStore.Service, now: () => number) {
    this.store = store
    this.now = now
  }

  /** All of them, no older than `freshFor`. */
  readonly all: Effect.Effect<ReadonlyArray<TaskDefinition>, Task.StoreUnavailable> = Effect.suspend(() =>
    this.now() - this.readAt < freshFor ? Effect.succeed(this.known) : Effect.tap(this.store.definitions, (definitions) => Effect.sync(() => {
      this.known = definitions
      this.readAt = this.now()
    }))
  )

  /** The newest version, unless one is named. */
  find(name: string, version: number | undefined): Effect.Effect<TaskDefinition, Task.UnknownTask | Task.StoreUnavailable> {
    return Effect.flatMap(this.all, (definitions) => {
      const fitting = definitions.filter((definition) => definition.name === name && (version === undefined || definition.version === version))
      const newest = fitting.reduce<TaskDefinition | undefined>((best, one) => best === undefined || one.version > best.version ? one : best, undefined)
      return newest === undefined ? Effect.fail(new Task.UnknownTask(name)) : Effect.succeed(newest)
    })
  }

  /** What the task's schema has against a payload; nothing where it has no schema. */
  issues(definition: TaskDefinition, payload: unknown): Effect.Effect<ReadonlyArray<Issue>> {
    if (definition.payloadSchema === undefined || definition.payloadSchema === null) return Effect.succeed([])
    this.schemas ??= import("./payloadSchemas.ts").then((module) => new module.PayloadSchemas())
    const { schemas } = this
    return Effect.map(Effect.promise(() => schemas), (all) => all.issues(definition, payload))
  }
}
