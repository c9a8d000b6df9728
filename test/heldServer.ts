/** Servers of the system that a test file starts for itself: under an account that may run them, and ended however the run ends. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, mkdirSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Account, chooseAccount } from "../sidecar/src/embedded/account.ts"

/** A folder of its own for a server, which may write there; `top` is what to remove. */
export interface ServerFolder {
  readonly top: string
  readonly path: string
  readonly account: Account
}

export const serverFolder = (prefix: string): ServerFolder => {
  const top = mkdtempSync(join(tmpdir(), prefix))
  chmodSync(top, 0o711) // as root, the server runs as somebody who must pass
  const path = join(top, "data")
  mkdirSync(path, { mode: 0o700 })
  const account = chooseAccount(path, [])
  if (account.owner !== undefined) chownSync(path, account.owner.uid, account.owner.gid)
  return { top, path, account }
}

export interface HeldServer {
  readonly stop: () => Promise<void>
}

/** Starts it, and waits until it says that it is ready. */
export const heldServer = async (server: {
  readonly command: ReadonlyArray<string>
  readonly account: Account
  readonly ready: string
  /** What ends it. */
  readonly signal: NodeJS.Signals
  /** A folder that goes with it. */
  readonly removes?: string
}): Promise<HeldServer> => {
  const { account, command, ready, removes, signal } = server
  const what = JSON.stringify({ command: [...account.prefix, ...command], signal, options: account.ids ?? {}, removes })
  const holder = spawn(process.execPath, [join(import.meta.dirname, "holdServer.ts"), what], { stdio: ["pipe", "ignore", "pipe"] })
  const closed = once(holder, "close")
  let said = ""
  await new Promise<void>((resolve, reject) => {
    holder.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
      if (said.includes(ready)) resolve()
    })
    void closed.then(() => reject(new Error(`${command.join(" ")} did not start:\n${said}`)))
  })
  return {
    stop: async () => {
      holder.stdin.end()
      await closed
    }
  }
}
