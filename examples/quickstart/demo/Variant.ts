/** What the two runs do differently: the storm is one, and asks its variant. */
import { ask } from "./ask.ts"
import { type Deployment, killAfter } from "./Deployment.ts"
import { until } from "./until.ts"

/** For a named state, on a slow machine, ms. */
const bound = 90_000

export interface Variant {
  readonly title: string
  /** Waits until the outage of payments shows, where anything shows it, and gives its words. */
  readonly outage: () => Promise<ReadonlyArray<string>>
  /** What waits to be charged, and how many attempts that has cost so far. */
  readonly waiting: () => Promise<string>
  /** Starts a recount of the stock that never ends, and waits until whatever ran it is replaced; gives what is known of it. */
  readonly recountForEver: () => Promise<string>
  /** Kills what runs the tasks, and waits until it is back; so for the agent. */
  readonly killRunner: () => Promise<string>
  readonly killAgent: () => Promise<string>
  /** Waits until nothing more will be charged. */
  readonly drained: () => Promise<void>
  readonly openings: () => number | undefined
}

interface Health {
  readonly status: string
  readonly checks: Readonly<Record<string, ReadonlyArray<{ readonly status: string; readonly why?: string }>>>
}

interface TaskPage {
  readonly tasks: ReadonlyArray<{ readonly state: string; readonly attempt: number }>
}

const seconds = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`

const uncharged = async (deployment: Deployment): Promise<number> => (await deployment.orders()).filter(({ charged }) => !charged).length

const runnerUp = /Runner .* is up \(process (\d+)\)/

/** With the sidecar beside the shop. */
export const withOutrigger = (deployment: Deployment): Variant => {
  const sidecar = deployment.sidecar!
  const runners = (): ReadonlyArray<number> => sidecar.lines.flatMap((line) => {
    const pid = runnerUp.exec(line)?.[1]
    return pid === undefined ? [] : [Number(pid)]
  })
  const newRunner = (known: number) => until("a new runner", bound, async () => runners().length > known || undefined)
  return {
    title: "with Outrigger",
    outage: () => until("the breaker of payments to show in /health", bound, async () => {
      const { body } = await ask(deployment.healthUrl, 5000)
      const { checks = {}, status = "pass" } = (body ?? {}) as Partial<Health>
      const words = Object.entries(checks).filter(([name]) => name.endsWith("payments:breaker"))
        .flatMap(([name, entries]) => entries.filter((entry) => entry.status !== "pass").map(({ why }) => `${name}: ${why}`))
      return status !== "pass" && words.length > 0 ? [`/health says ${status}`, ...words] : undefined
    }),
    waiting: async () => {
      const pages = await Promise.all(["ready", "scheduled", "running"].map(async (state) => {
        const { body } = await ask(`${deployment.sidecarUrl}/v1/tasks?name=charge-order&limit=500&state=${state}`, 5000)
        return (body as TaskPage | undefined)?.tasks ?? []
      }))
      const tasks = pages.flat()
      const attempts = tasks.reduce((sum, { attempt }) => sum + attempt, 0)
      return tasks.length === 0 ? "nothing waits" : `${tasks.length} tasks wait, which have spent ${attempts} attempts`
    },
    recountForEver: async () => {
      const known = runners().length
      const { body } = await ask(`${deployment.sidecarUrl}/v1/tasks/recount-stock`, 5000, { payload: { loop: true } })
      const { id } = body as { readonly id: string }
      const failure = await until("the end of the recount", bound, async () => {
        const { body: task } = await ask(`${deployment.sidecarUrl}/v1/tasks/${id}`, 5000)
        return (task as { readonly error?: { readonly message: string } } | undefined)?.error?.message
      })
      await newRunner(known)
      return `the recount ${failure}; a new runner is up`
    },
    killRunner: async () => {
      const known = runners()
      process.kill(known.at(-1)!, "SIGKILL")
      const from = performance.now()
      await newRunner(known.length)
      return `SIGKILL of the runner: a new one is up after ${seconds(from)}`
    },
    killAgent: async () => {
      const known = runners().length
      await sidecar.kill()
      const from = performance.now()
      await sidecar.start()
      await newRunner(known)
      return `SIGKILL of the agent: started again, up after ${seconds(from)}`
    },
    drained: async () => {
      await until("all orders to be charged", bound, async () => await uncharged(deployment) === 0 || undefined)
    },
    openings: () => deployment.said(/Circuit breaker state=open/)
  }
}

/** The shop alone. */
export const withoutOutrigger = (deployment: Deployment): Variant => ({
  title: "without",
  outage: async () => {
    const { body, hung } = await ask(deployment.healthUrl, 5000)
    return [hung ? "/healthz does not answer" : `/healthz says ${(body as Partial<Health> | undefined)?.status ?? "nothing"}`]
  },
  waiting: async () => `the shop knows ${await uncharged(deployment)} as not charged`,
  recountForEver: async () => {
    await ask(`${deployment.shopUrl}/stock/recount`, killAfter, { loop: true })
    await deployment.shop.kill() // as an operator, or a liveness probe, would: as soon as the sidecar does it
    await deployment.shop.start()
    return `the recount blocked the whole shop for ${killAfter / 1000} s; the shop was killed and started again`
  },
  killRunner: async () => "there is no runner",
  killAgent: async () => "there is no agent",
  drained: async () => {
    let [requests, since] = [-1, performance.now()]
    await until("the last retry", bound, async () => {
      const { requests: now } = await deployment.ledger()
      if (now !== requests) [requests, since] = [now, performance.now()]
      return performance.now() - since > 6000 || undefined // its retries are two seconds apart
    })
  },
  openings: () => undefined
})
