/** Which routes may be claimed now, given the breakers of what their tasks need. */
import { Registry, type TaskStore } from "@outrigger/sdk"

export interface Openings {
  /** Nothing that they need is in trouble. */
  readonly open: ReadonlyArray<TaskStore.Route>
  /** What they need is recovering: only as many at once as its breaker lets through. */
  readonly probing: ReadonlyArray<{ readonly route: TaskStore.Route; readonly limit: number }>
}

/** `running` counts the attempts at work of a route's task by name. */
export const openings = (
  definitions: ReadonlyArray<TaskStore.TaskDefinition>, registry: Registry.Service, now: number, running: (name: string) => number
): Openings => {
  const open: Array<TaskStore.Route> = []
  const probing: Array<{ readonly route: TaskStore.Route; readonly limit: number }> = []
  for (const { name, needs, queue, version } of definitions) {
    const route = { name, queue, version }
    const limit = Registry.probesOf(needs, (need) => registry.get(need), now)
    if (limit === Infinity) open.push(route)
    else if (limit > running(name)) probing.push({ route, limit: limit - running(name) })
  }
  return { open, probing }
}
