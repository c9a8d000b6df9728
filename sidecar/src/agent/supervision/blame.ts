/**
 * A runner died: which attempts are spent, and what they are told to have failed of. Pure.
 *
 *   the agent ended it        what it was ended for: the blocked or stuck task; nobody when it was drained
 *   it exited by itself       the task that called `process.exit`, or threw outside of its promise
 *   it ran out of memory, or  the task the main thread was last found at, when that was within a second of the end; else the
 *   was killed from outside   only one that ran; else all that ran, so that a poisonous task ends dead, not runner after runner
 */
import type { TaskStore } from "@outrigger/sdk"
import type { AttemptRef, RunnerWord } from "../../runner/protocol.ts"

/** Why the agent ended a runner. */
export type Sentence =
  | { readonly _tag: "Blocked"; readonly blocked: number; readonly task?: AttemptRef | undefined; readonly where?: string | undefined }
  | { readonly _tag: "Stuck"; readonly tasks: ReadonlyArray<AttemptRef>; readonly killAfter: number }
  | { readonly _tag: "Silent"; readonly silence: number }
  | { readonly _tag: "Drained" }

/** What is known of a death. Times are monotonic ms. */
export interface Death {
  readonly at: number
  readonly code: number | null
  readonly signal: string | null
  readonly sentence?: Sentence | undefined
  readonly lastWord?: { readonly word: RunnerWord; readonly at: number } | undefined
  /** Whether the end of its standard error speaks of the heap. */
  readonly outOfMemory: boolean
}

export interface Verdict {
  /** In plain words, for health and the log. */
  readonly why: string
  /** `undetermined`: the only attempt that ran, or all of them. */
  readonly culprits: ReadonlyArray<AttemptRef> | "undetermined" | "nobody"
  readonly failure: TaskStore.TaskFailure
}

/** A suspicion that is older says nothing of the end. */
const freshFor = 1000

const seconds = (millis: number): string => `${Math.round(millis / 100) / 10} s`
const nameOf = (task: AttemptRef | undefined): string => task === undefined ? "a task" : `task ${task.name} (${task.id}, attempt ${task.attempt})`

const ofSentence = (sentence: Sentence): Verdict => {
  switch (sentence._tag) {
    case "Blocked": {
      const { blocked, task, where } = sentence
      const message = `blocked the event loop for ${seconds(blocked)}${where === undefined ? "" : ` in ${where}`}`
      return { why: `${nameOf(task)} ${message}`, culprits: task === undefined ? "undetermined" : [task], failure: { name: "EventLoopBlocked", message } }
    }
    case "Stuck": {
      const message = `went on for ${seconds(sentence.killAfter)} after its end: it heeds neither its timeout nor its signal`
      return { why: `${nameOf(sentence.tasks[0])} ${message}`, culprits: sentence.tasks, failure: { name: "TaskStuck", message } }
    }
    case "Silent": {
      const message = `its runner gave no sign of life for ${seconds(sentence.silence)}`
      return { why: message, culprits: "undetermined", failure: { name: "RunnerSilent", message } }
    }
    case "Drained": {
      const message = "the worker was drained"
      return { why: message, culprits: "nobody", failure: { name: "Drained", message } }
    }
  }
}

const ofLastWord = (word: RunnerWord): Verdict | undefined => {
  switch (word._tag) {
    case "Exit": {
      const message = `ended its runner with process.exit(${word.code})`
      return { why: `${nameOf(word.task)} ${message}`, culprits: word.task === undefined ? "undetermined" : [word.task], failure: { name: "ProcessExit", message } }
    }
    case "Uncaught": {
      const message = `threw outside of its promise, which ended its runner: ${word.message}`
      return { why: `${nameOf(word.task)} ${message}`, culprits: word.task === undefined ? "undetermined" : [word.task], failure: { name: "UncaughtError", message } }
    }
    default: return undefined
  }
}

/** Who is to blame. */
export const verdictOf = (death: Death): Verdict => {
  const { at, code, lastWord, outOfMemory, sentence, signal } = death
  if (sentence !== undefined) return ofSentence(sentence)
  const said = lastWord && ofLastWord(lastWord.word)
  if (said !== undefined) return said
  const how = outOfMemory ? "ran out of memory" : signal === null ? `ended with exit code ${code}` : `was killed (${signal})`
  const suspect = lastWord?.word._tag === "Blocked" && at - lastWord.at < freshFor ? lastWord.word.task : undefined
  const name = outOfMemory ? "OutOfMemory" : signal === null ? "RunnerExited" : "RunnerKilled"
  return suspect === undefined
    ? { why: `the runner ${how}`, culprits: "undetermined", failure: { name, message: `its runner ${how} while it ran` } }
    : { why: `the runner ${how} in ${nameOf(suspect)}`, culprits: [suspect], failure: { name, message: `its runner ${how} while it held the CPU` } }
}

/** Of the attempts that the dead runner held, those that are spent. */
export const spentOf = (verdict: Verdict, held: ReadonlyArray<TaskStore.HeldTask>): ReadonlyArray<TaskStore.HeldTask> => {
  const { culprits } = verdict
  if (culprits === "nobody") return []
  if (culprits === "undetermined") return held
  return held.filter(({ fence, id }) => culprits.some((culprit) => culprit.id === id && culprit.fence === fence))
}
