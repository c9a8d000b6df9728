/** What an outcome means: one classifier for retry and breaker. */

/** `transient` is retried and counted by the breaker; `permanent` is neither. */
export type Outcome = "success" | "transient" | "permanent"

/** Sees results (`ok`) and errors alike; undefined leaves it to the default. */
export type Classify = (value: unknown, ok: boolean) => Outcome | undefined

/** A connection that was never made: nothing can have been applied. */
const neverConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "EHOSTDOWN", "UND_ERR_CONNECT_TIMEOUT"])
/** A connection that was lost: who knows. */
const lost = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CLOSED"])

/** SQLSTATE classes that no repetition mends: data, integrity, syntax and access, authorization, missing database. */
const permanentSql = /^(22|23|28|3D|3F|42|44)/
const sqlstate = /^[0-9A-Z]{5}$/

const validation = new Set(["ZodError", "ValiError", "ValidationError", "SchemaError", "ParseError", "InvalidPayload", "InvalidOption"])

const codeOf = (value: unknown): string | undefined => {
  let at: unknown = value
  for (let depth = 0; depth < 4 && typeof at === "object" && at !== null; depth++) {
    const { cause, code, reason } = at as { readonly code?: unknown; readonly cause?: unknown; readonly reason?: unknown }
    if (typeof code === "string" && code !== "") return code
    at = cause ?? reason
  }
  return undefined
}

const ofStatus = (status: number, ok: boolean): Outcome =>
  status === 408 || status === 425 || status === 429 || status >= 500 ? "transient" : status >= 400 || !ok ? "permanent" : "success"

const ofError = (error: unknown): Outcome => {
  const code = codeOf(error)
  if (code !== undefined) {
    if (neverConnected.has(code) || lost.has(code)) return "transient"
    if (sqlstate.test(code)) return permanentSql.test(code) ? "permanent" : "transient"
  }
  if (error instanceof Error) {
    if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError || error instanceof SyntaxError) return "permanent"
    if (validation.has(error.name)) return "permanent"
  }
  return validation.has((error as { readonly _tag?: string } | null | undefined)?._tag ?? "") ? "permanent" : "transient"
}

/** The design's rules, for whatever an own classifier leaves undecided. */
export const classify = (value: unknown, ok: boolean): Outcome => {
  if (typeof value === "object" && value !== null) {
    const { status } = value as { readonly status?: unknown }
    if (typeof status === "number") return ofStatus(status, ok)
  }
  return ok ? "success" : ofError(value)
}

/** Whether this failure proves that the dependency did nothing: the condition for repeating what is not idempotent. */
export const provesNothingApplied = (value: unknown, ok: boolean): boolean => {
  try {
    return (typeof value === "object" && value !== null && (value as { readonly status?: unknown }).status === 429)
      || (!ok && neverConnected.has(codeOf(value) ?? ""))
  } catch { // what throws when it is looked at proves nothing
    return false
  }
}
