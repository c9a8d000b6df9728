/** The trace that a task belongs to: carried in its metadata, as W3C Trace Context writes it. */

/** The key of the metadata. */
export const traceparentKey = "traceparent"

/** Whose child an attempt is: of a request, or of the attempt that enqueued it. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  readonly sampled: boolean
}

/** All zeros, and version ff, are forbidden. */
const pattern = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** As it travels; undefined where the ids are none, as those of a span that nobody records. */
export const formatTraceparent = ({ sampled, spanId, traceId }: TraceContext): string | undefined => {
  const text = `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`
  return parseTraceparent(text) === undefined ? undefined : text
}

/** What it says; undefined when it says nothing that can be trusted. Only a later version may say more than these four fields. */
export const parseTraceparent = (text: string | undefined): TraceContext | undefined => {
  const [, version, traceId, spanId, flags, more] = pattern.exec(text ?? "") ?? []
  if (version === undefined || (version === "00" && more !== undefined)) return undefined
  return { traceId: traceId!, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 }
}
