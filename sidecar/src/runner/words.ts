/** The runner's words: written at once, by whichever thread, also in the last moment of the process. */
import { writeSync } from "node:fs"
import { currentAttempt } from "./current.ts"
import { type RunnerWord, wordsFd } from "./protocol.ts"

/** Nobody listens when the runner was started by hand: then there is nothing to say. */
export const say = (word: RunnerWord): void => {
  try {
    writeSync(wordsFd, `${JSON.stringify(word)}\n`)
  } catch {
    return
  }
}

const withTask = () => {
  const task = currentAttempt()
  return task === undefined ? {} : { task }
}

/** From now on, whoever ends the process leaves a word of who it was. `silence` is for an end that is meant. */
export const leaveLastWords = (): { readonly silence: () => void } => {
  let silent = false
  process.on("exit", (code) => {
    if (!silent) say({ _tag: "Exit", code, ...withTask() })
  })
  process.on("uncaughtException", (error: unknown) => {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    console.error("Uncaught:", error)
    say({ _tag: "Uncaught", message: message.slice(0, 1000), ...withTask() })
    silent = true
    process.exit(1)
  })
  return { silence: () => { silent = true } }
}
