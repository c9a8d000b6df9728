/** What the breakers of a task's dependencies say of it. */
import type { Breaker } from "../breaker/breaker.ts"

/** The dependency of a name, where there is one. */
export type FindDependency = (name: string) => { readonly breaker: Breaker | null } | undefined

/** How many attempts at once they let through: any number while all are closed, none while one rejects, else as many as may probe. */
export const probesOf = (needs: ReadonlyArray<string>, find: FindDependency, now: number): number => {
  let limit = Infinity
  for (const need of needs) {
    const breaker = find(need)?.breaker
    if (breaker === null || breaker === undefined || breaker.state.tag === "closed") continue
    if (breaker.settings.observe === true && breaker.state.tag !== "isolated") continue
    limit = breaker.rejects(now) ? 0 : Math.min(limit, breaker.settings.halfOpenCalls)
    if (limit === 0) return 0
  }
  return limit
}

/** Milliseconds until none of them rejects; undefined when time alone does not see to that. */
export const waitOf = (needs: ReadonlyArray<string>, find: FindDependency, now: number): number | undefined => {
  let wait = 0
  for (const need of needs) {
    const breaker = find(need)?.breaker
    if (breaker === null || breaker === undefined || !breaker.rejects(now)) continue
    const left = breaker.retryAfter(now)
    if (left === undefined) return undefined
    wait = Math.max(wait, left)
  }
  return wait
}
