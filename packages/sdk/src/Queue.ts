/**
 * A queue with limits of its own: how many of its tasks run at a time and how many begin in a time, over all workers.
 *
 * A queue without limits needs no value: its name will do. Limits are announced by the workers that know the queue; an operator
 * can set others, and pause it (`PATCH /v1/queues/{name}`, `POST /v1/queues/{name}/pause`).
 */
import * as Duration from "effect/Duration"
import { makeQueue, type QueueOptions } from "./core/tasks/queue.ts"
import type { Queue } from "./core/tasks/task.ts"

export type { Queue, QueueLimits } from "./core/tasks/task.ts"

/** What a queue lets through. */
export type Options = QueueOptions<Duration.Input>

const toMillis = (input: Duration.Input): number => {
  const duration = Duration.fromInput(input)
  return duration._tag === "Some" ? Duration.toMillis(duration.value) : Number.NaN
}

/**
 * Makes a queue. Limits that make no sense throw an `InvalidOption`.
 *
 * @example
 * import * as Schema from "effect/Schema"
 * import { Queue, Task } from "@outrigger/sdk"
 *
 * const Mail = Queue.make("mail", { concurrency: 10, rateLimit: { limit: 100, per: "1 minute" } })
 * const Welcome = Task.make("welcome", { payload: { user: Schema.String }, queue: Mail })
 */
export const make = (name: string, options: Options = {}): Queue => makeQueue(name, options, toMillis)
