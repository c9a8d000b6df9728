/** The memory store: the table under Effect's clock, with waiters and wake-ups. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TaskId, TaskRecord } from "../core/task.ts"
import { TaskNotFound } from "../core/taskErrors.ts"
import type { Service } from "../TaskStore.ts"
import { TaskTable } from "./taskTable.ts"

/** A store in this process's memory. */
export const makeMemoryTaskStore: Effect.Effect<Service> = Effect.sync(() => {
  const table = new TaskTable()
  const sleepers = new Set<() => void>()
  const waiters = new Map<TaskId, Set<Deferred.Deferred<TaskRecord>>>()
  const at = <A>(f: (now: number) => A): Effect.Effect<A> => Effect.map(Clock.currentTimeMillis, f)
  const wake = () => sleepers.forEach((sleeper) => sleeper())

  /** Tells whoever waits for a task that is over now. */
  const announce = (ids: Iterable<TaskId>) => {
    for (const id of ids) {
      const record = table.find(id)
      if (record?.finishedAt === undefined) continue
      for (const waiter of waiters.get(id) ?? []) Deferred.doneUnsafe(waiter, Effect.succeed(record))
      waiters.delete(id)
    }
  }
  const found = (id: TaskId, record: TaskRecord | undefined) =>
    record === undefined ? Effect.fail(new TaskNotFound(id)) : Effect.succeed(record)

  const awaitEnd = (id: TaskId, timeout: number): Effect.Effect<TaskRecord, TaskNotFound> => Effect.suspend(() => {
    const record = table.find(id)
    if (record === undefined || record.finishedAt !== undefined) return found(id, record)
    const waiter = Deferred.makeUnsafe<TaskRecord>()
    const all = waiters.get(id) ?? new Set()
    waiters.set(id, all.add(waiter))
    return Deferred.await(waiter).pipe(
      Effect.timeoutOrElse({ duration: timeout, orElse: () => found(id, table.find(id)) }),
      Effect.ensuring(Effect.sync(() => all.delete(waiter)))
    )
  })

  return {
    enqueue: (tasks) => Effect.flatMap(at((now) => table.enqueue(tasks, now)), (result) => {
      if (result instanceof Error) return Effect.fail(result)
      wake()
      return Effect.succeed(result)
    }),
    find: (id) => Effect.sync(() => Option.fromNullishOr(table.find(id))),
    list: (request) => Effect.sync(() => table.list(request)),
    await: awaitEnd,
    cancel: (id) => Effect.flatMap(at((now) => table.cancel(id, now)), (record) => {
      announce([id])
      return found(id, record)
    }),
    redrive: (id) => Effect.flatMap(at((now) => table.redrive(id, now)), (record) => {
      wake()
      return found(id, record)
    }),
    queues: at((now) => table.queues(now)),
    define: (definitions) => Effect.sync(() => table.define(definitions)),
    definitions: Effect.sync(() => table.defined()),
    register: ({ lease }) => at((now) => table.register(lease, now)),
    renew: (worker, lease) => at((now) => table.renew(worker, lease, now)),
    deregister: (worker) => at((now) => {
      table.deregister(worker, now)
      wake()
    }),
    held: (worker) => Effect.sync(() => table.held(worker)),
    claim: (request) => at((now) => table.claim(request, now)),
    settle: (worker, settlements) => at((now) => {
      const applied = table.settle(worker, settlements, now)
      announce(applied)
      return applied
    }),
    progress: (worker, progress) => Effect.sync(() => table.progress(worker, progress)),
    upkeep: at((now) => {
      const done = table.upkeep(now)
      if (done.promoted + done.reaped > 0) wake()
      return done
    }),
    onWake: (sleeper) => Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => sleepers.add(sleeper)),
      () => Effect.sync(() => sleepers.delete(sleeper))
    )),
    sleeping: () => Effect.void
  }
})
