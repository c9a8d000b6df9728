/** A real sidecar: the command that users start, as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "../..")

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, "close")
  return port
}

export interface SidecarProcess {
  readonly child: ChildProcess
  readonly url: string
  /** All that it has printed. */
  readonly output: () => string
  /** Resolves once it has printed this; rejects when it ends before. */
  readonly printed: (text: string) => Promise<void>
  /** Sends a signal and waits for the end; gives the exit code, or the signal. */
  readonly end: (signal?: NodeJS.Signals) => Promise<number | NodeJS.Signals | null>
}

export const startSidecar = async (options: {
  readonly databaseUrl: string
  readonly tasks?: string
  readonly port?: number
  readonly flags?: ReadonlyArray<string>
}): Promise<SidecarProcess> => {
  const port = options.port ?? await freePort()
  const args = ["--conditions", "outrigger-source", join(root, "sidecar/src/bin.ts"), "start", "--port", String(port), ...options.flags ?? []]
  if (options.tasks !== undefined) args.push("--tasks", options.tasks)
  const child = spawn(process.execPath, args, {
    env: { ...process.env, DATABASE_URL: options.databaseUrl, NODE_OPTIONS: "" }, stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  const listeners = new Set<() => void>()
  const changed = () => listeners.forEach((listener) => listener())
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding("utf8").on("data", (text: string) => { output += text; changed() })
  child.on("exit", changed)
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    printed: (text) => new Promise((resolve, reject) => {
      const look = () => {
        if (!output.includes(text) && !hasEnded()) return
        listeners.delete(look)
        if (output.includes(text)) resolve()
        else reject(new Error(`the sidecar ended before it printed "${text}":\n${output}`))
      }
      listeners.add(look)
      look()
    }),
    end: async (signal = "SIGTERM") => {
      if (!hasEnded()) {
        child.kill(signal)
        await once(child, "exit")
      }
      return child.exitCode ?? child.signalCode
    }
  }
}
