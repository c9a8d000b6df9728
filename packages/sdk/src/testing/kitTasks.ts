/** What an outrigger finds in place of a sidecar. */
import type { Enqueued, NewTask, TaskId, TaskRecord } from "../core/tasks/task.ts"
import { TaskNotFound } from "../core/tasks/taskErrors.ts"
import type { Workbench } from "../core/testing/workbench.ts"
import type { Tasks } from "../promise/Sidecar.ts"

const noHandler = "the kit has no handler for it. Give it one: createTestKit({ handlers: [...] })"

export class KitTasks implements Tasks {
  private readonly bench: Workbench
  /** Lets time go by, and what falls due run, until this says so or nothing is left. */
  private readonly play: (over: () => boolean) => Promise<unknown>
  private readonly waiting = new Map<TaskId, Set<() => void>>()

  constructor(bench: Workbench, play: (over: () => boolean) => Promise<unknown>) {
    this.bench = bench
    this.play = play
  }

  async enqueue(task: NewTask): Promise<Enqueued> {
    return (await this.enqueueMany([task]))[0]!
  }

  async enqueueMany(tasks: ReadonlyArray<NewTask>): Promise<ReadonlyArray<Enqueued>> {
    const answers = this.bench.enqueue(tasks)
    if (answers instanceof Error) throw answers
    return answers
  }

  async find(id: TaskId): Promise<TaskRecord> {
    return this.known(id, this.bench.table.find(id))
  }

  async cancel(id: TaskId): Promise<TaskRecord> {
    return this.known(id, this.bench.cancel(id))
  }

  async redrive(id: TaskId): Promise<TaskRecord> {
    return this.known(id, this.bench.redrive(id))
  }

  /** Nobody sleeps in a test kit. */
  async wake(): Promise<void> {}

  async await(id: TaskId, signal?: AbortSignal): Promise<TaskRecord> {
    const over = () => signal?.aborted === true || this.bench.table.find(id)?.finishedAt !== undefined
    for (;;) {
      signal?.throwIfAborted()
      const task = await this.find(id)
      if (task.finishedAt !== undefined) return task
      await this.play(over)
      const left = await this.find(id)
      if (left.finishedAt !== undefined || signal?.aborted === true) continue
      if (left.state !== "running") throw new Error(`Task ${id} "${left.name}" cannot end here: ${this.bench.heldBack(left) ?? noHandler}`)
      await this.change(id, signal) // somebody else's drain is at it
    }
  }

  private known(id: TaskId, record: TaskRecord | undefined): TaskRecord {
    if (record === undefined) throw new TaskNotFound(id)
    return record
  }

  private change(id: TaskId, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const all = this.waiting.get(id) ?? new Set()
      this.waiting.set(id, all.add(resolve))
      signal?.addEventListener("abort", () => resolve(), { once: true })
    })
  }

  /** A task has moved: whoever waits for it looks again. */
  changed(id: TaskId): void {
    const all = this.waiting.get(id)
    this.waiting.delete(id)
    for (const look of all ?? []) look()
  }
}
