/** Asks for health ten times a second, one question after the other, and remembers how long the slowest answer took. */
import { setTimeout as pause } from "node:timers/promises"
import { ask } from "./ask.ts"

/** So long it waits for one answer, ms. */
const patience = 10_000

/** How a watch went; `slowest` is in ms, and Infinity when a question stayed without an answer. */
export interface Watched {
  readonly answers: number
  readonly slowest: number
}

/** Watches while `what` goes on. */
export const watch = async (url: string, what: Promise<unknown>): Promise<Watched> => {
  const over = new AbortController()
  const end = () => over.abort()
  what.then(end, end)
  let [answers, slowest] = [0, 0]
  for (; !over.signal.aborted; await pause(100)) {
    const { millis, status } = await ask(url, patience)
    if (status > 0) answers++
    slowest = Math.max(slowest, status > 0 ? millis : Infinity)
  }
  return { answers, slowest }
}
