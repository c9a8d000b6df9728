/**
 * `outrigger health`: one question to a sidecar, for a container's health check. It loads nothing but Node, for it runs every
 * few seconds.
 */
import { request } from "node:http"

export interface HealthOptions {
  readonly url: string
  readonly token: string | undefined
  /** Milliseconds. */
  readonly timeout: number
}

interface Entry {
  readonly status?: string
  readonly why?: string
}

const ask = ({ timeout, token, url }: HealthOptions): Promise<{ readonly status: string; readonly checks: Readonly<Record<string, ReadonlyArray<Entry>>> }> =>
  new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const asked = request(new URL("/health", url), { headers, signal: AbortSignal.timeout(timeout) }, (response) => {
      let body = ""
      response.setEncoding("utf8").on("data", (text: string) => { body += text }).on("error", reject).on("end", () => {
        try {
          const { checks = {}, status } = JSON.parse(body) as { readonly status?: unknown; readonly checks?: Record<string, ReadonlyArray<Entry>> }
          if (status === "pass" || status === "warn" || status === "fail") return resolve({ status, checks })
        } catch {
          // Not JSON: not a sidecar.
        }
        reject(new Error(`what answers there is no sidecar (it said ${response.statusCode})`))
      })
    })
    asked.on("error", (error) => reject(error.name === "TimeoutError" ? new Error(`no answer within ${timeout} ms`) : error))
    asked.end()
  })

/** Prints the status and what is not well; gives the exit code. */
export const health = async (options: HealthOptions, print: (line: string) => void): Promise<number> => {
  try {
    const { checks, status } = await ask(options)
    print(status)
    for (const [name, entries] of Object.entries(checks)) {
      for (const entry of entries) if (entry.status !== "pass") print(`  ${name}: ${entry.status ?? "unknown"}${entry.why === undefined ? "" : ` (${entry.why})`}`)
    }
    return status === "fail" ? 1 : 0
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    print(`fail\n  The sidecar at ${options.url} cannot be asked: ${message || code || String(error)}; start it with "outrigger start"`)
    return 1
  }
}
