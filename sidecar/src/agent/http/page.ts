/** The page at `/`: what is there and how it is, without script. Whatever comes from outside is escaped. */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Registry, TaskStore } from "@outrigger/sdk"

export interface PageParts {
  readonly store: TaskStore.Service
  readonly report: () => Promise<Registry.Report>
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }

/** Text for an element or a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character]!)

const row = (cells: ReadonlyArray<string>): string => `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`

const table = (heads: ReadonlyArray<string>, rows: ReadonlyArray<string>): string =>
  rows.length === 0 ? "<p>None.</p>" : `<table><tr>${heads.map((head) => `<th>${head}</th>`).join("")}</tr>${rows.join("")}</table>`

const time = (epoch: number | undefined): string => epoch === undefined ? "" : new Date(epoch).toISOString().slice(0, 19).replace("T", " ")

/** The whole page. */
export const renderPage = (report: Registry.Report, tasks: ReadonlyArray<TaskStore.TaskRecord>): string => {
  const checks = Object.entries(report.checks).flatMap(([name, entries]) =>
    entries.map(({ observedValue = "", status, why = "" }) => row([name, status, String(observedValue), why])))
  const last = tasks.map(({ attempt, createdAt, failure, finishedAt, id, name, state }) =>
    row([id, name, state, String(attempt), time(createdAt), time(finishedAt), failure?.message ?? ""]))
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Outrigger</title><meta http-equiv="refresh" content="5">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b2733 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #dde3e9; vertical-align: top }
.pass { color: #117a3d } .warn { color: #9a6200 } .fail { color: #b3261e }
</style></head><body>
<h1>Outrigger <span class="${report.status}">${report.status}</span></h1>
<p><a href="/health">/health</a> &middot; <a href="/docs">/docs</a> &middot; <a href="/openapi.json">/openapi.json</a> &middot; <a href="/v1/tasks">/v1/tasks</a> &middot; <a href="/v1/queues">/v1/queues</a></p>
<h2>Checks</h2>${table(["check", "status", "value", "why"], checks)}
<h2>Last tasks</h2>${table(["id", "task", "state", "attempt", "created", "finished", "last failure"], last)}
</body></html>`
}

const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** `GET /`. Without the database it still shows the checks, which say so. */
export const pageRoute = ({ report, store }: PageParts) =>
  HttpRouter.add("GET", "/", store.list({ limit: 20 }).pipe(
    Effect.map(({ tasks }) => tasks),
    Effect.orElseSucceed(() => []),
    Effect.zip(Effect.promise(report)),
    Effect.map(([tasks, report]) => HttpServerResponse.text(renderPage(report, tasks), {
      contentType: "text/html; charset=utf-8",
      headers: { "content-security-policy": policy, "referrer-policy": "no-referrer" }
    }))
  ))
