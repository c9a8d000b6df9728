/**
 * Keys are locked as they are met, until the transaction ends, and tasks are met in the order of their batch: of two batches
 * with the same keys in another order, each could hold what the other waits for. So a batch locks the names of its keys first,
 * in an order that all agree on.
 */
import type { TaskStore } from "@outrigger/sdk"

/** PostgreSQL's table of locks has room for 6,400, unless it is told otherwise; beyond this a deadlock is possible, and ended. */
const most = 200

/** The names to lock, in order; a single task locks nothing but its own keys. */
export const keyLocks = (tasks: ReadonlyArray<TaskStore.NewTask>): ReadonlyArray<string> => {
  if (tasks.length === 1) return []
  const names = new Set(tasks.flatMap(({ idempotencyKey, name, uniqueKey }) => [
    ...(idempotencyKey === undefined ? [] : [`i ${idempotencyKey}`]),
    ...(uniqueKey === undefined ? [] : [`u ${name}:${uniqueKey}`])
  ]))
  return names.size > most ? [] : [...names].sort()
}

/** Takes them until the transaction ends; whoever selects from it waits. `$n` is the array of names. */
export const lockSql = (n: number): string =>
  `select count(pg_advisory_xact_lock(hashtextextended('outrigger.' || l.name, 7288437004))) from unnest($${n}::text[]) l(name)`
