/** The handlers of a kit, by name and version: each of its own, and of those before that it can bring up to date; and its schedules. */
import type { Declaration } from "../core/schedules/schedule.ts"
import type { TaskDefinition } from "../core/tasks/task.ts"
import { type Middleware, withMiddleware } from "../promise/middleware.ts"
import { isTaskHandler, isTaskSchedule, type TaskHandler, type TaskSchedule } from "../promise/Task.ts"

type Which = Pick<TaskDefinition, "name" | "version">

const routeOf = ({ name, version }: Which): string => `${name} v${version}`

export class HandlerSet {
  private readonly handlers = new Map<string, { readonly handler: TaskHandler; readonly definition: TaskDefinition }>()

  private readonly schedules = new Map<string, TaskSchedule>()

  constructor(all: TaskHandler | TaskSchedule | ReadonlyArray<TaskHandler | TaskSchedule>, middleware: ReadonlyArray<Middleware>) {
    for (const one of [all].flat() as ReadonlyArray<TaskHandler | TaskSchedule>) {
      if (isTaskSchedule(one)) this.addSchedule(one)
      else if (isTaskHandler(one)) this.addHandler(withMiddleware(one, middleware))
      else throw new TypeError(`createTestKit: a handler is ${String(one)}, but must be what Task.handle or Task.schedule gives`)
    }
  }

  private addHandler(handler: TaskHandler): void {
    for (const version of [handler.definition.version, ...handler.older ?? []]) this.add(handler, { ...handler.definition, version })
  }

  private addSchedule(schedule: TaskSchedule): void {
    if (this.schedules.has(schedule.name)) throw new TypeError(`createTestKit: two schedules named "${schedule.name}": give one another name`)
    this.schedules.set(schedule.name, schedule)
  }

  private add(handler: TaskHandler, definition: TaskDefinition): void {
    const route = routeOf(definition)
    if (this.handlers.has(route)) throw new TypeError(`createTestKit: two handlers for task ${route}: remove one, or give one another version`)
    this.handlers.set(route, { handler, definition })
  }

  definitions(): ReadonlyArray<TaskDefinition> {
    return [...this.handlers.values()].map(({ definition }) => definition)
  }

  /** What its schedules come to; undefined when there are none. */
  declarations(): Promise<ReadonlyArray<Declaration>> | undefined {
    return this.schedules.size === 0 ? undefined : Promise.all([...this.schedules.values()].map((schedule) => schedule.declaration()))
  }

  of(which: Which): TaskHandler {
    const handler = this.handlers.get(routeOf(which))?.handler
    if (handler !== undefined) return handler
    const known = [...this.handlers.keys()].join(", ")
    throw new TypeError(`The kit has no handler for task ${routeOf(which)}: give it one, createTestKit({ handlers: [...] }); it has ${known || "none"}`)
  }
}
