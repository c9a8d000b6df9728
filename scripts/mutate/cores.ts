/** Which cores are held to the score, and which of their mutants no test can kill because they do the same. */

/** Of `packages/sdk/src/core/<name>.ts`. */
export const cores: ReadonlyArray<string> = ["budget", "bulkhead", "classify", "duration", "httpDate", "retry", "timers"]

export interface Equivalent {
  readonly file: string
  /** The line as the report shows it behind `-`, and behind `+`. */
  readonly original: string
  readonly mutated: string
  /** Why nobody can tell it from the original. */
  readonly because: string
}

export const equivalents: ReadonlyArray<Equivalent> = [
  {
    file: "budget.ts",
    original: "for (let n = Math.max(this.newest + 1, to - slots + 1); n <= to; n++) {",
    mutated: "for (let n = Math.max(this.newest + 1, to - slots - 1); n <= to; n++) {",
    because: "a tenth that is emptied twice is as empty"
  },
  {
    file: "classify.ts",
    original: 'const lost = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CLOSED"])',
    mutated: 'const lost = new Set(["ECONNRESET", "ECONNABORTED", "", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CLOSED"])',
    because: "EPIPE has five capitals, so it passes for an SQLSTATE that is transient"
  },
  {
    file: "classify.ts",
    original: "if (code !== undefined) {",
    mutated: "if (true) {",
    because: "undefined is in no list and no SQLSTATE: the condition is for the compiler"
  },
  {
    file: "classify.ts",
    original: 'return validation.has((error as { readonly _tag?: string } | null | undefined)?._tag ?? "") ? "permanent" : "transient"',
    mutated: 'return validation.has((error as { readonly _tag?: string } | null | undefined)?._tag ?? "Stryker was here!") ? "permanent" : "transient"',
    because: "any text that is in no list does"
  },
  {
    file: "classify.ts",
    original: '|| (!ok && neverConnected.has(codeOf(value) ?? ""))',
    mutated: '|| (!ok && neverConnected.has(codeOf(value) ?? "Stryker was here!"))',
    because: "any text that is in no list does"
  },
  {
    file: "duration.ts",
    original: "const [, count, unit] = pattern.exec(input) ?? []",
    mutated: 'const [, count, unit] = pattern.exec(input) ?? ["Stryker was here"]',
    because: "the first of a match is not read"
  },
  {
    file: "duration.ts",
    original: 'return Number(count) * (units[unit ?? ""] ?? Number.NaN)',
    mutated: 'return Number(count) * (units[unit ?? "Stryker was here!"] ?? Number.NaN)',
    because: "any text that is no unit does"
  },
  {
    file: "retry.ts",
    original: "if (text === undefined) return undefined",
    mutated: "if (false) return undefined",
    because: "undefined is neither a number nor a date: the condition is for the compiler"
  }
]
