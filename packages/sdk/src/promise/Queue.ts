/**
 * A queue with limits of its own: how many of its tasks run at a time and how many begin in a time, over all workers. A queue
 * without limits needs no value: its name will do.
 */
import { makeQueue, type QueueOptions } from "../core/tasks/queue.ts"
import type { Queue } from "../core/tasks/task.ts"
import { toMillis } from "../core/time/duration.ts"

export type { QueueOptions } from "../core/tasks/queue.ts"
export type { Queue, QueueLimits } from "../core/tasks/task.ts"

/**
 * Makes a queue. Limits that make no sense throw an `InvalidOption`.
 *
 * @example
 * import { Queue, Task } from "@outrigger/sdk/promise"
 * import { z } from "zod"
 *
 * const mail = Queue.make("mail", { concurrency: 10, rateLimit: { limit: 100, per: "1 minute" } })
 * const Welcome = Task.make("welcome", { payload: z.object({ user: z.string() }), queue: mail })
 */
export const make = (name: string, options: QueueOptions = {}): Queue => makeQueue(name, options, toMillis)
