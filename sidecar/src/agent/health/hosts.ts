/**
 * What the hosts said of themselves, and for how long it may be believed.
 *
 *   reporting --lease over--> unknown (warn) --another lease over--> silent (fail)
 *   any --final report--> gone, quietly
 *   unknown, silent --another instance of the service reports--> gone: it was replaced, or scaled away
 */
import type { Registry } from "@outrigger/sdk"
import type { HostReport } from "@outrigger/sdk/SidecarApi"

type Entry = Registry.CheckEntry
type HostReportJson = (typeof HostReport)["Type"]

interface Host {
  readonly service: string
  readonly instance: string
  readonly sequence: number
  readonly lease: number
  /** Monotonic. */
  readonly at: number
  readonly status: Registry.Status
  readonly checks: Readonly<Record<string, ReadonlyArray<Entry>>>
}

/** One host as `/health` shows it. */
export interface HostView {
  readonly service: string
  readonly instance: string
  readonly status: Registry.Status
  /** Of its last report, ms. */
  readonly age: number
}

/** Beyond these, a host cannot fill the agent's memory. */
const mostInstances = 500
const mostChecks = 100
const mostText = 500
const [shortestLease, longestLease] = [1000, 600_000]

const statuses: ReadonlyArray<unknown> = ["pass", "warn", "fail"]
const criticalities: ReadonlyArray<unknown> = ["critical", "degrades", "ignored"]

const text = (value: unknown): string | undefined => typeof value === "string" ? value.slice(0, mostText) : undefined
const scalar = (value: unknown): string | number | boolean | undefined =>
  typeof value === "number" || typeof value === "boolean" ? value : text(value)

/** A host's word is data from outside: only what an entry may hold gets through. */
const readEntry = (value: unknown): Entry | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const given = value as Record<string, unknown>
  if (!statuses.includes(given["status"])) return undefined
  const entry: Record<string, unknown> = {
    status: given["status"],
    componentType: text(given["componentType"]),
    observedValue: scalar(given["observedValue"]),
    observedUnit: text(given["observedUnit"]),
    time: text(given["time"]),
    output: text(given["output"]),
    criticality: criticalities.includes(given["criticality"]) ? given["criticality"] : "degrades",
    since: text(given["since"]),
    age: typeof given["age"] === "number" ? given["age"] : undefined,
    why: text(given["why"])
  }
  return Object.fromEntries(Object.entries(entry).filter(([, field]) => field !== undefined)) as unknown as Entry
}

const readChecks = (report: HostReportJson["report"]): Host["checks"] => {
  const given = report["checks"]
  if (typeof given !== "object" || given === null || Array.isArray(given)) return {}
  const checks = Object.entries(given).slice(0, mostChecks).map(([name, entries]) =>
    [name.slice(0, mostText), (Array.isArray(entries) ? entries : []).slice(0, 10).map(readEntry).filter((entry) => entry !== undefined)] as const)
  return Object.fromEntries(checks)
}

export class Hosts {
  private readonly now: () => number
  private readonly hosts = new Map<string, Host>()

  /** `now` is monotonic, ms. */
  constructor(now: () => number) {
    this.now = now
  }

  /** Takes a report in. One that was overtaken by a later one of its instance changes nothing. */
  accept({ final = false, instance, lease, report, sequence, service }: HostReportJson): void {
    const key = JSON.stringify([service, instance])
    const known = this.hosts.get(key)
    if (known !== undefined && known.sequence >= sequence) return
    this.forgetReplaced(service)
    this.hosts.delete(key) // the newest stand last
    if (final) return
    const oldest = this.hosts.keys().next().value
    if (this.hosts.size >= mostInstances && oldest !== undefined) this.hosts.delete(oldest)
    const given = report["status"]
    this.hosts.set(key, {
      service: service.slice(0, mostText),
      instance: instance.slice(0, mostText),
      sequence,
      lease: Math.min(longestLease, Math.max(shortestLease, lease)),
      at: this.now(),
      status: given === "pass" || given === "fail" ? given : "warn",
      checks: readChecks(report)
    })
  }

  private forgetReplaced(service: string): void {
    for (const [key, host] of this.hosts) if (host.service === service && this.silence(host) > 0) this.hosts.delete(key)
  }

  /** How many leases have passed in silence since the one it had. */
  private silence({ at, lease }: Host): number {
    return Math.floor((this.now() - at) / lease)
  }

  private statusOf(host: Host): Registry.Status {
    const silence = this.silence(host)
    return silence >= 2 ? "fail" : silence === 1 ? "warn" : host.status
  }

  /** Every instance. */
  views(): ReadonlyArray<HostView> {
    return [...this.hosts.values()].map((host) => ({
      service: host.service,
      instance: host.instance,
      status: this.statusOf(host),
      age: Math.round(this.now() - host.at)
    }))
  }

  /** `host/<service>` for each, and each one's own checks, prefixed by its service. */
  checks(): Readonly<Record<string, ReadonlyArray<Entry>>> {
    const all: Record<string, Array<Entry>> = {}
    const add = (name: string, entries: ReadonlyArray<Entry>) => (all[name] ??= []).push(...entries)
    for (const host of this.hosts.values()) {
      add(`host/${host.service}`, [this.entryOf(host)])
      // What a silent host said last is no news of its dependencies any more.
      if (this.silence(host) === 0) for (const [name, entries] of Object.entries(host.checks)) add(`${host.service}/${name}`, entries)
    }
    return all
  }

  private entryOf(host: Host): Entry {
    const age = Math.round(this.now() - host.at)
    const silence = this.silence(host)
    const status = this.statusOf(host)
    const seconds = Math.round(age / 1000)
    const why = silence === 0
      ? `${host.service} says ${status} of itself; its checks say why`
      : silence === 1 ? `unknown: no report from ${host.service} for ${seconds}s` : `${host.service} has been silent for ${seconds}s and did not say goodbye`
    return {
      status,
      componentType: "host",
      observedValue: silence === 0 ? "reporting" : silence === 1 ? "unknown" : "silent",
      criticality: "critical",
      age,
      ...(status !== "pass" && { why })
    }
  }
}
