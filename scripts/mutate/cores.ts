/** Of `packages/sdk/src/core/<name>.ts`: the cores that are held to the score. */
export const cores: ReadonlyArray<string> = [
  "breaker", "breaker/lifecycle", "breaker/rampUp", "breaker/settings", "breaker/snapshot", "breaker/trips", "breaker/window", "budget", "bulkhead",
  "classify", "duration", "httpDate", "keyedBreakers", "line", "retry", "timers"
]
