/**
 * What a test kit stands on: the memory table, and workers that live for one attempt each, so that one can be lost without
 * the others. A shell around it (promises, effects) runs the handlers and says what time it is.
 *
 *   next ----> an attempt, claimed by a worker of its own ----> the shell runs it ----> settle
 *     |                                                                                    |
 *     +-- deliverTwice: this worker freezes, and wakes when another has settled the task --+
 *
 * A lease ends here only by a fault. The table then gives the task to another worker and refuses the first one's outcome by
 * its fence: nothing about that is played.
 */
import { type AttemptEnd, settle } from "../tasks/attemptEnd.ts"
import { type Enqueued, isEnd, type NewTask, type TaskDefinition, type TaskFailure, type TaskId, type TaskRecord } from "../tasks/task.ts"
import { newTaskFault } from "../tasks/newTask.ts"
import { type EnqueueError, InvalidOption, QueueNotFound, TaskNotFound } from "../tasks/taskErrors.ts"
import type { WorkerId } from "../tasks/taskPort.ts"
import { TaskTable } from "../tasks/taskTable.ts"
import { Attempt, type Interruption, type Outcome, type PlannedFault } from "./attempt.ts"
import { Timetable } from "./timetable.ts"

/** A task as it was enqueued and as it is now. */
export interface EnqueuedTask<Payload = unknown> extends TaskRecord, Pick<NewTask, "idempotencyKey"> {
  readonly payload: Payload
}

/** What the workbench is told by its shell. */
export interface Surroundings {
  /** Epoch ms. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
  /** Of every handler there is. */
  readonly definitions: () => ReadonlyArray<TaskDefinition>
  /** How many attempts at once the breakers of what a task needs let through. */
  readonly probes: (needs: ReadonlyArray<string>) => number
  /** Epoch ms at which they let some through, where the kit's clock brings that about. */
  readonly probesAt: (needs: ReadonlyArray<string>) => number | undefined
  /** A task may be over, for whoever waits for it. */
  readonly changed: (id: TaskId) => void
}

/** Which scheduled tasks a drain may wait for. */
export type Waiting = "retries" | "scheduled"

/** What a value is after it was stored. */
export const asJson = (value: unknown): unknown => value === undefined ? null : JSON.parse(JSON.stringify(value))

/** For ends that nobody threw: a timeout, a result that cannot be stored. */
const errorOf = ({ message, name }: TaskFailure): Error => Object.assign(new Error(message), { name })

const earliest = (moments: ReadonlyArray<number | undefined>): number | undefined =>
  moments.reduce((a, b) => a === undefined || (b !== undefined && b < a) ? b : a, undefined)

export class Workbench {
  private readonly around: Surroundings
  readonly table = new TaskTable()
  readonly timetable = new Timetable(this.table)
  private readonly running = new Set<Attempt>()
  private readonly planned = new Map<TaskId, "deliverTwice" | "loseLease">()
  private killNext = false
  /** Whose worker sleeps with the task in its hands; woken when another has settled it. */
  private readonly frozen = new Map<TaskId, Attempt>()
  private readonly woken: Array<Attempt> = []
  private readonly expirations: Array<TaskRecord> = []

  constructor(around: Surroundings) {
    this.around = around
  }

  // ---- enqueuing and asking

  /** All or none, as JSON. */
  enqueue(tasks: ReadonlyArray<NewTask>): ReadonlyArray<Enqueued> | EnqueueError {
    const stored = tasks.map((task) => newTaskFault(task) === undefined ? { ...task, payload: asJson(task.payload) } : task)
    return this.table.enqueue(stored, this.around.now())
  }

  /** In the order in which they were enqueued. */
  all(): ReadonlyArray<EnqueuedTask> {
    return this.table.all()
  }

  /** Those of this name and version, and the others. */
  split({ name, version }: Pick<TaskDefinition, "name" | "version">): { readonly own: ReadonlyArray<EnqueuedTask>; readonly others: ReadonlyArray<EnqueuedTask> } {
    const own = (task: EnqueuedTask) => task.name === name && task.version === version
    const all = this.all()
    return { own: all.filter(own), others: all.filter((task) => !own(task)) }
  }

  cancel(id: TaskId): TaskRecord | undefined {
    const record = this.table.cancel(id, this.around.now())
    this.interruptOf(id, "cancelled")
    this.around.changed(id)
    return record
  }

  redrive(id: TaskId): TaskRecord | undefined {
    return this.table.redrive(id, this.around.now())
  }

  /** Throws `QueueNotFound` for a name that nobody has spoken of. */
  queue(name: string, change: "pause" | "resume"): void {
    const { queues } = this.table
    this.table.define(this.around.definitions())
    if (!queues.has(name)) throw new QueueNotFound(name)
    if (change === "pause") queues.pause(name, this.around.now())
    else queues.resume(name)
  }

  clear(): void {
    this.table.clear()
    this.timetable.restart(this.around.now())
    for (const memory of [this.planned, this.frozen]) memory.clear()
    this.woken.length = 0
    this.expirations.length = 0
    this.killNext = false
    for (const attempt of [...this.running]) attempt.interrupt("lost")
  }

  // ---- working

  /** The next attempt that is due: of a worker that woke up, or else as a worker would claim it. */
  next(queue?: string): Attempt | undefined {
    const woken = this.woken.findIndex(({ task }) => queue === undefined || task.queue === queue)
    if (woken >= 0) return this.begin(this.woken.splice(woken, 1)[0]!)
    const attempt = this.claim(queue)
    if (attempt === undefined || this.planned.get(attempt.task.id) !== "deliverTwice") return attempt && this.begin(attempt)
    this.planned.delete(attempt.task.id)
    this.frozen.set(attempt.task.id, attempt)
    this.dropLease(attempt.worker)
    return this.next(queue)
  }

  private claim(queue: string | undefined): Attempt | undefined {
    const now = this.around.now()
    this.table.define(this.around.definitions()) // which says what their queues let through
    this.timetable.fire(now)
    this.expire()
    const routes = this.around.definitions().filter((definition) => (queue === undefined || definition.queue === queue) && this.available(definition))
    const worker = this.table.register("the kit", Infinity, now)
    const [task] = this.table.claim({ worker, routes, limit: 1 }, now)
    if (task === undefined) {
      this.table.deregister(worker, now)
      return undefined
    }
    const definition = routes.find(({ name, version }) => name === task.name && version === task.version)!
    return new Attempt(task, worker, definition, now, this.faultOf(task.id))
  }

  /** What it needs is well, or may be probed by one more. */
  private available({ name, needs }: TaskDefinition): boolean {
    return this.around.probes(needs) > [...this.running].filter(({ definition }) => definition.name === name).length
  }

  /** Promotes what is due, and takes note of what has waited too long. */
  private expire(): void {
    const now = this.around.now()
    const expiring = this.table.expiring(now)
    this.table.upkeep(now)
    for (const id of expiring) {
      this.expirations.push(this.table.find(id)!)
      this.around.changed(id)
    }
  }

  /** What died of waiting since this was last asked. */
  takeExpired(): ReadonlyArray<TaskRecord> {
    return this.expirations.splice(0)
  }

  private faultOf(id: TaskId): PlannedFault | undefined {
    if (this.planned.get(id) === "loseLease") {
      this.planned.delete(id)
      return "loseLease"
    }
    if (!this.killNext || this.planned.has(id)) return undefined
    this.killNext = false
    return "killWorker"
  }

  private begin(attempt: Attempt): Attempt {
    this.running.add(attempt)
    return attempt
  }

  /** The shell calls it once the handler is at work: now its lease is lost, if that was planned. */
  started(attempt: Attempt): void {
    if (attempt.fault === "loseLease") this.lose(attempt, "lost")
  }

  /** Whether it was written: a fence that moved on refuses it. */
  progress({ task: { fence, id }, worker }: Attempt, ratio: number, text: string): void {
    this.table.progress(worker, { id, fence, ratio: Math.min(1, Math.max(0, ratio)), text })
  }

  /** Brings the end of an attempt to the store, which takes it, or refuses it. */
  settle(attempt: Attempt, end: AttemptEnd): Outcome {
    const { definition, task, worker } = attempt
    const now = this.around.now()
    if (attempt.fault === "killWorker") this.dropLease(worker)
    const last: AttemptEnd = attempt.interrupted === "timedOut" ? { _tag: "TimedOut", timeout: attempt.timeout } : end
    const settlement = settle(last, task, definition, this.around.random())
    const [applied] = this.table.settle(worker, [settlement], now)
    attempt.outcome = applied === undefined ? "Refused" : settlement._tag
    if (applied !== undefined && (settlement._tag === "Retry" || settlement._tag === "Die")) attempt.thrown ??= { error: errorOf(settlement.failure) }
    this.table.deregister(worker, now)
    this.running.delete(attempt)
    this.wake(task.id)
    this.around.changed(task.id)
    return attempt.outcome
  }

  private wake(id: TaskId): void {
    const sleeper = this.frozen.get(id)
    if (sleeper === undefined) return
    this.frozen.delete(id)
    this.woken.push(sleeper)
  }

  // ---- time

  /** When the next task that a drain may wait for falls due. */
  nextDue(waiting: Waiting, queue?: string): number | undefined {
    const mine = this.all().filter((task) => (queue === undefined || task.queue === queue) && this.knows(task))
    const scheduled = mine.filter(({ fence, state }) => state === "scheduled" && (waiting === "scheduled" || Number(fence) > 0))
    return earliest([...scheduled.map(({ runAt }) => runAt), ...mine.filter(({ state }) => state === "ready").map((task) => this.opensAt(task))])
  }

  /** When a task that is ready, and was not claimed, may be, if time brings that about. */
  private opensAt(task: TaskRecord): number | undefined {
    const { queues } = this.table
    const now = this.around.now()
    const { needs } = this.definitionOf(task)!
    const probesAt = this.around.probes(needs) > 0 ? now : this.around.probesAt(needs)
    if (probesAt === undefined || queues.pausedAt(task.queue) !== undefined) return undefined
    const opensAt = Math.max(probesAt, queues.opensAt(task.queue, now))
    return opensAt > now ? opensAt : undefined
  }

  /** When the next slot of a schedule comes. */
  nextSlot(): number | undefined {
    return this.timetable.next(this.around.now())
  }

  /** Why a task that waits will not run here, whatever the time; undefined when there is nothing that could run it. */
  heldBack(task: TaskRecord): string | undefined {
    const { concurrencyKey, queue } = task
    const definition = this.definitionOf(task)
    if (definition === undefined) return undefined
    if (this.table.queues.pausedAt(queue) !== undefined) return `its queue "${queue}" is paused`
    if (this.around.probes(definition.needs) === 0) return `it needs ${definition.needs.join(", ")}, and a breaker there is open`
    const turn = concurrencyKey !== undefined && [...this.running].some((attempt) => attempt.task.concurrencyKey === concurrencyKey)
    return turn ? `its concurrencyKey "${concurrencyKey}" lets no more run at a time` : `its queue "${queue}" lets no more run at a time`
  }

  private definitionOf(task: Pick<TaskRecord, "name" | "version">): TaskDefinition | undefined {
    return this.around.definitions().find(({ name, version }) => name === task.name && version === task.version)
  }

  private knows(task: Pick<TaskRecord, "name" | "version">): boolean {
    return this.definitionOf(task) !== undefined
  }

  /** The clock has moved: what has outlived its timeout is interrupted. */
  timePassed(): void {
    const now = this.around.now()
    for (const attempt of [...this.running]) if (attempt.deadline <= now) attempt.interrupt("timedOut")
  }

  /** Names of what waits and that nothing here can run. */
  unhandled(): ReadonlyArray<string> {
    const names = this.all().filter((task) => !isEnd(task.state) && !this.knows(task)).map(({ name }) => name)
    return [...new Set(names)]
  }

  // ---- faults

  /** The next attempt is delivered to two workers. */
  deliverTwice(id: TaskId): void {
    this.expectAttempt(id, "deliverTwice")
    this.planned.set(id, "deliverTwice")
  }

  /** The attempt at work, or else the next, loses its lease while it runs. */
  loseLease(id: TaskId): void {
    this.expectAttempt(id, "loseLease")
    const attempts = [...this.running].filter(({ task }) => task.id === id)
    if (attempts.length === 0) this.planned.set(id, "loseLease")
    for (const attempt of attempts) this.lose(attempt, "lost")
  }

  /** The worker at work dies there and then; without one, the next dies before its outcome is stored. */
  killWorker(): void {
    if (this.running.size === 0) this.killNext = true
    for (const attempt of [...this.running]) this.lose(attempt, "killed")
  }

  private expectAttempt(id: TaskId, fault: string): void {
    const task = this.table.find(id)
    if (task === undefined) throw new TaskNotFound(id)
    if (isEnd(task.state)) throw new InvalidOption(task.name, fault, `asked for task ${id}, which is ${task.state}`, "asked for before the task is over")
  }

  private lose(attempt: Attempt, why: Interruption): void {
    this.dropLease(attempt.worker)
    attempt.interrupt(why)
  }

  private interruptOf(id: TaskId, why: Interruption): void {
    for (const attempt of [...this.running]) if (attempt.task.id === id) attempt.interrupt(why)
  }

  /** Its tasks are anybody's. */
  private dropLease(worker: WorkerId): void {
    const now = this.around.now()
    this.table.renew(worker, -1, now)
    this.table.upkeep(now)
  }
}
