import type { Dependency } from "./dependency.ts"

/** The log lines that operators look for, word for word. */
export const logLines = (
  dependency: Dependency,
  log: (level: "info" | "warn", line: string, details: Readonly<Record<string, unknown>>) => void
): () => void => {
  const { name } = dependency
  const stop = [
    dependency.on("retry", ({ attempt, delay, of, operation }) =>
      log("warn", of === Infinity ? `Retry attempt ${attempt}` : `Retry attempt ${attempt} of ${of}`, { dependency: name, operation, delay: Math.round(delay) })),
    dependency.on("breaker", ({ from, to }) =>
      log(to === "closed" ? "info" : "warn", `Circuit breaker state=${to}`, { dependency: name, from }))
  ]
  return () => stop.forEach((unsubscribe) => unsubscribe())
}
