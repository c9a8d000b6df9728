/** The agent's own checks: its database, its runners, and how the tasks fare. */
import type { Registry, TaskStore } from "@outrigger/sdk"
import type { CheckFunction } from "@outrigger/sdk/promise"
import * as Effect from "effect/Effect"
import type { Supervisor } from "../supervision/Supervisor.ts"
import type { AgentHealth } from "./AgentHealth.ts"

/** A ready task that has waited longer than this is news, ms. */
const oldestAllowed = 60_000
/** Of the attempts that ended lately. */
const timeoutsAllowed = 0.05
const timeoutWindow = 300_000
const fewestSamples = 20
/** A runner that has not come up for this long, or died this often in a row, is down, ms. */
const downAfter = 10_000
const downCrashes = 3

const seconds = (millis: number): string => `${Math.round(millis / 1000)}s`

/** Asks the database something small, on a pool that is in use anyway. */
const ping = (store: TaskStore.Service): CheckFunction => async ({ signal }) => {
  const begun = performance.now()
  await Effect.runPromise(store.find("0"), { signal })
  return { status: "pass", observedValue: Math.round(performance.now() - begun), observedUnit: "ms" }
}

/** How the runners are, at this moment. */
export const runnerState = (supervisors: ReadonlyArray<Pick<Supervisor, "blocked" | "name" | "state">>, now: number): Registry.CheckEntry => {
  const shown = { criticality: "critical" as const, componentType: "runner", time: new Date().toISOString() }
  const away = supervisors.filter(({ state }) => state._tag !== "Up")
  const blocked = supervisors.flatMap(({ blocked, name }) => blocked === undefined ? [] : [`${name}: ${blocked}`])
  if (away.length === 0) {
    if (blocked.length === 0) return { status: "pass", observedValue: "up", ...shown }
    return { status: "warn", observedValue: "blocked", ...shown, why: blocked.join("; ") }
  }
  const lines = away.map(({ name, state }) => {
    const why = "why" in state && state.why !== undefined ? `, after: ${state.why}` : ""
    return `${name} is ${state._tag === "Backoff" ? "waiting to be started again" : state._tag.toLowerCase()}${why}`
  })
  const down = away.length === supervisors.length && away.every(({ state }) =>
    (state._tag !== "Draining" && now - state.since > downAfter) || ("crashes" in state && state.crashes >= downCrashes))
  return { status: down ? "fail" : "warn", observedValue: away[0]!.state._tag.toLowerCase(), ...shown, why: lines.join("; ") }
}

const oldestReady = (store: TaskStore.Service): CheckFunction => async ({ signal }) => {
  const depths = await Effect.runPromise(store.queues, { signal })
  const oldest = depths.reduce<(typeof depths)[number] | undefined>((worst, depth) => (depth.oldest ?? 0) > (worst?.oldest ?? 0) ? depth : worst, undefined)
  const age = Math.round(oldest?.oldest ?? 0)
  if (oldest === undefined || age <= oldestAllowed) return { status: "pass", observedValue: age, observedUnit: "ms" }
  return {
    status: "warn", observedValue: age, observedUnit: "ms",
    output: `the oldest ready task of queue "${oldest.queue}" has waited ${seconds(age)}: ${oldest.ready} are ready, ${oldest.running} run; no worker takes them, or a dependency they need is down`
  }
}

/** Over a sliding window; with few samples it says nothing. */
export const timeoutRatio = (
  counts: () => { readonly ended: number; readonly timedOut: number }, now: () => number
): CheckFunction => {
  const samples: Array<{ readonly at: number; readonly ended: number; readonly timedOut: number }> = []
  return () => {
    samples.push({ at: now(), ...counts() })
    while (samples.length > 2 && samples[1]!.at < now() - timeoutWindow) samples.shift()
    const [first, last] = [samples[0]!, samples.at(-1)!]
    const ended = last.ended - first.ended
    const timedOut = last.timedOut - first.timedOut
    const ratio = ended === 0 ? 0 : timedOut / ended
    const observed = { observedValue: Math.round(ratio * 1000) / 10, observedUnit: "percent" }
    if (ended < fewestSamples || ratio < timeoutsAllowed) return { status: "pass", ...observed }
    return { status: "warn", ...observed, output: `${timedOut} of ${ended} attempts timed out in the last ${seconds(last.at - first.at)}; fewer than 5 % should` }
  }
}

/** It is no fault that a pooler passes no notifications on, but explains why tasks start later. */
export const notificationsBy = (pooler: boolean): CheckFunction => () => pooler
  ? { status: "pass", observedValue: "polling", output: "The database is reached through a pooler: notifications fall back to polling" }
  : { status: "pass", observedValue: "notifications" }

export const watchDatabase = (health: AgentHealth, { pooler, store }: { readonly store: TaskStore.Service; readonly pooler: boolean }): void => {
  health.check("database:ping", ping(store), { every: "2 seconds", timeout: "2 seconds", criticality: "critical" })
  health.check("database:wake-ups", notificationsBy(pooler), { every: "1 minute" })
  health.check("tasks:oldest", oldestReady(store), { every: "10 seconds", timeout: "5 seconds" })
}

export const watchRunners = (health: AgentHealth, supervisors: ReadonlyArray<Supervisor>): void => {
  if (supervisors.length === 0) return
  health.runners = () => ({ state: runnerState(supervisors, performance.now()), checks: supervisors.map(({ checks }) => checks) })
  const counts = () => supervisors.reduce((sum, { counts }) => ({ ended: sum.ended + counts.ended, timedOut: sum.timedOut + counts.timedOut }), { ended: 0, timedOut: 0 })
  health.check("tasks:timeouts", timeoutRatio(counts, () => performance.now()), { every: "5 seconds" })
}
