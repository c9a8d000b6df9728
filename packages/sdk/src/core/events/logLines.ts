import type { Dependency } from "../dependency.ts"
import { explain } from "../health/health.ts"

/** The log lines that operators look for, word for word; and first of all, what of the policy's options can never happen. */
export const logLines = (
  dependency: Dependency,
  log: (level: "info" | "warn", line: string, details: Readonly<Record<string, unknown>>) => void
): () => void => {
  const { name } = dependency
  for (const warning of dependency.warnings) log("warn", `Policy ${name}: ${warning}`, { dependency: name })
  const stop = [
    dependency.on("retry", ({ attempt, delay, of, operation }) =>
      log("warn", of === Infinity ? `Retry attempt ${attempt}` : `Retry attempt ${attempt} of ${of}`, { dependency: name, operation, delay: Math.round(delay) })),
    dependency.on("warning", ({ line }) => log("warn", line, { dependency: name })),
    dependency.on("breaker", ({ from, key, reason, to }) =>
      log(to === "closed" ? "info" : "warn", `Circuit breaker state=${to}`, { dependency: name, from, reason, ...(key !== undefined && { key }) })),
    dependency.on("sharing", ({ error, processes, together }) => together
      ? log("info", "Rate limit shared again", { dependency: name, processes })
      : log("warn", "Rate limit not shared: going on by its own share", { dependency: name, processes, why: explain(error) }))
  ]
  return () => stop.forEach((unsubscribe) => unsubscribe())
}
