/** Runs a handler once, outside of any store. */
import { settle } from "../core/tasks/attemptEnd.ts"
import { asJson } from "../core/testing/workbench.ts"
import type { AnyTask, HandlerContext, TaskHandler } from "../promise/Task.ts"

/** What the handler is told; what is left out is that of a first attempt. */
export interface PerformContext {
  readonly id?: string | undefined
  /** From 1. */
  readonly attempt?: number | undefined
  readonly fence?: string | undefined
  /** Epoch ms; the task's timeout from now unless said. */
  readonly deadline?: number | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  /** Hears of the handler's progress. */
  readonly progress?: ((ratio: number, text?: string) => void) | undefined
}

export const perform = async (
  handler: TaskHandler, task: AnyTask, payload: unknown, given: PerformContext, now: number
): Promise<unknown> => {
  const { name, timeout, version } = task.definition
  const { attempt = 1, metadata = {} } = given
  if (!(Number.isInteger(attempt) && attempt >= 1)) throw new RangeError(`perform: attempt is ${attempt}, but must be a whole number from 1`)
  const stored = await task.encode(payload, { metadata })
  const context: HandlerContext = {
    id: given.id ?? "1",
    name, attempt, metadata,
    fence: given.fence ?? String(attempt),
    deadline: given.deadline ?? now + timeout,
    signal: given.signal ?? new AbortController().signal,
    progress: given.progress ?? (() => {})
  }
  const result = await handler.run(asJson(stored.payload), context, version) ?? null
  const end = settle({ _tag: "Succeeded", result }, { id: context.id, fence: context.fence, attempt }, handler.definition, 0)
  if (end._tag === "Die") throw Object.assign(new TypeError(`The handler of "${name}" gave a result that cannot be stored: ${end.failure.message}`), { name: end.failure.name })
  return asJson(result)
}
