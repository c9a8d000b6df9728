/** Keeps one runner at work: the machine of `supervision.ts` around real processes, and the books of those that died. */
import type { Registry, TaskStore } from "@outrigger/sdk"
import type { RunnerCounts, RunnerMessage, RunnerSettings, RunnerTask } from "../../runner/protocol.ts"
import { type Death, type Verdict, verdictOf } from "./blame.ts"
import { RunnerProcess } from "./RunnerProcess.ts"
import { backoffOf, begin, type RunnerEvent, type RunnerState, step, type Transition } from "./supervision.ts"

/** Beyond its own time to drain, ms. */
const drainGrace = 5000

export interface SupervisorParts {
  readonly settings: RunnerSettings
  readonly nodeOptions: ReadonlyArray<string>
  /** Monotonic, ms. */
  readonly now: () => number
  readonly log: (level: "info" | "warn" | "error", line: string) => void
  readonly print: (line: string) => void
  /** Settles what a dead worker left. Never rejects. */
  readonly settle: (worker: TaskStore.WorkerId, verdict: Verdict) => Promise<void>
}

/** What the first start came to. */
export type Start =
  | { readonly _tag: "Ready"; readonly pid: number | undefined; readonly tasks: ReadonlyArray<RunnerTask> }
  | { readonly _tag: "Failed"; readonly message: string }

export class Supervisor {
  readonly name: string
  private readonly parts: SupervisorParts
  private machine: RunnerState
  private runner: RunnerProcess | undefined
  private worker: string | undefined
  private wasReady = false
  private failure: (RunnerMessage & { readonly _tag: "Failed" }) | undefined
  private reported: (RunnerMessage & { readonly _tag: "Report" }) | undefined
  private past: RunnerCounts = { ended: 0, timedOut: 0 }
  private settling: Promise<void> = Promise.resolve()
  private timer: NodeJS.Timeout | undefined
  private readonly started = Promise.withResolvers<Start>()
  private readonly stopped = Promise.withResolvers<void>()

  constructor(parts: SupervisorParts) {
    this.parts = parts
    this.name = parts.settings.name
    const first = begin(parts.now())
    this.machine = first.state
    this.apply(first)
  }

  /** When the first runner is ready, or cannot ever be. */
  get start(): Promise<Start> {
    return this.started.promise
  }

  get state(): RunnerState {
    return this.machine
  }

  /** What blocks its event loop now, in plain words. */
  get blocked(): string | undefined {
    const word = this.runner?.blocked
    return word && `its event loop has been blocked for ${Math.round(word.blocked / 100) / 10} s${word.task === undefined ? "" : ` by task ${word.task.name} (${word.task.id})`}${word.where === undefined ? "" : `, in ${word.where}`}`
  }

  get pid(): number | undefined {
    return this.runner?.pid
  }

  /** Of its dependencies, as of its last report; nothing while it is away. */
  get checks(): Registry.Report["checks"] {
    return this.reported?.checks ?? {}
  }

  /** Since the supervisor began, over all its runners. */
  get counts(): RunnerCounts {
    const { ended, timedOut } = this.reported?.counts ?? { ended: 0, timedOut: 0 }
    return { ended: this.past.ended + ended, timedOut: this.past.timedOut + timedOut }
  }

  /** Lets it finish within its drain timeout; one that takes longer is ended, its tasks go back unspent. */
  async drain(): Promise<void> {
    this.take({ _tag: "Drain" })
    const { drainTimeout, killAfter } = this.parts.settings
    const deadline = setTimeout(() => this.runner?.kill({ _tag: "Drained" }), drainTimeout + killAfter + drainGrace)
    await this.stopped.promise
    clearTimeout(deadline)
    await this.settling
  }

  /** Ends its runner now; what it held goes back when its lease is over. */
  end(): void {
    this.runner?.kill({ _tag: "Drained" })
  }

  private take(event: RunnerEvent): void {
    this.apply(step(this.machine, event, this.parts.now()))
  }

  private apply({ actions, state }: Transition): void {
    this.machine = state
    for (const action of actions) {
      switch (action._tag) {
        case "Fork": this.fork(); break
        case "AskToDrain": this.runner?.drain(); break
        case "CallBack": this.timer = setTimeout(() => this.take({ _tag: "BackoffOver" }), action.after); break
      }
    }
    if (state._tag !== "Stopped") return
    clearTimeout(this.timer)
    this.stopped.resolve()
  }

  private fork(): void {
    const { name, parts } = this
    this.failure = undefined
    this.runner = new RunnerProcess({
      settings: parts.settings,
      nodeOptions: parts.nodeOptions,
      now: parts.now,
      onMessage: (message) => this.hear(message),
      onLine: (line) => parts.print(`[${name}] ${line}`),
      onDeath: (death) => this.bury(death)
    })
  }

  private hear(message: RunnerMessage): void {
    switch (message._tag) {
      case "Ready": {
        this.worker = message.worker
        this.wasReady = true
        this.take({ _tag: "Ready" })
        this.parts.log("info", `Runner ${this.name} is up (process ${this.pid}), with ${message.tasks.length} task${message.tasks.length === 1 ? "" : "s"}`)
        return this.started.resolve({ _tag: "Ready", pid: this.pid, tasks: message.tasks })
      }
      case "Failed": this.failure = message; break
      case "Report": {
        this.worker = message.worker
        this.reported = message
      }
    }
  }

  private bury(death: Death): void {
    const { failure, parts, worker } = this
    const draining = this.machine._tag === "Draining"
    const verdict = draining && death.sentence === undefined && death.code === 0
      ? verdictOf({ ...death, sentence: { _tag: "Drained" } })
      : verdictOf(death)
    const unloaded = worker === undefined && death.sentence?._tag === "Silent"
    const why = failure?.message ?? (unloaded ? `the handlers file ${parts.settings.tasks} does not finish loading: does it wait for something at its top?` : verdict.why)
    if (!this.wasReady) this.started.resolve({ _tag: "Failed", message: why })
    this.past = this.counts
    this.reported = undefined
    this.runner = undefined
    this.worker = undefined
    if (worker !== undefined) {
      const before = this.settling
      this.settling = before.then(() => parts.settle(worker, verdict))
    }
    this.take({ _tag: "Died", why })
    if (this.wasReady && this.machine._tag === "Backoff") parts.log("error", `Runner ${this.name} died: ${why}; a new one starts in ${backoffOf(this.machine.crashes)} ms`)
  }
}
