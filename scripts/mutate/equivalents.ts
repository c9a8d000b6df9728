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
  "breaker.ts": [
    ["the constructor configures it at once", "gated = false", "gated = true"],
    ["the constructor configures it at once", "timed = false", "timed = true"],
    ["the constructor configures it at once", "private plain = true", "private plain = false"],
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
  "budget.ts": [
    [
      "a tenth that is emptied twice is as empty",
      "for (let n = Math.max(this.newest + 1, to - slots + 1); n <= to; n++) {",
      "for (let n = Math.max(this.newest + 1, to - slots - 1); n <= to; n++) {"
    ]
  ],
  "classify.ts": [
    [
      "EPIPE has five capitals, so it passes for an SQLSTATE that is transient",
      'const lost = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CLOSED"])',
      'const lost = new Set(["ECONNRESET", "ECONNABORTED", "", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CLOSED"])'
    ],
    ["undefined is in no list and no SQLSTATE: the condition is for the compiler", "if (code !== undefined) {", "if (true) {"],
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
  "duration.ts": [
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
  "keyedBreakers.ts": [
    ["a shortcut: the newest that is moved to the end stands there already", "if (key !== this.newest) {", "if (true) {"],
    ["one that is not closed is not among those that the order is of", 'if (to.tag === "closed") this.newest = key', "if (true) this.newest = key"],
    [
      "a map deletes nothing for undefined: the condition is for the compiler",
      "if (nearest !== undefined) this.troubled.delete(nearest)",
      "if (true) this.troubled.delete(nearest)"
    ]
  ],
  "retry.ts": [
    [
      "undefined is neither a number nor a date: the condition is for the compiler",
      "if (text === undefined) return undefined",
      "if (false) return undefined"
    ]
  ]
}

export const equivalents: ReadonlyArray<Equivalent> = Object.entries(rows).flatMap(([file, all]) =>
  all.flatMap(([because, original, ...mutated]) => mutated.map((mutated) => ({ file, original, mutated, because }))))
