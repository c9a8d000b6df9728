/** Runs one program as a step of a script, and says how it went. */
import { spawn } from "node:child_process"
import { delimiter, join } from "node:path"
import { root } from "./rules/sources.ts"

export interface Outcome {
  readonly ok: boolean
  readonly output: string
}

/** Programs of `node_modules` come first, and with them the Node that this project runs on. */
const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: [join(root, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter)
})

/** `show` prints while it runs; otherwise only a failure is printed. */
export const run = (command: string, args: ReadonlyArray<string>, options: { readonly cwd?: string; readonly show?: boolean } = {}): Promise<Outcome> =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32"
    })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8")
        if (options.show) process.stdout.write(chunk)
      })
    }
    child.on("error", (error) => resolve({ ok: false, output: `${output}\n${command}: ${error.message}` }))
    child.on("close", (code) => resolve({ ok: code === 0, output }))
  })
