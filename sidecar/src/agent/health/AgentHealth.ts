/**
 * What the agent answers to probes: its own checks, what the runners say of their dependencies, what the hosts say of theirs.
 * All of it is read from memory; the checks run in the background.
 */
import { Registry } from "@outrigger/sdk"
import { type CheckFunction, type CheckOptions, createOutrigger, type Log } from "@outrigger/sdk/promise"
import type { Probe, ProbeAnswer } from "../http/Front.ts"
import type { Hosts, HostView } from "./hosts.ts"

/** `starting` until all is up, `draining` from the first signal to stop. */
export type Phase = "starting" | "serving" | "draining"

/** The report of the draft, with the hosts beside. */
export interface AgentReport extends Registry.Report {
  readonly phase: Phase
  readonly hosts: ReadonlyArray<HostView>
}

type Checks = Registry.Report["checks"]

const merge = (all: ReadonlyArray<Checks>): Checks => {
  const merged: Record<string, Array<Registry.CheckEntry>> = {}
  for (const checks of all) {
    for (const [name, entries] of Object.entries(checks)) (merged[name] ??= []).push(...entries)
  }
  return merged
}

const probeOf = (ok: boolean, why?: string): ProbeAnswer => ({
  status: ok ? 200 : 503,
  body: ok ? { status: "pass" } : { status: "fail", ...(why !== undefined && { output: why }) }
})

export interface AgentHealthParts {
  readonly hosts: Hosts
  readonly log: Log
}

export class AgentHealth {
  /** What the runners last said of themselves. */
  runners: () => ReadonlyArray<Checks> = () => []
  private phase: Phase = "starting"
  /** What is being waited for, in plain words. */
  private waiting = "the agent starts"
  private report: Registry.Report = Registry.reportOf({}, 0)
  private readonly hosts: Hosts
  private readonly own
  private readonly refresh: NodeJS.Timeout

  constructor({ hosts, log }: AgentHealthParts) {
    this.hosts = hosts
    this.own = createOutrigger({ service: "outrigger", log })
    const look = () => void this.own.health().then((report) => { this.report = report })
    this.refresh = setInterval(look, 200)
    this.refresh.unref()
    look()
  }

  /** Runs in the background until `close`. */
  check(name: string, check: CheckFunction, options: CheckOptions): void {
    this.own.check(name, check, options)
  }

  /** Says what the start waits for; it shows in `/startupz`, `/readyz` and `/health`. */
  waitFor(what: string): void {
    this.waiting = what
  }

  enter(phase: Phase): void {
    this.phase = phase
  }

  get draining(): boolean {
    return this.phase === "draining"
  }

  /** Everything, at this moment. */
  current(): AgentReport {
    const checks = merge([this.phaseCheck(), this.report.checks, ...this.runners(), this.hosts.checks()])
    return { ...Registry.reportOf(checks, Date.now(), "outrigger"), phase: this.phase, hosts: this.hosts.views() }
  }

  readonly probe: Probe = (path, authorized) => {
    switch (path) {
      case "/livez": return probeOf(true)
      case "/startupz": return probeOf(this.phase !== "starting", authorized ? this.waiting : undefined)
      case "/readyz": {
        const why = this.unready()
        return probeOf(why === undefined, authorized ? why : undefined)
      }
      default: {
        const report = this.current()
        return { status: report.status === "fail" ? 503 : 200, body: authorized ? report : { status: report.status } }
      }
    }
  }

  async close(): Promise<void> {
    clearInterval(this.refresh)
    await this.own.close()
  }

  private unready(): string | undefined {
    if (this.phase === "starting") return `starting: ${this.waiting}`
    if (this.phase === "draining") return "draining"
    return this.own.ready() ? undefined : "a check of the agent itself fails: see /health"
  }

  private phaseCheck(): Checks {
    if (this.phase === "serving") return {}
    const why = this.phase === "starting" ? `starting: ${this.waiting}` : "draining: running tasks are given time to end"
    return { "agent:phase": [{ status: "warn", observedValue: this.phase, criticality: "degrades", why }] }
  }
}
