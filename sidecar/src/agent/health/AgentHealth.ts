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

/** `state` is undefined where there is no handlers file. */
export interface RunnersHealth {
  readonly state: Registry.CheckEntry | undefined
  readonly checks: ReadonlyArray<Checks>
}

export interface AgentHealthParts {
  readonly hosts: Hosts
  readonly log: Log
}

export class AgentHealth {
  /** How the runners are, and what they last said of their dependencies. */
  runners: () => RunnersHealth = () => ({ state: undefined, checks: [] })
  private phase: Phase = "starting"
  /** What is being waited for, in plain words. */
  private waiting = "the agent starts"
  private readonly hosts: Hosts
  private readonly own

  constructor({ hosts, log }: AgentHealthParts) {
    this.hosts = hosts
    this.own = createOutrigger({ service: "outrigger", log })
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

  /** Everything, at this moment. */
  async current(): Promise<AgentReport> {
    const { checks: own } = await this.own.health()
    const { checks: theirs, state } = this.runners()
    const checks = merge([this.phaseCheck(), own, state === undefined ? {} : { "runner:state": [state] }, ...theirs, this.hosts.checks()])
    return { ...Registry.reportOf(checks, Date.now(), "outrigger"), phase: this.phase, hosts: this.hosts.views() }
  }

  readonly probe: Probe = async (path, authorized) => {
    switch (path) {
      case "/livez": return probeOf(true)
      case "/startupz": return probeOf(this.phase !== "starting", authorized ? this.waiting : undefined)
      case "/readyz": {
        const why = this.unready()
        return probeOf(why === undefined, authorized ? why : undefined)
      }
      default: {
        const report = await this.current()
        return { status: report.status === "fail" ? 503 : 200, body: authorized ? report : { status: report.status } }
      }
    }
  }

  close(): Promise<void> {
    return this.own.close()
  }

  private unready(): string | undefined {
    if (this.phase === "starting") return `starting: ${this.waiting}`
    if (this.phase === "draining") return "draining"
    return this.runners().state?.status === "fail" ? "no runner is up: see /health" : undefined
  }

  private phaseCheck(): Checks {
    if (this.phase === "serving") return {}
    const why = this.phase === "starting" ? `starting: ${this.waiting}` : "draining: running tasks are given time to end"
    return { "agent:phase": [{ status: "warn", observedValue: this.phase, criticality: "degrades", why }] }
  }
}
