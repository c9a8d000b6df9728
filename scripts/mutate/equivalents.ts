/**
 * The mutants that no test can kill because they do the same, each with the reason. A line is as the report shows it behind `-`,
 * and what may stand in its place as it shows that behind `+`.
 */

export interface Equivalent {
  readonly file: string
  readonly original: string
  readonly mutated: string
  /** Why nobody can tell it from the original. */
  readonly because: string
}

type Row = readonly [because: string, original: string, ...mutated: ReadonlyArray<string>]

const rows: Readonly<Record<string, ReadonlyArray<Row>>> = {
  "limits/adaptive.ts": [
    ["the same number again", "if (inFlight > state.peak) state.peak = inFlight", "if (inFlight >= state.peak) state.peak = inFlight"],
    [
      "no call takes no time: the least that is counted is a microsecond",
      "const learnt = average > 0 && (Number.isNaN(baseline) || unqueued || average * 2 < baseline)",
      "const learnt = average >= 0 && (Number.isNaN(baseline) || unqueued || average * 2 < baseline)"
    ]
  ],
  "breaker/breaker.ts": [
    ["the constructor configures it at once", "gated = false", "gated = true"],
    ["the constructor configures it at once", "timed = false", "timed = true"],
    [
      "no number of failures, nor any share, reaches undefined",
      "this.tally.configure(settings.disabled ? { ...settings, ...never } : settings)",
      "this.tally.configure(settings.disabled ? {} : settings)"
    ],
    [
      "a shortcut: the long way counts a success the same",
      'this.plain = state.tag === "closed" && this.tally.window === null',
      "this.plain = false",
      'this.plain = state.tag === "" && this.tally.window === null'
    ],
    [
      "a shortcut: the long way counts a success the same",
      'if (this.plain && verdict === "success") {',
      "if (false) {",
      'if (this.plain && verdict === "") {'
    ],
    [
      "a shortcut: the long way counts a success the same",
      'if (this.plain && verdict === "success") { this.tally.inARow = 0 return }',
      'if (this.plain && verdict === "success") {}'
    ],
    [
      "an admission that moves something ends half-open: the condition is for the compiler",
      'ticket.probe = after.tag === "half-open" ? after.lastProbe : 0',
      "ticket.probe = true ? after.lastProbe : 0"
    ],
    ["step moves only what is half-open", '} else if (state.tag === "half-open") {', "} else if (true) {"],
    [
      "what changes within a generation counts nothing and lets no load come back",
      "if (to.generation !== from.generation) this.begin(from, to, now)",
      "if (true) this.begin(from, to, now)"
    ],
    [
      "it is asked only while closed, and begins anew with each close",
      'if (to.tag === "closed" && from.tag !== "closed" && rampUp !== undefined && !disabled) this.ramp.begin(rampUp, now)',
      'if (true && from.tag !== "closed" && rampUp !== undefined && !disabled) this.ramp.begin(rampUp, now)'
    ]
  ],
  "breaker/breakerExchanger.ts": [
    [
      "only `soon` finds a timer, and nothing is due before now",
      "if (this.timer !== null && this.due <= due) return",
      "if (false) return",
      "if (this.timer !== null && this.due < due) return"
    ],
    ["what is no exchanger has no interval", "const all = exchangers.get(store) ?? []", 'const all = exchangers.get(store) ?? ["Stryker was here"]']
  ],
  "breaker/breakers.ts": [
    [
      "with its options there is a breaker: the condition is for the compiler",
      'if (key === undefined || this.own === undefined || this.breaker?.state.tag === "isolated") return this.breaker',
      'if (key === undefined || this.own === undefined || this.breaker.state.tag === "isolated") return this.breaker'
    ],
    [
      "what is shared has a breaker: the condition is for the compiler",
      "if (sharing !== undefined && breaker !== null && shared?.breaker === breaker) return shared.update(sharing, port)",
      "if (sharing !== undefined && true && shared?.breaker === breaker) return shared.update(sharing, port)"
    ],
    [
      "what is shared has a breaker: the condition is for the compiler",
      "this.shared = sharing === undefined || breaker === null ? null : sharing.store.share({",
      "this.shared = sharing === undefined || false ? null : sharing.store.share({"
    ],
    [
      "what is no number is not finite: the condition is for the compiler",
      'if (snapshot === undefined || typeof takenAt !== "number" || !Number.isFinite(takenAt)) {',
      "if (snapshot === undefined || false || !Number.isFinite(takenAt)) {"
    ]
  ],
  "breaker/lifecycle.ts": [
    ["it has no end, and no time reaches undefined", 'case "isolated": return 0', 'case "isolated":']
  ],
  "breaker/rampUp.ts": [
    [
      "at the end itself the sum is the whole too",
      "elapsed >= duration ? whole : floor + Math.floor((whole - floor) * Math.max(0, elapsed) / duration)",
      "elapsed > duration ? whole : floor + Math.floor((whole - floor) * Math.max(0, elapsed) / duration)"
    ]
  ],
  "breaker/shared.ts": [
    [
      "what is closed or isolated ends at 0",
      'left: state === "open" || state === "half-open" ? Math.max(0, until - now) : 0,',
      "left: true ? Math.max(0, until - now) : 0,"
    ],
    ["only what is half-open has a prober", 'probing: state === "half-open" && prober === instance', "probing: true && prober === instance"],
    [
      "only what is half-open has a prober",
      'const mine = state === "half-open" && prober === request.instance',
      "const mine = true && prober === request.instance"
    ],
    [
      "no vote is no share that is enough",
      "return votes > 0 && votes >= Math.min(minimumVotes, live) && votes / live >= quorum",
      "return true && votes >= Math.min(minimumVotes, live) && votes / live >= quorum",
      "return votes >= 0 && votes >= Math.min(minimumVotes, live) && votes / live >= quorum"
    ]
  ],
  "breaker/sharedBreaker.ts": [
    ["who has heard nothing is pending whatever it says, and each answer sets it", "private told = false", "private told = true"],
    ["who has heard nothing is pending whatever it says, and each answer sets it", "this.told = false", "this.told = true"],
    [
      "who has heard nothing is pending: the condition is for the compiler",
      'return this.pending || this.calling(now) || this.shared?.state !== "closed"',
      'return this.pending || this.calling(now) || this.shared.state !== "closed"'
    ],
    [
      "only one that is half-open comes to such an end",
      'else if (this.probing && from.tag === "half-open" && (to.reason === "probes-succeeded" || to.reason === "probe-failed")) {',
      'else if (this.probing && true && (to.reason === "probes-succeeded" || to.reason === "probe-failed")) {'
    ],
    [
      "no action is undefined",
      "if (this.command !== undefined && asked.action === this.command && done(this.command, answer)) this.command = undefined",
      "if (true && asked.action === this.command && done(this.command, answer)) this.command = undefined"
    ]
  ],
  "breaker/snapshot.ts": [
    ["it gives undefined all the same", "default: return undefined", "default:"]
  ],
  "breaker/trips.ts": [
    ["configured before it is read", "clocked = false", "clocked = true"]
  ],
  "breaker/window.ts": [
    ["the first call that is recorded turns to its own slot", "private newest = -1", "private newest = +1"],
    [
      "a slot that is emptied twice is as empty",
      "for (let n = Math.max(this.newest + 1, to - slots + 1); n <= to; n++) this.forget(3 * (n % slots))",
      "for (let n = Math.max(this.newest + 1, to - slots - 1); n <= to; n++) this.forget(3 * (n % slots))"
    ]
  ],
  "retry/budget.ts": [
    [
      "a tenth that is emptied twice is as empty",
      "for (let n = Math.max(this.newest + 1, to - slots + 1); n <= to; n++) {",
      "for (let n = Math.max(this.newest + 1, to - slots - 1); n <= to; n++) {"
    ]
  ],
  "cache/cache.ts": [
    ["then chance takes nothing away", "age <= (jitter === 0 ? ttl : ttl * (1 - jitter * luck))", "age <= (false ? ttl : ttl * (1 - jitter * luck))"],
    ["a shortcut: the newest is moved to where it is", "if (kept !== this.newest) this.touch(kept)", "if (true) this.touch(kept)"]
  ],
  "cache/cacheStore.ts": [
    [
      "nobody sees this error: it is only counted",
      'const timer = port.at(millis, () => reject(new Error("the store did not answer in time")))',
      'const timer = port.at(millis, () => reject(new Error("")))'
    ],
    [
      "null is nothing before it comes here, and what is no object has no time: for the compiler",
      'typeof found === "object" && found !== null && Number.isFinite((found as Partial<StoredAnswer>).storedAt)',
      "true && Number.isFinite((found as Partial<StoredAnswer>).storedAt)",
      'typeof found === "object" || found !== null && Number.isFinite((found as Partial<StoredAnswer>).storedAt)',
      "true && found !== null && Number.isFinite((found as Partial<StoredAnswer>).storedAt)",
      'typeof found === "object" && true && Number.isFinite((found as Partial<StoredAnswer>).storedAt)'
    ],
    ["it is compared with what it was, never counted", "this.invalidations++", "this.invalidations--"]
  ],
  "call/call.ts": [
    ["undefined is as good as false", "protected get asks(): boolean { return false }", "protected get asks(): boolean {}"],
    ["an event that nobody hears", 'if (dependency.heard("retry")) {', "if (true) {"],
    [
      "an event that nobody hears",
      'if (dependency.heard("reject")) dependency.emit("reject", { operation: this.operation, error })',
      'if (true) dependency.emit("reject", { operation: this.operation, error })'
    ],
    ["in a backoff nobody asks what the timer was for", 'this.armAlone("backoff", delay)', 'this.armAlone("", delay)'],
    ["undefined is as good as false", "} catch { return false }", "} catch {}"]
  ],
  "retry/classify.ts": [
    [
      "EPIPE has five capitals, so it passes for an SQLSTATE that is transient",
      'const lost = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CLOSED"])',
      'const lost = new Set(["ECONNRESET", "ECONNABORTED", "", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CLOSED"])'
    ],
    ["undefined is in no list and no SQLSTATE: the condition is for the compiler", "if (code !== undefined) {", "if (true) {"],
    [
      "a shortcut: null throws then, and what throws proves nothing either",
      'return (typeof value === "object" && value !== null && (value as { readonly status?: unknown }).status === 429)',
      'return (typeof value === "object" && true && (value as { readonly status?: unknown }).status === 429)'
    ],
    [
      "any text that is in no list does",
      'return validation.has((error as { readonly _tag?: string } | null | undefined)?._tag ?? "") ? "permanent" : "transient"',
      'return validation.has((error as { readonly _tag?: string } | null | undefined)?._tag ?? "Stryker was here!") ? "permanent" : "transient"'
    ],
    [
      "any text that is in no list does",
      '|| (!ok && neverConnected.has(codeOf(value) ?? ""))',
      '|| (!ok && neverConnected.has(codeOf(value) ?? "Stryker was here!"))'
    ]
  ],
  "dependency.ts": [
    ["the constructor applies its options at once", "measures = false", "measures = true"],
    ["the constructor applies its options at once", "timed = false", "timed = true"],
    ["the constructor applies its options at once", "wanders = false", "wanders = true"],
    [
      "where no delay is measured there is no measure",
      "const quantile = measured === undefined ? undefined : this.durations?.quantile(measured.percentile, now)",
      "const quantile = false ? undefined : this.durations?.quantile(measured.percentile, now)"
    ],
    [
      "for a delay that is measured there is a measure: the condition is for the compiler",
      "const quantile = measured === undefined ? undefined : this.durations?.quantile(measured.percentile, now)",
      "const quantile = measured === undefined ? undefined : this.durations.quantile(measured.percentile, now)"
    ]
  ],
  "time/duration.ts": [
    [
      "the first of a match is not read",
      "const [, count, unit] = pattern.exec(input) ?? []",
      'const [, count, unit] = pattern.exec(input) ?? ["Stryker was here"]'
    ],
    [
      "any text that is no unit does",
      'return Number(count) * (units[unit ?? ""] ?? Number.NaN)',
      'return Number(count) * (units[unit ?? "Stryker was here!"] ?? Number.NaN)'
    ]
  ],
  "breaker/keyedBreakers.ts": [
    ["a shortcut: the newest that is moved to the end stands there already", "if (key !== this.newest) {", "if (true) {"],
    ["one that is not closed is not among those that the order is of", 'if (to.tag === "closed") this.newest = key', "if (true) this.newest = key"],
    [
      "a map deletes nothing for undefined: the condition is for the compiler",
      "if (nearest !== undefined) this.troubled.delete(nearest)",
      "if (true) this.troubled.delete(nearest)"
    ]
  ],
  "limits/percentile.ts": [
    [
      "the longest is the longest either way",
      "const micros = duration * 1000 < longest ? Math.max(0, duration * 1000) | 0 : duration >= 0 ? longest : 0",
      "const micros = duration * 1000 <= longest ? Math.max(0, duration * 1000) | 0 : duration >= 0 ? longest : 0"
    ],
    [
      "what is so long is above zero",
      "const micros = duration * 1000 < longest ? Math.max(0, duration * 1000) | 0 : duration >= 0 ? longest : 0",
      "const micros = duration * 1000 < longest ? Math.max(0, duration * 1000) | 0 : duration > 0 ? longest : 0"
    ],
    ["32 is in bucket 32 by both ways", "if (micros < 32) return micros", "if (micros <= 32) return micros"],
    ["a shortcut: the walk over the buckets finds the rank without it", "this.inGroup[bucket >>> 5]!++", "this.inGroup[bucket >>> 5]! --"],
    [
      "a shortcut: the walk over the buckets finds the rank without it",
      "while (rank > this.inGroup[group]!) rank -= this.inGroup[group++]!",
      "while (false) rank -= this.inGroup[group++]!"
    ],
    ["a shortcut: to take off nothing changes nothing", "if (dropped === 0) continue", "if (false) continue"]
  ],
  "call/race.ts": [
    ["whoever is removed is there: a guard", "if (at >= 0) this.running.splice(at, 1)", "if (true) this.running.splice(at, 1)"]
  ],
  "limits/rateLimit.ts": [
    ["whoever is at the head is waited for anew, until the same moment", "if (waiter.ahead === null) this.arm(now)", "if (true) this.arm(now)"],
    ["whoever is at the head is waited for anew, until the same moment", "const first = waiter.ahead === null", "const first = true"],
    ["whoever is at the head is waited for anew, until the same moment", "if (first) this.arm(now)", "if (true) this.arm(now)"],
    ["whoever is at the head is waited for anew, until the same moment", "if (this.granting) return", "if (false) return"],
    ["whoever is at the head is waited for anew, until the same moment", "this.granting = true", "this.granting = false"]
  ],
  "retry/retry.ts": [
    [
      "undefined is neither a number nor a date: the condition is for the compiler",
      "if (text === undefined) return undefined",
      "if (false) return undefined"
    ]
  ],
  "router/route.ts": [
    ["it is set anew for each try", "private began = false", "private began = true"],
    [
      "an end that never comes, later, never comes",
      "const own = timeout === Infinity ? Infinity : port.now() + timeout",
      "const own = false ? Infinity : port.now() + timeout"
    ],
    ["an event that nobody hears", 'if (this.router.listeners.heard("fallover")) {', "if (true) {"],
    [
      "no time is later than an end that never comes",
      "return this.deadline === Infinity || this.port.now() + leastTime < this.deadline",
      "return false || this.port.now() + leastTime < this.deadline"
    ]
  ],
  "router/router.ts": [
    ["an event that nobody hears", 'if (!this.listeners.heard("preferred")) return', "if (false) return"],
    [
      "a closed breaker rejects nothing: without the look a clock is read for it",
      'return breaker !== null && breaker.state.tag !== "closed" && breaker.rejects(now())',
      "return breaker !== null && true && breaker.rejects(now())",
      'return breaker !== null && breaker.state.tag !== "" && breaker.rejects(now())'
    ],
    [
      "a shortcut: the first of those left over is the same one",
      'if (this.settings.strategy === "ordered") {',
      "if (false) {",
      'if (this.settings.strategy === "") {'
    ]
  ],
  "schedules/cron.ts": [
    [
      "the first of a match is not read",
      'const [, range = "", step] = /^([^/]+)(?:\\/([^/]*))?$/.exec(item) ?? []',
      'const [, range = "", step] = /^([^/]+)(?:\\/([^/]*))?$/.exec(item) ?? ["Stryker was here"]'
    ],
    ["a text that is split has a first part", 'const [from = "", to, ...rest] = range.split("-")', 'const [from = "Stryker was here!", to, ...rest] = range.split("-")'],
    [
      "a shortcut: the search from the next day on ends there too",
      "const day = today === midnight ? nextDay(cron, midnight + dayLong) : today",
      "const day = true ? nextDay(cron, midnight + dayLong) : today"
    ]
  ],
  "schedules/occurrences.ts": [
    ["a later time on the wall is another instant", "if (instant > after) return instant", "if (instant >= after) return instant"],
    ["what is no number is no slot: the condition is for the compiler", "if (next === undefined) return undefined", "if (false) return undefined"],
    [
      "what is no number is no slot: the condition is for the compiler",
      "return slot === undefined || slot <= lastInstant ? slot : undefined",
      "return false || slot <= lastInstant ? slot : undefined"
    ]
  ],
  "schedules/zone.ts": [
    ["a shortcut: one that is made anew writes the same", "if (known !== undefined) return known", "if (false) return known"],
    ["a shortcut: its own format says 0", 'if (timeZone === "UTC") return 0', "if (false) return 0", 'if (timeZone === "") return 0'],
    ["in no time nothing changes", "for (let begin = from; begin < to; begin += dayLong) {", "for (let begin = from; begin <= to; begin += dayLong) {"]
  ],
  "limits/sharedBucket.ts": [
    [
      "whoever asks is not among the others: it was taken out before",
      "if (until > now && (theirs < since || (theirs === since && other < process))) sum += waits",
      "if (until > now && (theirs < since || (theirs === since && other <= process))) sum += waits"
    ],
    ["no time brings nothing, and the level is never over the mark", "if (now <= this.at) return", "if (now < this.at) return"]
  ],
  "limits/sharedMeter.ts": [
    ["the limit attaches it at once, which begins anew", 'private process = ""', 'private process = "Stryker was here!"'],
    ["the limit attaches it at once, which begins anew", "private plenty = true", "private plenty = false"],
    ["it is read after an answer, and each answer sets it", "private tellsSoon = false", "private tellsSoon = true"]
  ],
  "limits/slidingWindow.ts": [
    [
      "an entry of no weight changes nothing",
      "if (spent > 0) this.push(Math.min(limit, Math.ceil(spent)), now)",
      "if (true) this.push(Math.min(limit, Math.ceil(spent)), now)",
      "if (spent >= 0) this.push(Math.min(limit, Math.ceil(spent)), now)"
    ],
    ["the next entry is written over it", "for (let at = this.first; at < this.end; at++) {", "for (let at = this.first; at <= this.end; at++) {"]
  ],
  "limits/throttle.ts": [
    ["a slot that is to be forgotten takes its refusals along", "this.turn(now)", ";"]
  ],
  "limits/tokenBucket.ts": [
    ["no time brings nothing", "if (now > this.at) {", "if (now >= this.at) {"]
  ],
  "call/try.ts": [
    [
      "without a key it is the one of all",
      "return options === undefined || options.breakerKey === undefined ? this.dependency.breaker : this.dependency.breakerOf(options.breakerKey)",
      "return options === undefined || false ? this.dependency.breaker : this.dependency.breakerOf(options.breakerKey)"
    ],
    [
      "without a hedge its delay has no end, so what comes first is one of the others",
      "if (settings.hedge !== undefined && this.options?.idempotent !== false) this.armHedge(now)",
      "if (true && this.options?.idempotent !== false) this.armHedge(now)"
    ],
    [
      "where nothing measures, measure does nothing; and it asks itself who is ignored",
      "if (dependency.measures) dependency.measure(attempt, verdict, this.lanes.timers.port.now())",
      "if (true) dependency.measure(attempt, verdict, this.lanes.timers.port.now())"
    ],
    [
      "where nothing measures, measure does nothing; and it asks itself who is ignored",
      'if (dependency.measures && verdict === "failure") dependency.measure(attempt, verdict, this.lanes.timers.port.now())',
      'if (dependency.measures || verdict === "failure") dependency.measure(attempt, verdict, this.lanes.timers.port.now())',
      "if (dependency.measures && true) dependency.measure(attempt, verdict, this.lanes.timers.port.now())"
    ],
    [
      "an event that nobody hears",
      'if (this.dependency.heard("hedge")) this.dependency.emit("hedge", { operation: this.operation, attempt: attempt.attempt })',
      'if (true) this.dependency.emit("hedge", { operation: this.operation, attempt: attempt.attempt })'
    ],
    [
      "a shortcut: a timer of its own comes at the same time",
      'if (hedge === null) this.armAlone("hedge", delay)',
      'if (true) this.armAlone("hedge", delay)'
    ],
    [
      "of an attempt that is late only its end counts",
      "this.settle(attempt, false, reason, undefined)",
      "this.settle(attempt, true, reason, undefined)"
    ]
  ],
  "call/wait.ts": [
    ["each wait says what it is before its timer is set", 'protected awaited: Awaited = "end"', 'protected awaited: Awaited = ""'],
    [
      "a shortcut: a timer of its own comes at the same time",
      "if (now === this.startedAt && !this.inherited) this.lanes.total!.add(this, now)",
      "if (false) this.lanes.total!.add(this, now)"
    ]
  ]
}

export const equivalents: ReadonlyArray<Equivalent> = Object.entries(rows).flatMap(([file, all]) =>
  all.flatMap(([because, original, ...mutated]) => mutated.map((mutated) => ({ file, original, mutated, because }))))
