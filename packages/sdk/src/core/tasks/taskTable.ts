/**
 * The memory store's table, pure but for its own fields: every operation takes `now` (epoch ms) and says what it did. It is
 * the plain statement of what a store must do; the PostgreSQL store does the same in SQL.
 */
import type {
  AttemptError, ClaimedTask, Enqueued, HeldTask, NewTask, Settlement, TaskDefinition, TaskFailure, TaskId, TaskRecord, TaskState
} from "./task.ts"
import { errorsKept, expired, isEnd, workerLost } from "./task.ts"
import { holdsUnique, newTaskFault } from "./newTask.ts"
import { type EnqueueError, IdempotencyConflict } from "./taskErrors.ts"
import { KeyTurns } from "./keyTurns.ts"
import { QueueTable } from "./queueTable.ts"
import type { ClaimRequest, ListRequest, QueueState, RedriveFilter, TaskPage, Upkeep, WorkerId } from "./taskPort.ts"

interface Row extends Omit<NewTask, "runAt"> {
  readonly id: TaskId
  readonly createdAt: number
  state: TaskState
  /** Its place in line, drawn anew whenever it becomes ready again. */
  place: number
  attempt: number
  handbacks: number
  fence: number
  worker: WorkerId | undefined
  runAt: number
  dueAt: number
  expiresAt: number | undefined
  startedAt: number | undefined
  finishedAt: number | undefined
  result: unknown
  failure: TaskFailure | undefined
  errors: ReadonlyArray<AttemptError>
  progress: { readonly ratio: number; readonly text: string } | undefined
}

interface Worker {
  expiresAt: number
}

const keepKeys = 24 * 3_600_000

export class TaskTable {
  private readonly rows = new Map<TaskId, Row>()
  private readonly workers = new Map<WorkerId, Worker>()
  private readonly definitions = new Map<string, TaskDefinition>()
  private readonly idempotency = new Map<string, { readonly id: TaskId; readonly first: NewTask }>()
  /** The newest task of each unique key; whether it still holds it is asked of its state. */
  private readonly holders = new Map<string, TaskId>()
  private readonly workerNames = new Map<WorkerId, string>()
  readonly queues = new QueueTable()
  private nextId = 1
  private nextPlace = 1
  private nextWorker = 1
  private claims = 0

  // ---- the enqueuing side

  /** All or none. */
  enqueue(tasks: ReadonlyArray<NewTask>, now: number): ReadonlyArray<Enqueued> | EnqueueError {
    for (const task of tasks) {
      const fault = newTaskFault(task) ?? this.conflict(task, tasks)
      if (fault !== undefined) return fault
    }
    return tasks.map((task) => {
      const known = this.known(task, now)
      const id = known?.id ?? this.insert(task, now)
      const key = task.idempotencyKey
      if (key !== undefined && !this.idempotency.has(key)) this.idempotency.set(key, { id, first: structuredClone(task) })
      return { id, duplicate: known !== undefined }
    })
  }

  private conflict(task: NewTask, batch: ReadonlyArray<NewTask>): EnqueueError | undefined {
    const key = task.idempotencyKey
    if (key === undefined) return undefined
    const known = this.idempotency.get(key)
    const others = batch.filter((other) => other.idempotencyKey === key)
    const clash = [...(known === undefined ? [] : [known.first]), ...others].some((other) => !samePayload(other, task))
    return clash ? new IdempotencyConflict(key) : undefined
  }

  private known(task: NewTask, now: number): Row | undefined {
    const byKey = task.idempotencyKey === undefined ? undefined : this.rows.get(this.idempotency.get(task.idempotencyKey)?.id ?? "")
    if (byKey !== undefined || task.uniqueKey === undefined) return byKey
    const holder = this.rows.get(this.holders.get(uniqueOf(task)) ?? "")
    return holder !== undefined && holdsUnique(task, holder.state, holder.createdAt, now) ? holder : undefined
  }

  private insert(task: NewTask, now: number): TaskId {
    const id = String(this.nextId++)
    this.queues.know(task.queue)
    const runAt = Math.max(now, task.runAt ?? now + task.delay)
    this.rows.set(id, {
      ...task, id, createdAt: now, runAt, dueAt: runAt,
      expiresAt: task.expiresAfter === undefined ? undefined : runAt + task.expiresAfter,
      payload: structuredClone(task.payload),
      state: runAt > now ? "scheduled" : "ready",
      place: this.nextPlace++,
      attempt: 0, handbacks: 0, fence: 0, worker: undefined,
      startedAt: undefined, finishedAt: undefined, result: undefined, failure: undefined, errors: [], progress: undefined
    })
    if (task.uniqueKey !== undefined) this.holders.set(uniqueOf(task), id)
    return id
  }

  find(id: TaskId): TaskRecord | undefined {
    const row = this.rows.get(id)
    return row && recordOf(row)
  }

  /** In the order of enqueuing, each with the key it came under: for test kits. */
  all(): ReadonlyArray<TaskRecord & Pick<NewTask, "idempotencyKey">> {
    return [...this.rows.values()].map((row) => ({ ...recordOf(row), ...(row.idempotencyKey !== undefined && { idempotencyKey: row.idempotencyKey }) }))
  }

  /** What the next upkeep will find to have waited too long. */
  expiring(now: number): ReadonlyArray<TaskId> {
    const ids: Array<TaskId> = []
    for (const row of this.rows.values()) if (isExpired(row, now)) ids.push(row.id)
    return ids
  }

  /** Forgets all tasks and workers; ids are not given again. */
  clear(): void {
    for (const memory of [this.rows, this.workers, this.idempotency, this.holders]) memory.clear()
  }

  list({ cursor, limit, name, queue, state }: ListRequest): TaskPage {
    const matching = [...this.rows.values()].toReversed().filter((row) =>
      (cursor === undefined || Number(row.id) < Number(cursor))
      && (state === undefined || row.state === state)
      && (queue === undefined || row.queue === queue)
      && (name === undefined || row.name === name))
    const page = matching.slice(0, limit)
    return { tasks: page.map(recordOf), cursor: matching.length > limit ? page.at(-1)!.id : undefined }
  }

  cancel(id: TaskId, now: number): TaskRecord | undefined {
    const row = this.rows.get(id)
    if (row !== undefined && !isEnd(row.state)) this.end(row, "cancelled", now)
    return row && recordOf(row)
  }

  redrive(id: TaskId, now: number): TaskRecord | undefined {
    const row = this.rows.get(id)
    if (row !== undefined && (row.state === "dead" || row.state === "cancelled")) {
      row.attempt = 0
      row.handbacks = 0
      row.finishedAt = undefined
      row.startedAt = undefined
      row.expiresAt = undefined
      row.dueAt = now
      this.ready(row, now)
    }
    return row && recordOf(row)
  }

  redriveMany({ error, finishedAfter = -Infinity, finishedBefore = Infinity, name, queue, state = "dead" }: RedriveFilter, now: number): number {
    const matching = [...this.rows.values()].filter((row) =>
      row.state === state
      && (queue === undefined || row.queue === queue)
      && (name === undefined || row.name === name)
      && (error === undefined || row.failure?.name === error)
      && row.finishedAt! >= finishedAfter && row.finishedAt! < finishedBefore)
    for (const { id } of matching) this.redrive(id, now)
    return matching.length
  }

  queueStates(now: number): ReadonlyArray<QueueState> {
    return this.queues.names().map((queue) => this.queueState(queue, now))
  }

  queueState(queue: string, now: number): QueueState {
    const here = [...this.rows.values()].filter((row) => row.queue === queue)
    const count = (state: TaskState) => here.filter((row) => row.state === state).length
    const waits = here.filter(({ state }) => state === "ready").map(({ runAt }) => now - runAt)
    return {
      queue, estimated: false, scheduled: count("scheduled"), ready: count("ready"), running: count("running"),
      oldest: waits.length === 0 ? undefined : Math.max(...waits),
      pausedAt: this.queues.pausedAt(queue), limits: this.queues.limits(queue)
    }
  }

  define(definitions: ReadonlyArray<TaskDefinition>): void {
    for (const definition of definitions) {
      this.definitions.set(`${definition.name} v${definition.version}`, definition)
      this.queues.declare(definition)
    }
  }

  defined(): ReadonlyArray<TaskDefinition> {
    return [...this.definitions.values()]
  }

  // ---- the working side

  register(name: string, lease: number, now: number): WorkerId {
    const id = String(this.nextWorker++)
    this.workerNames.set(id, name)
    this.workers.set(id, { expiresAt: now + lease })
    return id
  }

  renew(id: WorkerId, lease: number, now: number): boolean {
    const worker = this.workers.get(id)
    if (worker === undefined) return false
    worker.expiresAt = now + lease
    return true
  }

  deregister(id: WorkerId, now: number): void {
    this.workers.delete(id)
    for (const row of this.heldBy(id)) this.handBack(row, 0, now)
  }

  held(id: WorkerId, among?: ReadonlyArray<TaskId>): ReadonlyArray<HeldTask> {
    return this.heldBy(id).filter((row) => among?.includes(row.id) ?? true).map(({ attempt, fence, id, name, version }) => ({ id, name, version, attempt, fence: String(fence) }))
  }

  claim({ limit, routes, worker }: ClaimRequest, now: number): ReadonlyArray<ClaimedTask> {
    if (!this.workers.has(worker)) return []
    const wanted = new Set(routes.map(({ name, queue, version }) => JSON.stringify([queue, name, version])))
    const line = [...this.rows.values()]
      .filter((row) => row.state === "ready" && !isExpired(row, now) && this.queues.pausedAt(row.queue) === undefined && wanted.has(JSON.stringify([row.queue, row.name, row.version])))
      .sort((a, b) => a.place - b.place)
    const oldestFirst = ++this.claims % 10 === 0 // so that nothing starves
    const turns = new KeyTurns(line, [...this.rows.values()].filter(({ state }) => state === "running"))
    const running = (queue: string) => [...this.rows.values()].filter((row) => row.state === "running" && row.queue === queue).length
    const claimed: Array<ClaimedTask> = []
    for (const row of oldestFirst ? line : line.toSorted((a, b) => a.priority - b.priority)) {
      if (claimed.length >= limit) break
      const next = turns.next(row)
      if (next === undefined || !this.queues.admit(next.queue, () => running(next.queue), now)) continue
      turns.take(next)
      claimed.push(this.claimed(next, worker, now))
    }
    return claimed
  }

  private claimed(row: Row, worker: WorkerId, now: number): ClaimedTask {
    row.state = "running"
    row.worker = worker
    row.attempt++
    row.fence++
    row.startedAt = now
    const { attempt, concurrencyKey, handbacks, id, metadata, name, payload, queue, timeout, version } = row
    const waited = now - row.dueAt
    return { id, name, version, queue, payload: structuredClone(payload), attempt, handbacks, fence: String(row.fence), waited, timeout, concurrencyKey, metadata }
  }

  settle(worker: WorkerId, settlements: ReadonlyArray<Settlement>, now: number): ReadonlyArray<TaskId> {
    const applied: Array<TaskId> = []
    for (const settlement of settlements) {
      const row = this.owned(worker, settlement)
      if (row === undefined) continue
      this.apply(row, settlement, now)
      applied.push(row.id)
    }
    return applied
  }

  private apply(row: Row, settlement: Settlement, now: number): void {
    switch (settlement._tag) {
      case "Succeed":
        row.result = structuredClone(settlement.result)
        row.failure = undefined
        return this.end(row, "succeeded", now)
      case "Die":
        this.failed(row, settlement.failure, now)
        return this.end(row, "dead", now)
      case "Retry":
        this.failed(row, settlement.failure, now)
        return this.ready(row, now, settlement.delay)
      case "HandBack": return this.handBack(row, settlement.delay, now, settlement.counted)
    }
  }

  progress(worker: WorkerId, at: { readonly id: TaskId; readonly fence: string; readonly ratio: number; readonly text: string }): boolean {
    const row = this.owned(worker, at)
    if (row !== undefined) row.progress = { ratio: at.ratio, text: at.text }
    return row !== undefined
  }

  upkeep(now: number): Upkeep {
    let promoted = 0
    let reaped = 0
    for (const row of this.rows.values()) {
      if (isExpired(row, now)) this.expire(row, now)
      if (row.state !== "scheduled" || row.runAt > now) continue
      this.ready(row, row.runAt)
      promoted++
    }
    for (const [id, worker] of this.workers) {
      if (worker.expiresAt >= now) continue
      this.workers.delete(id)
      for (const row of this.heldBy(id)) {
        this.failed(row, workerLost, now)
        this.ready(row, now)
        reaped++
      }
    }
    this.forgetKeys(now)
    return { promoted, reaped }
  }

  private forgetKeys(now: number): void {
    for (const [key, { id }] of this.idempotency) {
      const { finishedAt } = this.rows.get(id)!
      if (finishedAt !== undefined && now - finishedAt > keepKeys) this.idempotency.delete(key)
    }
  }

  private heldBy(worker: WorkerId): Array<Row> {
    return [...this.rows.values()].filter((row) => row.state === "running" && row.worker === worker)
  }

  private owned(worker: WorkerId, { fence, id }: { readonly id: TaskId; readonly fence: string }): Row | undefined {
    const row = this.rows.get(id)
    return row !== undefined && row.state === "running" && row.worker === worker && String(row.fence) === fence ? row : undefined
  }

  private failed(row: Row, failure: TaskFailure, now: number): void {
    const { attempt, errors, worker } = row
    const { message, name } = failure
    row.failure = failure
    row.errors = [...errors, { attempt, at: now, worker: `${this.workerNames.get(worker!)} (${worker})`, name, message }].slice(-errorsKept)
  }

  private handBack(row: Row, delay: number, now: number, counted = true): void {
    row.attempt--
    if (counted) row.handbacks++
    this.ready(row, now, delay)
  }

  private ready(row: Row, now: number, delay = 0): void {
    row.state = delay > 0 ? "scheduled" : "ready"
    row.worker = undefined
    row.runAt = now + delay
    row.place = this.nextPlace++
  }

  private expire(row: Row, now: number): void {
    row.failure = expired
    this.end(row, "dead", now)
  }

  private end(row: Row, state: "succeeded" | "dead" | "cancelled", now: number): void {
    row.state = state
    row.worker = undefined
    row.finishedAt = now
  }
}

/** It has waited too long for its first attempt. */
const isExpired = ({ attempt, expiresAt, state }: Row, now: number): boolean =>
  expiresAt !== undefined && expiresAt <= now && attempt === 0 && (state === "ready" || state === "scheduled")

const uniqueOf = ({ name, uniqueKey }: NewTask): string => JSON.stringify([name, uniqueKey])

const samePayload = (a: NewTask, b: NewTask): boolean => a.name === b.name && canonical(a.payload) === canonical(b.payload)

/** JSON with its keys in order, so that two spellings of one value are alike. */
const canonical = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) =>
  typeof inner === "object" && inner !== null && !Array.isArray(inner)
    ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
    : inner) ?? "null"

const recordOf = (row: Row): TaskRecord => ({
  id: row.id, name: row.name, version: row.version, queue: row.queue, state: row.state, priority: row.priority,
  payload: row.payload, attempt: row.attempt, fence: String(row.fence),
  ...(row.state === "succeeded" && { result: row.result }),
  ...(row.failure !== undefined && { failure: row.failure }),
  ...(row.progress !== undefined && { progress: row.progress }),
  ...(row.errors.length > 0 && { errors: row.errors }),
  ...(row.metadata !== undefined && { metadata: row.metadata }),
  ...(row.uniqueKey !== undefined && { uniqueKey: row.uniqueKey }),
  ...(row.concurrencyKey !== undefined && { concurrencyKey: row.concurrencyKey }),
  ...(row.expiresAt !== undefined && { expiresAt: row.expiresAt }),
  createdAt: row.createdAt, runAt: row.runAt,
  ...(row.startedAt !== undefined && { startedAt: row.startedAt }),
  ...(row.finishedAt !== undefined && { finishedAt: row.finishedAt })
})

