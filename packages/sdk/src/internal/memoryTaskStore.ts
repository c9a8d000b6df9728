/** The memory store: the table under Effect's clock, with waiters and wake-ups. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ScheduleTable } from "../core/schedules/scheduleTable.ts"
import type { NewTask, QueueLimits, Settlement, TaskDefinition, TaskId, TaskRecord } from "../core/tasks/task.ts"
import { queueLimitsFault } from "../core/tasks/queue.ts"
import { QueueNotFound, TaskNotFound } from "../core/tasks/taskErrors.ts"
import type { ClaimRequest, ListRequest, RedriveFilter, WorkerId } from "../core/tasks/taskPort.ts"
import { TaskTable } from "../core/tasks/taskTable.ts"
import { makeMemorySchedules } from "./memoryScheduleStore.ts"

/** Who sleeps, and who waits for which task. */
class Room {
  readonly table: TaskTable
  private readonly sleepers = new Set<() => void>()
  private readonly waiters = new Map<TaskId, Set<Deferred.Deferred<TaskRecord>>>()

  constructor(table: TaskTable) {
    this.table = table
  }

  wake(): void {
    for (const sleeper of this.sleepers) sleeper()
  }

  readonly onWake = (sleeper: () => void) => Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => this.sleepers.add(sleeper)),
    () => Effect.sync(() => this.sleepers.delete(sleeper))
  ))

  /** Tells whoever waits for a task that is over now. */
  announce(ids: Iterable<TaskId>): void {
    for (const id of ids) {
      const record = this.table.find(id)
      if (record?.finishedAt === undefined) continue
      for (const waiter of this.waiters.get(id) ?? []) Deferred.doneUnsafe(waiter, Effect.succeed(record))
      this.waiters.delete(id)
    }
  }

  found(id: TaskId, record: TaskRecord | undefined): Effect.Effect<TaskRecord, TaskNotFound> {
    return record === undefined ? Effect.fail(new TaskNotFound(id)) : Effect.succeed(record)
  }

  readonly await = (id: TaskId, timeout: number): Effect.Effect<TaskRecord, TaskNotFound> => Effect.suspend(() => {
    const record = this.table.find(id)
    if (record === undefined || record.finishedAt !== undefined) return this.found(id, record)
    const waiter = Deferred.makeUnsafe<TaskRecord>()
    const all = this.waiters.get(id) ?? new Set()
    this.waiters.set(id, all.add(waiter))
    return Deferred.await(waiter).pipe(
      Effect.timeoutOrElse({ duration: timeout, orElse: () => this.found(id, this.table.find(id)) }),
      Effect.ensuring(Effect.sync(() => all.delete(waiter)))
    )
  })
}

const at = <A>(f: (now: number) => A): Effect.Effect<A> => Effect.map(Clock.currentTimeMillis, f)

const enqueuingSide = (room: Room) => {
  const { table } = room
  const changeQueue = (queue: string, change: (now: number) => void) => Effect.flatMap(Clock.currentTimeMillis, (now) => {
    if (!table.queues.has(queue)) return Effect.fail(new QueueNotFound(queue))
    change(now)
    return Effect.succeed(table.queueState(queue, now))
  })
  return {
    enqueue: (tasks: ReadonlyArray<NewTask>) => Effect.flatMap(at((now) => table.enqueue(tasks, now)), (result) => {
      if (result instanceof Error) return Effect.fail(result)
      room.wake()
      return Effect.succeed(result)
    }),
    find: (id: TaskId) => Effect.sync(() => Option.fromNullishOr(table.find(id))),
    list: (request: ListRequest) => Effect.sync(() => table.list(request)),
    await: room.await,
    cancel: (id: TaskId) => Effect.flatMap(at((now) => table.cancel(id, now)), (record) => {
      room.announce([id])
      return room.found(id, record)
    }),
    redrive: (id: TaskId) => Effect.flatMap(at((now) => table.redrive(id, now)), (record) => {
      room.wake()
      return room.found(id, record)
    }),
    redriveMany: (filter: RedriveFilter) => Effect.tap(at((now) => table.redriveMany(filter, now)), () => Effect.sync(() => room.wake())),
    queues: at((now) => table.queueStates(now)),
    pauseQueue: (queue: string) => changeQueue(queue, (now) => table.queues.pause(queue, now)),
    resumeQueue: (queue: string) => Effect.tap(changeQueue(queue, () => table.queues.resume(queue)), () => Effect.sync(() => room.wake())),
    limitQueue: (queue: string, limits: QueueLimits | undefined) => {
      const fault = limits && queueLimitsFault(queue, limits)
      return fault === undefined ? changeQueue(queue, () => table.queues.setLimits(queue, limits)) : Effect.fail(fault)
    }
  }
}

const workingSide = (room: Room) => {
  const { table } = room
  return {
    define: (definitions: ReadonlyArray<TaskDefinition>) => Effect.sync(() => table.define(definitions)),
    definitions: Effect.sync(() => table.defined()),
    register: ({ lease, name }: { readonly name: string; readonly lease: number }) => at((now) => table.register(name, lease, now)),
    renew: (worker: WorkerId, lease: number) => at((now) => table.renew(worker, lease, now)),
    deregister: (worker: WorkerId) => at((now) => {
      table.deregister(worker, now)
      room.wake()
    }),
    held: (worker: WorkerId, ids?: ReadonlyArray<TaskId>) => Effect.sync(() => table.held(worker, ids)),
    claim: (request: ClaimRequest) => at((now) => table.claim(request, now)),
    settle: (worker: WorkerId, settlements: ReadonlyArray<Settlement>) => at((now) => {
      const applied = table.settle(worker, settlements, now)
      room.announce(applied)
      return applied
    }),
    progress: (worker: WorkerId, progress: { readonly id: TaskId; readonly fence: string; readonly ratio: number; readonly text: string }) =>
      Effect.sync(() => table.progress(worker, progress)),
    upkeep: at((now) => {
      const done = table.upkeep(now)
      if (done.promoted + done.reaped > 0) room.wake()
      return done
    }),
    wake: Effect.sync(() => room.wake()),
    onWake: room.onWake,
    sleeping: () => Effect.void
  }
}

/** A store over these tables; whoever moves them otherwise announces which tasks. */
export const memoryTaskStoreOf = (table: TaskTable, schedules = new ScheduleTable((tasks, now) => table.enqueue(tasks, now))) => {
  const room = new Room(table)
  return {
    store: { ...enqueuingSide(room), ...workingSide(room), schedules: makeMemorySchedules(schedules, () => room.wake()) },
    announce: (ids: Iterable<TaskId>) => room.announce(ids)
  }
}

/** A store in this process's memory. */
export const makeMemoryTaskStore = Effect.sync(() => memoryTaskStoreOf(new TaskTable()).store)
