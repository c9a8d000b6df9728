/** Runs the command as its users do, and waits for what it prints, says over HTTP, or ends with. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

export const bin = join(import.meta.dirname, "../../src/bin.ts")
export const handlers = (name: string): string => join(import.meta.dirname, "../handlers", name)

const environment = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("OUTRIGGER_") && name !== "DATABASE_URL")
  return { ...Object.fromEntries(own), NODE_OPTIONS: "", ...more }
}

export interface Ended {
  readonly code: number | string | null
  readonly out: string
  readonly err: string
}

/** To its end. */
export const outrigger = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}, cwd?: string): Promise<Ended> =>
  new Promise((resolve) => {
    const options = { env: environment(env), ...(cwd !== undefined && { cwd }) }
    const child = execFile(process.execPath, ["--conditions", "outrigger-source", bin, ...args], options, (_, out, err) => {
      resolve({ code: child.exitCode ?? child.signalCode, out, err })
    })
  })

/** A sidecar at work. */
export class Sidecar implements AsyncDisposable {
  readonly child
  output = ""
  private readonly listeners = new Set<() => void>()

  constructor(args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, ["--conditions", "outrigger-source", bin, "start", "--port", "0", ...args], {
      env: environment(env), stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text
        for (const listener of this.listeners) listener()
      })
    }
    this.child.on("exit", () => { for (const listener of this.listeners) listener() })
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** What it printed first of this kind, from the `from`th character on. */
  printed(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(this.output.slice(from))
        if (found === null && !this.ended) return
        this.listeners.delete(look)
        if (found !== null) resolve(found)
        else reject(new Error(`the sidecar ended before it printed ${pattern}:\n${this.output}`))
      }
      this.listeners.add(look)
      look()
    })
  }

  /** Once all is up. */
  async url(): Promise<string> {
    const [, url] = await this.printed(/Outrigger runs on (\S+)/)
    await this.printed(/Ctrl-C stops it/)
    return url!
  }

  async json(path: string, init?: RequestInit): Promise<any> {
    return (await fetch(`${await this.url()}${path}`, init)).json()
  }

  async enqueue(name: string, payload: unknown): Promise<string> {
    const body = JSON.stringify({ payload })
    const { id } = await this.json(`/v1/tasks/${name}`, { method: "POST", headers: { "content-type": "application/json" }, body })
    return id
  }

  /** The task when it is over. */
  async task(id: string): Promise<any> {
    for (;;) {
      const task = await this.json(`/v1/tasks/${id}?wait=20s`)
      if (task.finishedAt !== undefined) return task
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string | null> {
    if (!this.ended) {
      this.child.kill(signal)
      await once(this.child, "exit")
    }
    return this.child.exitCode ?? this.child.signalCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL")
  }
}

/** Asks again until it is so. */
export const until = async <A>(look: () => Promise<A | undefined> | A | undefined): Promise<A> => {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
