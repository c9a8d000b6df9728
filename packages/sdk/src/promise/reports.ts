/**
 * Tells the sidecar, in the background, how this host is. Nothing of the host waits for it: a sidecar that is absent, killed,
 * frozen or slow costs one warning a minute.
 */
import type { Report } from "../core/health/health.ts"
import type { Registry } from "../core/registry.ts"
import { counters as counted } from "../core/events/statistics.ts"
import type { TimerHandle, TimerPort } from "../core/time/timers.ts"
import type { Sidecar } from "./Sidecar.ts"

/** How often, until the sidecar says otherwise, ms. */
const interval = 5000
/** How long a report may be believed, in intervals. */
const leases = 3
const sendTimeout = 3000
const warnEvery = 60_000

type Counters = Record<string, Record<string, number>>

const countersOf = (registry: Registry): Counters => {
  const counters: Counters = {}
  for (const [name, { dependency }] of registry.all()) {
    counters[name] = Object.fromEntries(counted.map((key) => [key, dependency.statistics[key]]))
  }
  return counters
}

/** By how much each counter grew. */
export const deltasOf = (now: Counters, before: Counters): Counters => {
  const deltas: Counters = {}
  for (const [name, counters] of Object.entries(now)) {
    const grown = Object.entries(counters).map(([key, value]) => [key, value - (before[name]?.[key] ?? 0)] as const)
    const changed = grown.filter(([, value]) => value !== 0)
    if (changed.length > 0) deltas[name] = Object.fromEntries(changed)
  }
  return deltas
}

export class Reports {
  private readonly service: string
  private readonly instance = crypto.randomUUID()
  private readonly registry: Registry
  private readonly sidecar: Sidecar
  private readonly port: TimerPort
  private readonly report: () => Report
  private readonly warn: (line: string) => void
  private sequence = 0
  private acknowledged: Counters = {}
  private every = interval
  private timer: TimerHandle | undefined
  private warnedAt = -Infinity
  private closed = false

  constructor(parts: {
    readonly service: string
    readonly registry: Registry
    readonly sidecar: Sidecar
    readonly port: TimerPort
    readonly report: () => Report
    readonly warn: (line: string) => void
  }) {
    this.service = parts.service
    this.registry = parts.registry
    this.sidecar = parts.sidecar
    this.port = parts.port
    this.report = parts.report
    this.warn = parts.warn
    this.schedule(0)
  }

  private schedule(delay: number): void {
    this.timer = this.port.at(delay, () => {
      void this.send(false).finally(() => {
        if (!this.closed) this.schedule(this.every)
      })
    })
    this.timer.hold(false)
  }

  /** Never rejects. */
  private async send(final: boolean): Promise<void> {
    const counters = countersOf(this.registry)
    const abort = new AbortController()
    const timer = this.port.at(sendTimeout, () => abort.abort(new Error(`no answer within ${sendTimeout} ms`)))
    timer.hold(final)
    try {
      const { body, status } = await this.sidecar.send({
        method: "POST",
        path: "/v1/reports",
        signal: abort.signal,
        body: {
          service: this.service,
          instance: this.instance,
          sequence: ++this.sequence,
          lease: this.every * leases,
          ...(final && { final }),
          report: this.report(),
          deltas: deltasOf(counters, this.acknowledged)
        }
      })
      if (status >= 300) throw new Error(`it answered ${status}`)
      this.acknowledged = counters
      const { interval: asked } = (body ?? {}) as { readonly interval?: unknown }
      if (typeof asked === "number" && asked >= 100) this.every = asked
    } catch (error) {
      if (!final) this.complain(error)
    } finally {
      timer.cancel()
    }
  }

  private complain(error: unknown): void {
    const now = this.port.now()
    if (now - this.warnedAt < warnEvery) return
    this.warnedAt = now
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    this.warn(`The sidecar cannot be reached (${cause instanceof Error ? cause.message : String(cause)}); the app goes on without it`)
  }

  /** The last word, within a bounded time. */
  async close(): Promise<void> {
    this.closed = true
    this.timer?.cancel()
    await this.send(true)
  }
}
