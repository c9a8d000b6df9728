/** The PostgreSQL that the system brings (15 on Debian 12), in a folder that is thrown away: for what older servers lack. */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { freePort } from "../sidecar/src/embedded/port.ts"
import { heldServer, serverFolder, type ServerFolder } from "./heldServer.ts"

const installed = "/usr/lib/postgresql"

export interface SystemPostgres {
  /** Of its newest version here. */
  readonly version: number
  readonly url: string
  readonly stop: () => Promise<void>
}

const newest = (): number => {
  const versions = existsSync(installed) ? readdirSync(installed).map(Number).filter((version) => version > 0) : []
  if (versions.length === 0) throw new Error(`This needs the PostgreSQL of the system, and there is none in ${installed}: apt-get install postgresql`)
  return Math.max(...versions)
}

/** It listens on loopback and lets everybody in, for tests. */
const initialize = (bin: string, { account, path }: ServerFolder): void => {
  const [command, ...args] = [...account.prefix, join(bin, "initdb"), "-D", path, "-U", "outrigger", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
  const { error, status, stderr } = spawnSync(command!, args, { cwd: path, encoding: "utf8", ...account.ids })
  if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stderr}`)
}

export const startDebianPostgres = async (): Promise<SystemPostgres> => {
  const version = newest()
  const bin = join(installed, String(version), "bin")
  const folder = serverFolder("outrigger-debian-")
  initialize(bin, folder)
  const port = await freePort(undefined)
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "synchronous_commit=off", "full_page_writes=off"]
  const { stop } = await heldServer({
    command: [join(bin, "postgres"), "-D", folder.path, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
    account: folder.account, ready: "ready to accept connections", signal: "SIGINT", removes: folder.top
  })
  return { version, url: `postgres://outrigger@127.0.0.1:${port}/postgres`, stop }
}
