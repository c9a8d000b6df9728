/** What runs two million times: every policy and every ending, in both faces. */

const names = [
  "retry", "timeout", "breaker", "bulkhead", "rate-limit", "hedge", "retry-breaker-timeout", "full-stack",
  "cache-hit", "rejected-open", "failing-two-retries", "aborted"
]

const subject = (file: string): string => new URL(`../policy/${file}`, import.meta.url).href

export interface MemoryCase {
  readonly name: string
  readonly subject: string
  readonly module: string
}

export const cases: ReadonlyArray<MemoryCase> = [
  ...names.map((name) => ({ name, subject: "outrigger", module: subject("outrigger.ts") })),
  ...names.map((name) => ({ name: `fiber-${name}`, subject: "outrigger effect", module: subject("outriggerEffect.ts") }))
]
