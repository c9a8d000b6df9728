/** Schedules in a test kit: declared as by a worker that lives as long as the kit, and fired as the kit's time passes their slots. */
import { plan } from "../schedules/plan.ts"
import type { Declaration } from "../schedules/schedule.ts"
import { ScheduleTable } from "../schedules/scheduleTable.ts"
import type { TaskTable } from "../tasks/taskTable.ts"

export class Timetable {
  readonly table: ScheduleTable
  private readonly declared = new Set<Declaration>()

  constructor(tasks: TaskTable) {
    this.table = new ScheduleTable((all, now) => tasks.enqueue(all, now))
  }

  /** From `since` on, until the returned function is called. */
  declare(declaration: Declaration, since: number): () => void {
    this.declared.add(declaration)
    this.tell(declaration, since)
    return () => void this.declared.delete(declaration)
  }

  private tell(declaration: Declaration, since: number): void {
    for (const { name, owner, task } of this.table.declare([declaration], since)) {
      throw new TypeError(`The schedule "${name}" of task ${task} is not taken: there is one of that name for task ${owner}. Give it another name`)
    }
  }

  /** Every slot that has come, as a scheduler would: what was missed by more than a minute is caught up as its schedule says. */
  fire(now: number): void {
    this.table.touch([...this.declared].map(({ name, task }) => ({ name, task: task.name })), now)
    for (;;) {
      const { schedules } = this.table.due(now)
      if (schedules.length === 0) return
      for (const due of schedules) this.table.fire({ name: due.name, revision: due.revision, ...plan(due, now) }, now)
    }
  }

  /** When the next slot comes, epoch ms. */
  next(now: number): number | undefined {
    const { wait } = this.table.due(now)
    return wait === undefined ? undefined : now + wait
  }

  /** As if all had been declared just now. */
  restart(now: number): void {
    this.table.clear()
    for (const declaration of this.declared) this.tell(declaration, now)
  }
}
