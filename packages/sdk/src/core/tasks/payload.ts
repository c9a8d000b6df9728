/** Whether a value can be stored as JSON in PostgreSQL and come back as it was; asked before anything is written. */
import type { PayloadIssue } from "./taskErrors.ts"

/** Bytes of UTF-8 that the JSON of a payload or a result may have. */
export const payloadLimit = 1024 * 1024
/** How deep a payload may nest: far beyond what people write, far below what a parser's stack holds. */
export const depthLimit = 200

const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

const stringFault = (text: string): string | undefined =>
  text.includes("\u0000")
    ? "holds a NUL character (U+0000), which PostgreSQL cannot store"
    : loneSurrogate.test(text) ? "holds half of a surrogate pair, which is not valid Unicode" : undefined

const scalarFault = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "string": return stringFault(value)
    case "number": return Number.isFinite(value) ? undefined : `is ${value}, which JSON cannot hold`
    case "bigint": return "is a bigint, which JSON cannot hold: encode it as a string"
    default: return undefined
  }
}

/** Bytes that JSON needs at most for a character, a number and the marks around a value. */
const perCharacter = 6
const perValue = 26

/**
 * How many bytes of JSON a value takes at most, in one pass that allocates nothing; NaN where it cannot say that all is well. Nearly
 * every payload is small and sound: those are done with here.
 */
const boundOf = (value: unknown, depth: number): number => {
  switch (typeof value) {
    case "string": return value.isWellFormed() && !value.includes("\u0000") ? value.length * perCharacter + perValue : Number.NaN
    case "number": return Number.isFinite(value) ? perValue : Number.NaN
    case "bigint": return Number.NaN
    case "object": break
    default: return perValue
  }
  if (value === null) return perValue
  if (depth === depthLimit || "toJSON" in value) return Number.NaN
  let bound = perValue
  if (Array.isArray(value)) for (const item of value) bound += boundOf(item, depth + 1)
  else for (const key in value) bound += boundOf(key, depth) + boundOf((value as Record<string, unknown>)[key], depth + 1)
  return bound
}

/** The first thing that would not survive, or undefined. */
export const payloadFault = (payload: unknown, limit = payloadLimit): PayloadIssue | undefined =>
  boundOf(payload, 0) <= limit ? undefined : firstFault(payload, limit)

/** Works without recursion, so that depth cannot break it. */
const firstFault = (payload: unknown, limit: number): PayloadIssue | undefined => {
  const open: Array<{ readonly value: unknown; readonly path: ReadonlyArray<string | number> }> = [{ value: payload, path: [] }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value } = next
    const message = path.length > depthLimit ? `nests deeper than ${depthLimit} levels` : scalarFault(value)
    if (message !== undefined) return { path, message }
    if (Array.isArray(value)) value.forEach((item, index) => open.push({ value: item, path: [...path, index] }))
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        const fault = stringFault(key)
        if (fault !== undefined) return { path: [...path, key], message: `its name ${fault}` }
        open.push({ value: item, path: [...path, key] })
      }
    }
  }
  const bytes = new TextEncoder().encode(JSON.stringify(payload) ?? "null").length
  return bytes > limit
    ? { path: [], message: `is ${bytes} bytes of JSON, over the limit of ${limit}: store it elsewhere and enqueue a reference` }
    : undefined
}
