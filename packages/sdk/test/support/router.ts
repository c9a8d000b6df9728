/** A router over real breakers, driven by hand: what a try of each target comes to is written down beforehand. */
import { Dependency } from "../../src/core/dependency.ts"
import { initial, type Status } from "../../src/core/health/health.ts"
import { Route, type RouteOptions } from "../../src/core/router/route.ts"
import { Router, type RouterSettings, Target } from "../../src/core/router/router.ts"
import { virtual } from "./virtual.ts"

/** `up` answers, `down` fails in a way that may pass, `wrong` in one that does not, `refused` before anything is applied. */
export type Answer = "up" | "down" | "wrong" | "refused" | "busy"

export const errors = {
  down: new Error("down"),
  wrong: new TypeError("wrong"),
  refused: Object.assign(new Error("refused"), { code: "ECONNREFUSED" })
}

export const defaults: RouterSettings = {
  strategy: "ordered", timeout: Infinity, leastTime: 0, maxTargets: Infinity, lastResort: 1000, criticality: "degrades"
}

export const make = (weights: Readonly<Record<string, number>>, settings: Partial<RouterSettings> = {}) => {
  const { port, timers } = virtual()
  const checks = new Map<string, Status>()
  const targets = Object.entries(weights).map(([name, weight]) => {
    const dependency = new Dependency(name, { breaker: { failures: 2, openFor: 5000 } }, timers)
    const checked = () => checks.has(name) ? { ...initial(0), status: checks.get(name)! } : undefined
    return new Target(name, name, weight, dependency, checked)
  })
  const router = new Router("r", { ...defaults, ...settings }, targets)
  const dependency = (name: string) => targets.find((target) => target.name === name)!.dependency

  /** As a policy does with one attempt. `busy`: its bulkhead has no room. */
  const attempt = (route: Route<string>, { dependency: { breaker } }: Target<string>, answer: Answer): Target<string> | null => {
    const ticket = { generation: -1, probe: 0 }
    if (answer === "busy") return route.settled(false, new Error("no room"), undefined)
    if (!breaker!.admit(ticket, port.now())) return route.settled(false, new Error("open"), undefined)
    route.begin()
    breaker!.settled(ticket, answer === "up" ? "success" : answer === "wrong" ? "ignored" : "failure", port.now)
    return answer === "up" ? route.settled(true, 1, undefined) : route.settled(false, errors[answer], undefined)
  }

  /** One whole call: which targets it tried, and how each ended. */
  const call = (answers: Readonly<Record<string, Answer>>, options: RouteOptions = {}) => {
    const route = new Route(router, port, Infinity, options)
    for (let target: Target<string> | null = route.first(); target !== null;) target = attempt(route, target, answers[target.name] ?? "up")
    return route.entry(1).tried.map(({ outcome, target }) => `${target} ${outcome}`)
  }

  /** Opens its breaker now. */
  const open = (name: string) => {
    for (let failures = 0; failures < 2; failures++) {
      const ticket = { generation: -1, probe: 0 }
      if (dependency(name).breaker!.admit(ticket, port.now())) dependency(name).breaker!.settled(ticket, "failure", port.now)
    }
  }
  return { call, checks, dependency, open, port, router, targets, timers }
}
