/** The memory store's schedules, pure but for its own fields: the plain statement of what a store must do with them. */
import { changed, declared, paused, recordOf, removed, resumed, slotMetadata, type Standing } from "./standing.ts"
import { type Declaration, orphanedAfter, type RuleInput, type ScheduleRecord } from "./schedule.ts"
import type { Enqueued, NewTask } from "../tasks/task.ts"
import type { EnqueueError } from "../tasks/taskErrors.ts"
import type { DueSchedules, Fired, Firing, Refused } from "./schedulePort.ts"

interface Row {
  standing: Standing
  /** Slots, and when each was fired. */
  readonly fired: Map<number, number>
}

const keepSlots = 86_400_000

/** How the store beside takes tasks. */
type Enqueue = (tasks: ReadonlyArray<NewTask>, now: number) => ReadonlyArray<Enqueued> | EnqueueError

export class ScheduleTable {
  private readonly rows = new Map<string, Row>()
  private readonly enqueue: Enqueue

  constructor(enqueue: Enqueue) {
    this.enqueue = enqueue
  }

  /** Forgets all schedules. */
  clear(): void {
    this.rows.clear()
  }

  declare(declarations: ReadonlyArray<Declaration>, now: number): ReadonlyArray<Refused> {
    return declarations.flatMap((declaration) => {
      const { name, task } = declaration
      const row = this.rows.get(name)
      const verdict = declared(row?.standing, declaration, now)
      switch (verdict._tag) {
        case "Write": this.write(verdict.standing); break
        case "Same": this.touch([{ name, task: task.name }], now); break
        case "Delete": this.rows.delete(name); break
        case "Refused": return [{ name, task: task.name, owner: verdict.owner }]
      }
      return []
    })
  }

  touch(schedules: ReadonlyArray<{ readonly name: string; readonly task: string }>, now: number): void {
    for (const { name, task } of schedules) {
      const row = this.rows.get(name)
      if (row?.standing.declared.task.name === task) row.standing = { ...row.standing, declaredAt: now }
    }
    for (const [name, { standing }] of this.rows) {
      if (standing.removed && now - standing.declaredAt >= orphanedAfter) this.rows.delete(name)
    }
  }

  list(now: number): ReadonlyArray<ScheduleRecord> {
    return [...this.rows.values()].filter(({ standing }) => !standing.removed)
      .map(({ standing }) => recordOf(standing, now)).sort((a, b) => a.name < b.name ? -1 : 1)
  }

  find(name: string, now: number): ScheduleRecord | undefined {
    const standing = this.rows.get(name)?.standing
    return standing === undefined || standing.removed ? undefined : recordOf(standing, now)
  }

  change(name: string, change: RuleInput, now: number): ScheduleRecord | undefined {
    return this.alter(name, now, (standing) => changed(standing, change, now))
  }

  pause(name: string, now: number): ScheduleRecord | undefined {
    return this.alter(name, now, paused)
  }

  resume(name: string, now: number): ScheduleRecord | undefined {
    const row = this.rows.get(name)
    return row && recordOf(this.write(resumed(row.standing, now)), now)
  }

  remove(name: string, now: number): ScheduleRecord | undefined {
    return this.alter(name, now, removed)
  }

  due(now: number): DueSchedules {
    const live = [...this.rows.values()].map(({ standing }) => standing)
      .filter(({ declaredAt, next, paused, removed }) => next !== undefined && !paused && !removed && now - declaredAt < orphanedAfter)
    const later = live.filter(({ next }) => next! > now).map(({ next }) => next! - now)
    return {
      now,
      schedules: live.filter(({ next }) => next! <= now).sort((a, b) => a.next! - b.next!)
        .map(({ name, next, revision, rule }) => ({ name, revision, ...rule, next: next! })),
      wait: later.length === 0 ? undefined : Math.min(...later)
    }
  }

  fire({ name, next, revision, slots }: Firing, now: number): ReadonlyArray<Fired> {
    const row = this.rows.get(name)
    if (row === undefined || row.standing.revision !== revision || row.standing.paused || row.standing.removed) return []
    for (const [slot, firedAt] of row.fired) if (firedAt < now - keepSlots) row.fired.delete(slot)
    const { task } = row.standing
    const fired = slots.filter((slot) => !row.fired.has(slot)).map((slot): Fired => {
      row.fired.set(slot, now)
      return { slot, ...this.enqueueOne({ ...task, metadata: { ...task.metadata, ...slotMetadata(name, slot) } }, now) }
    })
    const last = fired.at(-1)
    this.write({ ...row.standing, next, ...(last !== undefined && { lastSlot: last.slot, lastTask: last.id }) })
    return fired
  }

  private enqueueOne(task: NewTask, now: number): Enqueued {
    const enqueued = this.enqueue([task], now)
    if (enqueued instanceof Error) throw enqueued // what was declared was looked at before
    return enqueued[0]!
  }

  private alter(name: string, now: number, transition: (before: Standing) => Standing): ScheduleRecord | undefined {
    const standing = this.rows.get(name)?.standing
    return standing === undefined || standing.removed ? undefined : recordOf(this.write(transition(standing)), now)
  }

  private write(standing: Standing): Standing {
    const before = this.rows.get(standing.name)
    const written = { ...standing, revision: before === undefined ? standing.revision : standing.revision + 1 }
    if (before === undefined) this.rows.set(standing.name, { standing: written, fired: new Map() })
    else before.standing = written
    return written
  }
}
