/** What the tests of the embedded PostgreSQL share: folders of their own, owners that can be killed, queries. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import pg from "pg"
import * as EmbeddedPostgres from "../../src/embedded/EmbeddedPostgres.ts"

export const isRoot = process.getuid?.() === 0

/** A new folder, removed at the end. Its name has spaces: every test is one of those too. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "outrigger embedded "))
    chmodSync(path, 0o711)
    return path
  }),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/**
 * A data folder whose cluster is made, and stopped: tests that do not care for the first start share it, for that
 * takes a second.
 */
export class MadeFolder extends Context.Service<MadeFolder, { readonly dataDir: string }>()("test/MadeFolder") {
  static readonly layer = Layer.effect(MadeFolder, Effect.gen(function*() {
    const dataDir = join(yield* folder, "made")
    yield* Effect.scoped(EmbeddedPostgres.start({ dataDir, log: () => {} }))
    return { dataDir }
  }))
}

/** Another process that has an embedded PostgreSQL. */
export interface Holder {
  readonly pid: number
  readonly url: string
  readonly port: number
  /** SIGKILL, and gone when this is done; its PostgreSQL lives on. */
  readonly kill: Effect.Effect<void>
}

/** How a holder that could not start ended. */
export interface Refusal {
  readonly code: number
  readonly said: string
}

interface HolderOptions {
  readonly uid?: number
  /** Another copy of the project. */
  readonly project?: string
  /** A right that root has not, as in a container. */
  readonly without?: string
}

const startHolder = async (dataDir: string, { project, uid, without }: HolderOptions) => {
  const program = join(project ?? resolve(import.meta.dirname, "../../.."), "test/holdPostgres.ts")
  const ids = uid === undefined ? {} : { uid, gid: uid }
  const bounds = without === undefined ? [] : ["setpriv", `--bounding-set=-${without}`]
  const [command, ...args] = [...bounds, process.execPath, program, dataDir]
  const child = spawn(command!, args, { stdio: ["pipe", "pipe", "pipe"], cwd: "/", ...ids })
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => { said += text })
  const ended = once(child, "close")
  const line = await Promise.race([once(createInterface(child.stdout), "line"), ended.then(() => undefined)])
  return { child, ended, line, said: () => said }
}

const release = ({ child, ended }: { readonly child: ChildProcess; readonly ended: Promise<unknown> }) => {
  child.stdin?.end()
  return ended
}

/** Starts one; it ends, with its PostgreSQL, when the scope closes. */
export const holder = (dataDir: string, options: HolderOptions = {}) =>
  Effect.gen(function*() {
    const { child, ended, line, said } = yield* Effect.acquireRelease(
      Effect.promise(() => startHolder(dataDir, options)),
      (started) => Effect.promise(() => release(started))
    )
    if (line === undefined) return yield* Effect.die(new Error(said()))
    const { port, url } = JSON.parse(String(line[0])) as { readonly url: string; readonly port: number }
    const kill = Effect.promise(() => {
      child.kill("SIGKILL")
      return ended
    }).pipe(Effect.asVoid)
    return { pid: child.pid!, url, port, kill } satisfies Holder
  })

/** Starts one that is expected to be refused. */
export const refused = (dataDir: string, options: HolderOptions = {}) =>
  Effect.promise(async (): Promise<Refusal> => {
    const started = await startHolder(dataDir, options)
    await release(started)
    if (started.line !== undefined) throw new Error("it was not refused")
    return { code: started.child.exitCode ?? -1, said: started.said() }
  })

/** A connection of the `pg` package, closed with the scope. What becomes of it is the test's to see. */
export const connection = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new pg.Client(url)
      client.on("error", () => {})
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end().catch(() => {}))
  )

/** The first column of the first row. */
export const ask = (client: pg.Client, statement: string) =>
  Effect.promise(async () => {
    const { rows } = await client.query<Record<string, unknown>>(statement)
    return Object.values(rows[0] ?? {})[0]
  })

/** The same on a connection of its own. */
export const query = (url: string, statement: string) =>
  Effect.scoped(Effect.flatMap(connection(url), (client) => ask(client, statement)))

/** The process of the PostgreSQL in a data folder. */
export const postmasterOf = (dataDir: string): number =>
  Number(readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[0])

/** Lines that were logged, and a wait for the one, or the n-th, that holds a text. */
export const journal = () => {
  const lines: Array<string> = []
  const waiting = new Set<() => void>()
  return {
    lines,
    log: (line: string) => {
      lines.push(line)
      for (const look of waiting) look()
    },
    line: (text: string, times = 1) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if (lines.filter((line) => line.includes(text)).length < times) return
          waiting.delete(look)
          resume(Effect.void)
        }
        waiting.add(look)
        look()
      })
  }
}
