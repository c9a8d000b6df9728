/** pg-boss with batches of 500: its worker, which asks again at once while batches are full; and fetch and complete, driven by hand. */
import { PgBoss } from "pg-boss"
import { failure, names, type Payload, type Queue, type Queues, type Runner, type Shape } from "./queue.ts"

const batch = 500
/** Loops that fetch by hand. */
const loops = 3

/** A sleeping worker is woken only where a case is about that: every NOTIFY costs the one who enqueues. */
const boss = async (url: string, waking: boolean): Promise<PgBoss> => {
  const made = new PgBoss({ connectionString: url, useListenNotify: waking })
  made.on("error", (error) => { throw error })
  return made.start()
}

const prepare = async (url: string, shape: Shape): Promise<void> => {
  const host = await boss(url, false)
  for (const name of names(shape)) await host.createQueue(name, { notify: shape.waking, retryLimit: 1, retryDelay: 0 })
  await host.stop()
}

const produce: Queue["produce"] = async (url) => {
  const host = await boss(url, false)
  return {
    many: async (specs) => {
      for (const [route, mine] of Map.groupBy(specs, ({ route }) => route)) {
        await host.insert(`noop-${route}`, mine.map(({ payload, priority }) => ({ data: payload, priority: 9 - priority })))
      }
    },
    one: ({ payload, priority, route }) => host.send(`noop-${route}`, payload, { priority: 9 - priority }),
    close: () => host.stop({ graceful: false })
  }
}

const worker: Queue = {
  prepare, produce,
  run: async (url, shape, handle): Promise<Runner> => {
    const host = await boss(url, shape.waking)
    const options = { batchSize: batch, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true }
    for (const name of names(shape)) {
      if (!shape.failing) await host.work<Payload>(name, options, async (jobs) => { for (const { data } of jobs) handle(data) })
      else {
        await host.work<Payload>(name, { ...options, perJobResults: true }, async (jobs) => jobs.map(({ data, id }) =>
          handle(data) ? { id, status: "completed" } : { id, status: "failed", output: { message: failure.message } }))
      }
    }
    return { stop: () => Promise.all(names(shape).map((name) => host.offWork(name))), close: () => host.stop({ graceful: false }) }
  }
}

const fetched: Queue = {
  prepare, produce,
  run: async (url, _, handle): Promise<Runner> => {
    const host = await boss(url, false)
    const stopping = new AbortController()
    const loop = async () => {
      while (!stopping.signal.aborted) {
        const jobs = await host.fetch<Payload>("noop-0", { batchSize: batch })
        if (jobs.length === 0) break
        for (const { data } of jobs) handle(data)
        await host.complete("noop-0", jobs.map(({ id }) => id))
      }
    }
    const done = Promise.all(Array.from({ length: loops }, loop))
    return {
      stop: () => {
        stopping.abort()
        return done
      },
      close: () => host.stop({ graceful: false })
    }
  }
}

export default { "pg-boss": worker, "pg-boss fetch": fetched } satisfies Queues
