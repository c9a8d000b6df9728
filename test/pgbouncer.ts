/** PgBouncer in transaction mode before a PostgreSQL: every database there is reached through it, too. */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { freePort } from "../sidecar/src/embedded/port.ts"
import { heldServer, type HeldServer, serverFolder } from "./heldServer.ts"

const program = "/usr/sbin/pgbouncer"

export interface Pooler {
  /** The same database, through the pooler. */
  readonly through: (url: string) => string
  /** Ends it, and all connections through it, at once. */
  readonly stop: () => Promise<void>
  /** Starts it again, where it was. */
  readonly start: () => Promise<void>
}

/** Few connections to the server, so that clients really share them. `any` lets everybody in: it listens on loopback, for tests. */
const settings = ({ hostname, password, port, username }: URL, listen: number): string => `
[databases]
* = host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 500
`

/** Before the PostgreSQL at `url`. */
export const startPooler = async (url: string): Promise<Pooler> => {
  if (!existsSync(program)) throw new Error(`This needs PgBouncer, and there is no ${program}: apt-get install pgbouncer`)
  const port = await freePort(undefined)
  const launch = () => {
    const { account, path, top } = serverFolder("outrigger-pgbouncer-")
    const file = join(path, "pgbouncer.ini")
    writeFileSync(file, settings(new URL(url), port))
    return heldServer({ command: [program, file], account, ready: "process up", signal: "SIGTERM", removes: top })
  }
  let running: HeldServer | undefined = await launch()
  return {
    through: (database) => {
      const through = new URL(database)
      through.host = `127.0.0.1:${port}`
      return through.href
    },
    start: async () => {
      running ??= await launch()
    },
    stop: async () => {
      await running?.stop()
      running = undefined
    }
  }
}
