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

/** The first thing that would not survive, or undefined. Works without recursion, so that depth cannot break it. */
export const payloadFault = (payload: unknown, limit = payloadLimit): PayloadIssue | undefined => {
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
