/** A handler of the promise face, and what it is told. */
import type { TaskDefinition } from "../core/tasks/task.ts"

/** What a handler is given beside the payload. */
export interface HandlerContext {
  readonly id: string
  readonly name: string
  /** From 1. */
  readonly attempt: number
  /** Of this attempt, epoch ms. */
  readonly deadline: number
  /** Grows with every claim of this task: hand it to what you write, which refuses a smaller one than it has seen. */
  readonly fence: string
  readonly metadata: Readonly<Record<string, string>>
  /** Aborted when the attempt ends before the handler does: hand it on. */
  readonly signal: AbortSignal
  /** Shows how far it is: from 0 to 1, and a few words. */
  readonly progress: (ratio: number, text?: string) => void
}

/** A handler as a handlers file exports it: plain data, known by its brand, whichever copy of the SDK made it. */
export interface TaskHandler {
  readonly "~outrigger/TaskHandler": 1
  readonly definition: TaskDefinition
  /** Versions before the definition's whose payloads it can bring up to date. */
  readonly older?: ReadonlyArray<number>
  /** Takes the JSON that was enqueued, of `version` or the definition's, gives JSON. Rejects with `InvalidPayload` when it does not fit. */
  readonly run: (payload: unknown, context: HandlerContext, version?: number) => Promise<unknown>
}
