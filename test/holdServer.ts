/**
 * Holds a server of the system (PgBouncer, Debian's PostgreSQL) for as long as its standard input is open, and then ends it.
 *
 *   node test/holdServer.ts '{ "command": [...], "signal": "SIGTERM", "options": { "uid": 1, "gid": 1 } }'
 *
 * A process of its own, for who started it may be killed, and nothing of his would end the server then; but his end of the pipe
 * closes whatever becomes of him. `removes` is a folder that goes with it.
 */
import { spawn } from "node:child_process"
import { rmSync } from "node:fs"
import { text } from "node:stream/consumers"

const { command: [command, ...args], options, removes, signal } = JSON.parse(process.argv[2]!) as {
  readonly command: ReadonlyArray<string>
  readonly signal: NodeJS.Signals
  readonly options: { readonly uid?: number; readonly gid?: number }
  readonly removes?: string
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => {}) // whoever holds the pipe decides when it is over
process.stderr.on("error", () => {}) // he may be gone

const ended = (code: number): void => {
  if (removes !== undefined) rmSync(removes, { recursive: true, force: true })
  process.exitCode = code
  process.stdin.destroy()
}

const environment = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" }
const server = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, env: environment, ...options })
for (const stream of [server.stdout, server.stderr]) stream.on("data", (said) => process.stderr.write(said))
server.once("error", ({ message }) => {
  process.stderr.write(`${message}\n`)
  ended(1)
})
server.once("close", (code) => ended(code ?? 0))
text(process.stdin).then(() => server.kill(signal), () => {})
