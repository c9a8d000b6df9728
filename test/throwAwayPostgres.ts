/** A real PostgreSQL of one's own, in a folder that is thrown away, however the run ends. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

export interface ThrowAwayPostgres {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** With these settings; `prefix` names its folder. */
export const throwAwayPostgres = async (prefix: string, settings: ReadonlyArray<string>): Promise<ThrowAwayPostgres> => {
  const dataDir = mkdtempSync(join(tmpdir(), prefix))
  chmodSync(dataDir, 0o711) // as root, PostgreSQL runs as somebody who must pass
  const program = join(import.meta.dirname, "holdPostgres.ts")
  const holder = spawn(process.execPath, [program, dataDir, "--throw-away", ...settings], { stdio: ["pipe", "pipe", "pipe"] })
  let said = ""
  holder.stderr.setEncoding("utf8").on("data", (text: string) => { said += text })
  const ended = once(holder, "close")
  const answer = await Promise.race([once(createInterface(holder.stdout), "line"), ended.then(() => undefined)])
  if (answer === undefined) throw new Error(`PostgreSQL did not start:\n${said}`)
  const { url } = JSON.parse(String(answer[0])) as { readonly url: string }
  return {
    url,
    stop: async () => {
      holder.stdin.end()
      await ended
    }
  }
}
