/**
 * Every route of the agent with the right it needs: what is not in this list is not there. The default is to deny.
 *
 *   open     anybody, token or not: the probes
 *   submit   hands something over: tasks, reports
 *   read     looks
 *   operate  changes what becomes of a task, or of a schedule
 *
 * A path is compared segment by segment as it came: no normalising, so that no second spelling of a path leads past a right.
 */

export type Right = "open" | "submit" | "read" | "operate"

export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE"
  /** `:name` stands for one segment that is not empty. */
  readonly path: string
  readonly right: Right
}

export const routes: ReadonlyArray<Route> = [
  { method: "GET", path: "/livez", right: "open" },
  { method: "GET", path: "/readyz", right: "open" },
  { method: "GET", path: "/startupz", right: "open" },
  { method: "GET", path: "/health", right: "open" },
  { method: "GET", path: "/", right: "read" },
  { method: "GET", path: "/docs", right: "read" },
  { method: "GET", path: "/openapi.json", right: "read" },
  { method: "POST", path: "/v1/tasks", right: "submit" },
  { method: "POST", path: "/v1/tasks/:name", right: "submit" },
  { method: "POST", path: "/v1/wake", right: "submit" },
  { method: "GET", path: "/v1/tasks", right: "read" },
  { method: "GET", path: "/v1/tasks/:id", right: "read" },
  { method: "POST", path: "/v1/tasks/:id/cancel", right: "operate" },
  { method: "POST", path: "/v1/tasks/:id/retry", right: "operate" },
  { method: "POST", path: "/v1/dead/retry", right: "operate" },
  { method: "GET", path: "/v1/queues", right: "read" },
  { method: "PATCH", path: "/v1/queues/:name", right: "operate" },
  { method: "POST", path: "/v1/queues/:name/pause", right: "operate" },
  { method: "POST", path: "/v1/queues/:name/resume", right: "operate" },
  { method: "GET", path: "/v1/schedules", right: "read" },
  { method: "GET", path: "/v1/schedules/:name", right: "read" },
  { method: "PATCH", path: "/v1/schedules/:name", right: "operate" },
  { method: "DELETE", path: "/v1/schedules/:name", right: "operate" },
  { method: "POST", path: "/v1/schedules/:name/pause", right: "operate" },
  { method: "POST", path: "/v1/schedules/:name/resume", right: "operate" },
  { method: "POST", path: "/v1/reports", right: "submit" }
]

/** What a method and a path lead to. */
export type Match =
  | { readonly _tag: "Found"; readonly route: Route }
  | { readonly _tag: "WrongMethod"; readonly allow: ReadonlyArray<string> }
  | { readonly _tag: "NotFound" }

const fits = (pattern: string, segments: ReadonlyArray<string>): boolean => {
  const wanted = pattern.split("/")
  return wanted.length === segments.length && wanted.every((want, index) =>
    want.startsWith(":") ? segments[index] !== "" : want === segments[index])
}

/** HEAD is GET without a body. */
export const matchRoute = (method: string | undefined, path: string): Match => {
  const segments = path.split("/")
  const here = routes.filter((route) => fits(route.path, segments))
  const wanted = method === "HEAD" ? "GET" : method
  const route = here.find((route) => route.method === wanted)
  if (route !== undefined) return { _tag: "Found", route }
  if (here.length === 0) return { _tag: "NotFound" }
  const allow = here.flatMap((route) => route.method === "GET" ? ["GET", "HEAD"] : [route.method])
  return { _tag: "WrongMethod", allow }
}

/** For `--verbose`. */
export const printRoutes = (): string =>
  routes.map(({ method, path, right }) => `  ${right.padEnd(8)} ${method.padEnd(6)} ${path}`).join("\n")
