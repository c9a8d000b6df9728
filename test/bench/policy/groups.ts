/**
 * What `npm run bench:policy` compares. A case is a line here, and a line in the module of each library that can do it.
 */
import type { Case, Group } from "../harness/suite.ts"

const cases: ReadonlyArray<Case> = [
  { name: "bare", says: "the function alone, without any policy" },
  { name: "retry", says: "two retries that are not needed" },
  { name: "timeout", says: "a timeout that does not come" },
  { name: "breaker", says: "a closed breaker" },
  { name: "bulkhead", says: "a bulkhead with a free permit" },
  { name: "rate-limit", says: "a rate limit with room" },
  { name: "hedge", says: "a hedge that is not sent" },
  { name: "retry-breaker-timeout", says: "all three around one call" },
  { name: "full-stack", says: "the three, a timeout of each attempt and a bulkhead" }
]

const ends: ReadonlyArray<Case> = [
  { name: "cache-hit", says: "a fresh answer from the cache" },
  { name: "rejected-open", says: "a call that an open breaker rejects" },
  { name: "failing-two-retries", says: "three attempts that fail, 1 ms apart; a thousand calls at a time, for they wait" }
]

const named = (prefix: string, cases: ReadonlyArray<Case>) => cases.map((one) => ({ ...one, name: prefix + one.name }))

const subject = (file: string): URL => new URL(file, import.meta.url)

const fiber = { "bare effect": subject("bareEffect.ts"), "outrigger effect": subject("outriggerEffect.ts"), effect: subject("effect.ts") }

export const groups: ReadonlyArray<Group> = [
  {
    title: "Promise face",
    own: "outrigger",
    cases: [...cases, ...ends],
    subjects: {
      bare: subject("bare.ts"),
      outrigger: subject("outrigger.ts"),
      cockatiel: subject("cockatiel.ts"),
      "cockatiel tuned": subject("cockatielTuned.ts"),
      opossum: subject("opossum.ts"),
      "opossum + p-retry": subject("opossumInRetry.ts"),
      "p-retry": subject("pRetry.ts")
    }
  },
  { title: "In one fiber, an effect that is over at once", own: "outrigger effect", cases: [...named("fiber-", cases), ...named("fiber-", ends)], subjects: fiber },
  { title: "In one fiber, an effect over a promise", own: "outrigger effect", cases: named("fiber-promise-", cases), subjects: fiber }
]
