/** The task of these tests, and what a worker of it is told. */
import { Task } from "@outrigger/sdk/promise"
import type { TaskStore } from "@outrigger/sdk"

export interface ChargeOptions {
  /** So many attempts fail first. */
  readonly failures?: number
  /** Its first attempt stops the whole process at this point. */
  readonly freezes?: "before its side effect" | "before its acknowledgement"
}

export interface WorkerOptions {
  readonly name: string
  /** By which it reaches its tasks. */
  readonly databaseUrl: string
  /** By which its handler writes its side effect. */
  readonly ledgerUrl: string
  /** The file of attempts. */
  readonly journal: string
  /** Milliseconds. */
  readonly lease: number
  readonly queue: string
}

const anything = { "~standard": { version: 1, vendor: "faults", validate: (value: unknown) => ({ value: value as ChargeOptions }) } } as const

/** Many attempts, close together: a killed worker spends one, and no task here may be given up. */
export const Charge = (queue: string) => Task.make("charge", { payload: anything, queue, retry: { times: 1000, base: 10, factor: 1, max: 10 } })

/** To be enqueued. */
export const charge = (payload: ChargeOptions & { readonly n?: number } = {}, changes: Partial<TaskStore.NewTask> = {}): TaskStore.NewTask =>
  ({ name: "charge", version: 1, queue: "default", priority: 5, delay: 0, payload, ...changes })
