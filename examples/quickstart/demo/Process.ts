/** One process of the demo, under one name through all its lives: started, killed, started again. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { createInterface } from "node:readline"
import { until } from "./until.ts"

export interface ProcessOptions {
  readonly name: string
  /** For `node`: a file and its arguments. */
  readonly args: ReadonlyArray<string>
  /** Asked at each start. */
  readonly env: () => Readonly<Record<string, string>>
  /** Whether it answers as it should. */
  readonly ready: () => Promise<boolean>
  /** Hears each line that it says. */
  readonly onLine: (line: string) => void
}

/** How long a process may take to be ready, and to stop when it is asked to, ms. */
const startBound = 90_000
const stopBound = 20_000

/** The environment without what would turn the demo to another database, or another sidecar. */
const ordinary = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(OUTRIGGER_|PG|DATABASE_URL$|NODE_OPTIONS$)/.test(name)))

export class Process {
  readonly name: string
  /** All that it has said so far, in all its lives. */
  readonly lines: Array<string> = []
  private readonly options: ProcessOptions
  private child: ChildProcess | undefined
  private closed = false

  constructor(options: ProcessOptions) {
    this.name = options.name
    this.options = options
  }

  /** Starts it and waits until it is ready; fails with its last words when it ends before. */
  async start(): Promise<void> {
    if (this.closed) throw new Error(`${this.name} is not started: the demo is ending`)
    // A group of its own: Ctrl-C is for the demo, which then stops everything in order.
    const child = spawn(process.execPath, ["--conditions", "outrigger-source", ...this.options.args], {
      cwd: import.meta.dirname,
      env: { ...ordinary, ...this.options.env(), NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true
    })
    this.child = child
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", (line) => this.hear(line))
    await until(`${this.name} to be ready`, startBound, async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw this.failure(child)
      return await this.options.ready() || undefined
    })
  }

  private hear(line: string): void {
    this.lines.push(line)
    this.options.onLine(line)
  }

  /** SIGKILL: no time to say goodbye. */
  async kill(): Promise<void> {
    await this.end("SIGKILL")
  }

  /** SIGTERM, and SIGKILL when that does not help; it cannot be started again. Says whether it went by itself. */
  async close(): Promise<boolean> {
    this.closed = true
    if (await this.end("SIGTERM", stopBound)) return true
    await this.end("SIGKILL")
    return false
  }

  private async end(signal: NodeJS.Signals, bound?: number): Promise<boolean> {
    const { child } = this
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return true
    const exit = once(child, "exit", bound === undefined ? {} : { signal: AbortSignal.timeout(bound) })
    child.kill(signal)
    return exit.then(() => true, () => false)
  }

  private failure({ exitCode, signalCode }: ChildProcess): Error {
    const last = this.lines.slice(-15).map((line) => `  ${line}`).join("\n")
    return new Error(`${this.name} ended with ${signalCode ?? exitCode} instead of being ready. Its last words:\n${last}`)
  }
}

const canListen = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, "127.0.0.1")
  const free = await once(server, "listening").then(() => true, () => false)
  if (free) await new Promise((done) => server.close(done))
  return free
}

/**
 * Ports of loopback that nobody uses now. They lie below those that systems give to outgoing connections: a port of a process
 * that is dead for a moment must not be taken by one of its callers.
 */
export const freePorts = async (count: number): Promise<ReadonlyArray<number>> => {
  const ports: Array<number> = []
  for (let port = 20_000 + Math.floor(Math.random() * 10_000); ports.length < count; port++) if (await canListen(port)) ports.push(port)
  return ports
}
