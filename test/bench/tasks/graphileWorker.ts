/** graphile-worker as it comes, and tuned as its own performance test is. It logs nothing: the lines of 100,000 tasks cost more than they. */
import pg from "pg"
import { Logger, makeWorkerUtils, run, type TaskList, type WorkerUtils } from "graphile-worker"
import { failure, names, type Payload, type Queue, type Queues, type Spec } from "./queue.ts"

const concurrency = 24

const tuned = {
  concurrentJobs: concurrency,
  maxPoolSize: concurrency + 1,
  localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0
}

const logger = new Logger(() => () => {})

const withUtils = async <A>(url: string, use: (utils: WorkerUtils) => Promise<A>): Promise<A> => {
  const utils = await makeWorkerUtils({ connectionString: url, logger })
  try {
    return await use(utils)
  } finally {
    await utils.release()
  }
}

const nameOf = ({ route }: Spec) => `noop-${route}`

const graphileWorker = (settings: GraphileConfig.WorkerOptions): Queue => ({
  prepare: (url) => withUtils(url, (utils) => utils.migrate()),
  produce: async (url) => {
    const utils = await makeWorkerUtils({ connectionString: url, logger })
    return {
      many: (specs) => utils.addJobs(specs.map((spec) => ({ identifier: nameOf(spec), payload: spec.payload, priority: spec.priority }))),
      one: (spec) => utils.addJob(nameOf(spec), spec.payload, { priority: spec.priority }),
      close: async () => utils.release()
    }
  },
  run: async (url, shape, handle) => {
    const task = (payload: unknown) => {
      if (!handle(payload as Payload)) throw failure
    }
    const taskList: TaskList = Object.fromEntries(names(shape).map((name) => [name, task]))
    const pgPool = new pg.Pool({ connectionString: url, max: settings.maxPoolSize ?? 10 })
    const fail = (error: Error) => { throw error }
    pgPool.on("error", fail).on("connect", (client) => { client.on("error", fail) })
    const runner = await run({ noHandleSignals: true, taskList, pgPool, preset: { worker: { logger, ...settings } } })
    return {
      // Its workers do not wait for the completion of their last task; the end of the pool does.
      stop: async () => {
        await runner.stop()
        await pgPool.end()
      },
      close: async () => {}
    }
  }
})

export default {
  "graphile-worker tuned": graphileWorker(tuned),
  "graphile-worker default": graphileWorker({})
} satisfies Queues
