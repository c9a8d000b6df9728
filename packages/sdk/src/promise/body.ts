/** Bodies of responses that nobody will read. */

/** An unread body holds its connection. What throws when it is looked at has none. */
export const discardBody = (value: unknown): void => {
  try {
    const body: unknown = (value as { readonly body?: unknown } | null | undefined)?.body
    if (typeof ReadableStream !== "undefined" && body instanceof ReadableStream && !body.locked) body.cancel().catch(() => {})
  } catch {}
}
