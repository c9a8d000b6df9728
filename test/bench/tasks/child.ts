/** The process of one subject in one measurement: `child.ts MODULE SUBJECT URL ORDER`. */
import { once } from "node:events"
import { setTimeout as pause } from "node:timers/promises"
import type { Filled, Order, Ran, Word } from "./orders.ts"
import { now, type Producer, type Queue, type Queues, type Shape, specOf } from "./queue.ts"
import { runUntil } from "./runUntil.ts"

/** Tasks of one call that enqueues many, and such calls at once. */
const batch = 1000
const callsAtOnce = 4

const say = (word: Word): void => { process.send!(word) }

const ready = async (): Promise<void> => {
  const go = once(process, "message")
  say({ _tag: "Ready" })
  await go
}

/** The tasks from `from` on, up to `to`. */
const enqueue = async (producer: Producer, shape: Shape, from: number, to: number): Promise<void> => {
  let next = from
  const caller = async () => {
    while (next < to) {
      const first = next
      next = Math.min(to, first + batch)
      await producer.many(Array.from({ length: next - first }, (_, index) => specOf(shape, first + index)))
    }
  }
  await Promise.all(Array.from({ length: callsAtOnce }, caller))
}

const fill = async (producer: Producer, shape: Shape, tasks: number, warmup: number): Promise<Filled> => {
  await enqueue(producer, shape, 0, warmup)
  const began = now()
  await enqueue(producer, shape, warmup, warmup + tasks)
  return { millis: now() - began, counted: tasks, enqueued: warmup + tasks }
}

const singles = async (producer: Producer, { callers, millis, shape, warmMillis }: Extract<Order, { _tag: "Singles" }>): Promise<Filled> => {
  let enqueued = 0
  const callFor = async (millis: number): Promise<Filled> => {
    const [began, before] = [now(), enqueued]
    await Promise.all(Array.from({ length: callers }, async () => {
      while (now() - began < millis) await producer.one(specOf(shape, enqueued++))
    }))
    return { millis: now() - began, counted: enqueued - before, enqueued }
  }
  await callFor(warmMillis)
  return callFor(millis)
}

/** Far enough apart for the runner to fall asleep in between. */
const trickle = async (producer: Producer, shape: Shape, tasks: number): Promise<Filled> => {
  const began = now()
  for (let n = 0; n < tasks; n++) {
    await producer.one(specOf(shape, n, now()))
    await pause(20 + Math.random() * 40)
  }
  return { millis: now() - began, counted: tasks, enqueued: tasks }
}

const produce = async (queue: Queue, url: string, order: Exclude<Order, { _tag: "Run" }>): Promise<Filled> => {
  await queue.prepare(url, order.shape)
  const producer = await queue.produce(url)
  try {
    await ready()
    switch (order._tag) {
      case "Fill": return await fill(producer, order.shape, order.tasks, order.warmup)
      case "Singles": return await singles(producer, order)
      case "Trickle": return await trickle(producer, order.shape, order.tasks)
    }
  } finally {
    await producer.close()
  }
}

const obey = async (queue: Queue, url: string, order: Order): Promise<Filled | Ran> => {
  if (order._tag !== "Run") return produce(queue, url, order)
  await ready()
  const told = new Promise<void>((resolve) => { process.once("message", () => resolve()) })
  return runUntil(queue, url, order, told, say)
}

const [module, subject, url, text] = process.argv.slice(2) as [string, string, string, string]
const { default: queues } = await import(module) as { readonly default: Queues }
const last = await obey(queues[subject]!, url, JSON.parse(text) as Order).then(
  (result): Word => ({ _tag: "Result", result }),
  (error: unknown): Word => ({ _tag: "Failed", message: error instanceof Error ? error.message : String(error) })
)
process.send!(last, () => process.exit())
