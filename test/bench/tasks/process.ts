/** The process of one subject in one measurement, from where it is told what to do. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Command, Filled, Order, Ran, Word } from "./orders.ts"
import type { SubjectName, TaskSubject } from "./subjects.ts"

/** Who it is, and on which database. */
export interface Contestant {
  readonly name: SubjectName
  readonly subject: TaskSubject
  readonly url: string
  /** Of Node's module resolution. */
  readonly conditions: ReadonlyArray<string>
}

/** A process that is loaded and waits for its command. */
export class Process {
  readonly result: Promise<Filled | Ran>
  readonly ready: Promise<unknown>
  readonly running: Promise<unknown>
  succeeded = 0
  private readonly child: ChildProcess

  constructor({ conditions, name, subject, url }: Contestant, order: Order, heard: () => void = () => {}) {
    this.child = fork(join(import.meta.dirname, "child.ts"), [subject.module.href, name, url, JSON.stringify(order)], {
      execArgv: conditions.flatMap((condition) => ["--conditions", condition])
    })
    const word = <T extends Word["_tag"]>(tag: T) => new Promise<Extract<Word, { _tag: T }>>((resolve) => {
      this.child.on("message", (message: Word) => { if (message._tag === tag) resolve(message as Extract<Word, { _tag: T }>) })
    })
    const ended = once(this.child, "exit").then(([code, signal]) => { throw new Error(`its process ended with ${code ?? signal} before it answered`) })
    const failed = Promise.race([ended, word("Failed").then(({ message }) => { throw new Error(message) })])
    this.ready = Promise.race([word("Ready"), failed])
    this.running = Promise.race([word("Running"), failed])
    this.result = Promise.race([word("Result").then(({ result }) => result), failed])
    for (const promise of [failed, this.ready, this.running, this.result]) promise.catch(() => {}) // told to whoever waits for it
    this.child.on("message", (message: Word) => {
      if (message._tag !== "Done") return
      this.succeeded = message.succeeded
      heard()
    })
  }

  tell(command: Command): void {
    if (this.child.connected) this.child.send(command)
  }

  kill(): void {
    this.child.kill("SIGKILL")
  }
}
