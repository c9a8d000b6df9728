/** One runner, from its start to its death: the child process, its messages, its words, its lines. */
import { type ChildProcess, fork } from "node:child_process"
import { createInterface } from "node:readline"
import type { Readable } from "node:stream"
import { fileURLToPath } from "node:url"
import type { AgentMessage, AttemptRef, RunnerMessage, RunnerSettings, RunnerWord } from "../../runner/protocol.ts"
import { wordsFd } from "../../runner/protocol.ts"
import type { Death, Sentence } from "./blame.ts"

/** How long a runner may say nothing, beyond `killAfter`, until it is taken for frozen, ms. It reports every second. */
const silenceAllowed = 20_000
const watchEvery = 250
/** Lines of its standard error that are looked at when it has died. */
const tailLines = 40

export interface RunnerProcessOptions {
  readonly settings: RunnerSettings
  /** For `node` itself, such as `--max-old-space-size=512`. */
  readonly nodeOptions: ReadonlyArray<string>
  readonly now: () => number
  readonly onMessage: (message: RunnerMessage) => void
  readonly onLine: (line: string, stream: "out" | "err") => void
  readonly onDeath: (death: Death) => void
}

const entry = fileURLToPath(import.meta.resolve(import.meta.url.endsWith(".ts") ? "../../runner/main.ts" : "../../runner/main.js"))

export class RunnerProcess {
  readonly pid: number | undefined
  private readonly options: RunnerProcessOptions
  private readonly child: ChildProcess
  private readonly watch: NodeJS.Timeout
  private readonly tail: Array<string> = []
  private lastWord: Death["lastWord"]
  private heardAt: number
  private sentence: Sentence | undefined
  private buried = false

  constructor(options: RunnerProcessOptions) {
    this.options = options
    this.heardAt = options.now()
    // A group of its own: Ctrl-C in a terminal must not reach it before the agent has drained it.
    this.child = fork(entry, [], {
      execArgv: [...process.execArgv, ...options.nodeOptions],
      stdio: ["ignore", "pipe", "pipe", "ipc", "pipe"],
      detached: true
    })
    this.pid = this.child.pid
    this.listen()
    this.watch = setInterval(() => this.look(), watchEvery)
    this.send({ _tag: "Start", settings: options.settings })
  }

  /** The last word, while that is that its main thread is blocked. */
  get blocked(): (RunnerWord & { readonly _tag: "Blocked" }) | undefined {
    const word = this.lastWord?.word
    return word?._tag === "Blocked" ? word : undefined
  }

  /** Asks it to end by itself. */
  drain(): void {
    this.send({ _tag: "Drain" })
  }

  /** Ends it now; `sentence` says what for. */
  kill(sentence: Sentence): void {
    this.sentence ??= sentence
    this.child.kill("SIGKILL")
  }

  private send(message: AgentMessage): void {
    if (this.child.connected) this.child.send(message, () => {}) // one that just died: its death says all
  }

  private listen(): void {
    const { onLine, onMessage } = this.options
    this.child.on("message", (message) => {
      this.heardAt = this.options.now()
      const said = message as RunnerMessage
      if (said._tag === "Report" && said.stuck.length > 0) return this.condemnStuck(said.stuck)
      onMessage(said)
    })
    const lines = (stream: Readable | null | undefined, take: (line: string) => void) => {
      if (stream) createInterface({ input: stream }).on("line", take)
    }
    lines(this.child.stdout, (line) => onLine(line, "out"))
    lines(this.child.stderr, (line) => {
      this.tail.push(line)
      if (this.tail.length > tailLines) this.tail.shift()
      onLine(line, "err")
    })
    lines(this.child.stdio[wordsFd] as Readable, (line) => this.hear(line))
    this.child.once("error", (error) => {
      onLine(`cannot be started: ${error.message}`, "err")
      this.bury(null, null)
    })
    // "close" and not "exit": its last lines and words are in by then.
    this.child.once("close", (code, signal) => this.bury(code, signal))
  }

  private hear(line: string): void {
    try {
      const word = JSON.parse(line) as RunnerWord
      this.lastWord = { word, at: this.options.now() }
      this.heardAt = this.lastWord.at
      if (word._tag === "Blocked") this.condemnBlocked(word)
    } catch {
      // The half of a line that a killed runner leaves is no word.
    }
  }

  private condemnBlocked({ blocked, task, where }: RunnerWord & { readonly _tag: "Blocked" }): void {
    if (blocked >= this.options.settings.killAfter) this.kill({ _tag: "Blocked", blocked, task, where })
  }

  private condemnStuck(tasks: ReadonlyArray<AttemptRef>): void {
    this.kill({ _tag: "Stuck", tasks, killAfter: this.options.settings.killAfter })
  }

  /** Frozen as a whole: not even its watchdog speaks. */
  private look(): void {
    const silence = this.options.now() - this.heardAt
    if (silence > this.options.settings.killAfter + silenceAllowed) this.kill({ _tag: "Silent", silence })
  }

  private bury(code: number | null, signal: string | null): void {
    if (this.buried) return
    this.buried = true
    clearInterval(this.watch)
    const outOfMemory = this.tail.some((line) => line.includes("JavaScript heap out of memory"))
    const { lastWord, sentence } = this
    this.options.onDeath({ at: this.options.now(), code, signal, sentence, lastWord, outOfMemory })
  }
}
