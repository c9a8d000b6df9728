/** Of `packages/sdk/src/core/<name>.ts`: the cores that are held to the score. */
export const cores: ReadonlyArray<string> = [
  "adaptive", "breaker", "breaker/lifecycle", "breaker/rampUp", "breaker/settings", "breaker/snapshot", "breaker/trips", "breaker/window", "budget",
  "bulkhead", "cache", "cacheStore", "call", "chaos", "classify", "contradictions", "dependency", "duration", "errors", "events", "httpDate",
  "keyedBreakers", "line", "listeners", "options", "options/adaptive", "options/breaker", "options/bulkhead", "options/cache", "options/hedge",
  "options/rateLimit", "options/reader", "options/retry", "options/router", "options/throttle", "percentile", "race", "rateLimit", "retry", "route",
  "router", "slidingWindow", "slots", "statistics", "throttle", "timers", "tokenBucket", "try", "wait", "wheel"
]
