/** Of `packages/sdk/src/core/<name>.ts`: the cores that are held to the score. */
export const cores: ReadonlyArray<string> = [
  "limits/adaptive", "call/attempt", "batch", "breaker/breaker", "breaker/breakerExchanger", "breaker/breakerStore", "breaker/breakers",
  "breaker/lifecycle", "breaker/rampUp", "breaker/settings", "breaker/shared", "breaker/sharedBreaker", "breaker/snapshot", "breaker/trips",
  "breaker/window", "retry/budget", "limits/bulkhead", "cache/cache", "cache/cacheStore", "call/call", "call/chaos", "retry/classify",
  "call/contradictions", "time/deadline", "dependency", "cache/dependencyCache", "time/duration", "errors", "events/events", "retry/httpDate",
  "breaker/keyedBreakers", "limits/limiterStore", "limits/line", "events/listeners", "options", "options/adaptive", "options/batch",
  "options/breaker", "options/bulkhead", "options/cache", "options/hedge", "options/rateLimit", "options/reader", "options/retry", "options/router",
  "options/sharing", "options/throttle", "limits/percentile", "call/race", "limits/rateLimit", "retry/retry", "router/route", "router/router",
  "limits/sharedBucket", "limits/sharedLimit", "limits/sharedMeter", "limits/slidingWindow", "limits/slots", "events/statistics", "limits/throttle",
  "time/timers", "limits/tokenBucket", "call/try", "call/wait", "router/wheel", "schedules/cron", "schedules/occurrences",
  "schedules/plan", "schedules/standing", "schedules/zone"
]
