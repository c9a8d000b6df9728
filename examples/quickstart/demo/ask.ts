/** One request of the demo, as it ended: it never rejects. */
export interface Asked {
  /** 0 when there was no answer. */
  readonly status: number
  readonly body: unknown
  readonly millis: number
  /** No answer within the caller's patience. */
  readonly hung: boolean
}

/** Asks, and waits for `patience` ms at most. */
export const ask = async (url: string, patience: number, body?: unknown): Promise<Asked> => {
  const from = performance.now()
  const signal = AbortSignal.timeout(patience)
  const post = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }
  try {
    const answer = await fetch(url, { ...post, signal })
    const text = await answer.text()
    return { status: answer.status, body: text === "" ? undefined : JSON.parse(text), millis: performance.now() - from, hung: false }
  } catch {
    return { status: 0, body: undefined, millis: performance.now() - from, hung: signal.aborted }
  }
}
