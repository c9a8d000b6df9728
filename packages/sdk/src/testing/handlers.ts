/** The handlers of a kit, by name and version: each of its own, and of those before that it can bring up to date. */
import type { TaskDefinition } from "../core/tasks/task.ts"
import { isTaskHandler, type TaskHandler } from "../promise/Task.ts"

type Which = Pick<TaskDefinition, "name" | "version">

const routeOf = ({ name, version }: Which): string => `${name} v${version}`

export class HandlerSet {
  private readonly handlers = new Map<string, { readonly handler: TaskHandler; readonly definition: TaskDefinition }>()

  constructor(handlers: TaskHandler | ReadonlyArray<TaskHandler>) {
    for (const handler of Array.isArray(handlers) ? handlers as ReadonlyArray<TaskHandler> : [handlers as TaskHandler]) {
      if (!isTaskHandler(handler)) throw new TypeError(`createTestKit: a handler is ${String(handler)}, but must be what Task.handle gives`)
      for (const version of [handler.definition.version, ...handler.older ?? []]) this.add(handler, { ...handler.definition, version })
    }
  }

  private add(handler: TaskHandler, definition: TaskDefinition): void {
    const route = routeOf(definition)
    if (this.handlers.has(route)) throw new TypeError(`createTestKit: two handlers for task ${route}: remove one, or give one another version`)
    this.handlers.set(route, { handler, definition })
  }

  definitions(): ReadonlyArray<TaskDefinition> {
    return [...this.handlers.values()].map(({ definition }) => definition)
  }

  of(which: Which): TaskHandler {
    const handler = this.handlers.get(routeOf(which))?.handler
    if (handler !== undefined) return handler
    const known = [...this.handlers.keys()].join(", ")
    throw new TypeError(`The kit has no handler for task ${routeOf(which)}: give it one, createTestKit({ handlers: [...] }); it has ${known || "none"}`)
  }
}
