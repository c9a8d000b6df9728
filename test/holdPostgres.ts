/**
 * Holds an embedded PostgreSQL for as long as its standard input is open, and prints its address as one line of JSON.
 *
 *   node test/holdPostgres.ts FOLDER [--throw-away] [setting=value ...]
 *
 * A process of its own, for who started it may be interrupted or killed, and nothing of his would end the server then;
 * but his end of the pipe closes whatever becomes of him. `--throw-away` removes the folder at the end.
 */
import { rmSync } from "node:fs"
import { text } from "node:stream/consumers"
import * as Effect from "effect/Effect"
import * as EmbeddedPostgres from "../sidecar/src/embedded/EmbeddedPostgres.ts"

const [dataDir = "", ...options] = process.argv.slice(2)
const throwAway = options.includes("--throw-away")

// Ctrl-C reaches every process of the terminal: the one who started this decides when it is over.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {})
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {}) // he may be gone, and the rest is still to be done

const held = Effect.gen(function*() {
  const service = yield* EmbeddedPostgres.start({
    dataDir,
    settings: options.filter((option) => option !== "--throw-away"),
    log: (line) => process.stderr.write(`${line}\n`)
  })
  process.stdout.write(`${JSON.stringify(service)}\n`)
  yield* Effect.promise(() => text(process.stdin))
})

try {
  await Effect.runPromise(Effect.scoped(held))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  if (throwAway) rmSync(dataDir, { recursive: true, force: true })
}
