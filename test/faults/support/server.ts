/** A PostgreSQL of the test's own, which may be killed: its holder starts it again, on the same port. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import pg from "pg"
import { throwAwayPostgres } from "../../throwAwayPostgres.ts"
import { until } from "./until.ts"

export class Server implements AsyncDisposable {
  readonly url: string
  private readonly stop: () => Promise<void>

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url
    this.stop = stop
  }

  /** With PostgreSQL's own settings, as far as durability goes: what is committed has to survive. */
  static async start(): Promise<Server> {
    const { stop, url } = await throwAwayPostgres("outrigger-faults-", [])
    return new Server(url, stop)
  }

  /** `kill -9` of the postmaster; resolves when its successor answers. */
  async killPostmaster(): Promise<void> {
    await this.untilAnother(async () => {
      const [{ folder }] = await ask(this.url, "select current_setting('data_directory') as folder") as [{ folder: string }]
      const [pid] = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n")
      process.kill(Number(pid), "SIGKILL")
    })
  }

  /** `kill -9` of one session that works on tasks: PostgreSQL ends all the others, and recovers from its log. */
  async killBackend(): Promise<void> {
    await this.untilAnother(async () => {
      const [session] = await ask(this.url, "select pid from pg_stat_activity where application_name like 'faults %' order by state_change desc limit 1")
      process.kill(session!.pid, "SIGKILL")
    })
  }

  /** A setting of the whole server, at work in every session when this resolves. */
  async set(setting: string, value: string): Promise<void> {
    await ask(this.url, `alter system set ${setting} = '${value}'`)
    await ask(this.url, "select pg_reload_conf()")
    await until(`${setting} is ${value}`, async () => {
      const [shown] = await ask(this.url, "select current_setting($1) as value", [setting])
      return shown!.value === value ? true : undefined
    })
  }

  /** Unlogged tables are emptied by a recovery, and nothing else is: an empty one says that it has happened. */
  private async untilAnother(kill: () => Promise<void>): Promise<void> {
    await ask(this.url, "create unlogged table if not exists public.before_crash as select 1 as was")
    await kill()
    await until("PostgreSQL is up again", async () => {
      const rows = await ask(this.url, "select count(*)::int as left from public.before_crash").catch(() => [])
      return rows[0]?.left === 0 ? true : undefined
    })
    await ask(this.url, "drop table public.before_crash")
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

const ask = async (url: string, text: string, values: Array<unknown> = []): Promise<ReadonlyArray<any>> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on("error", () => {}) // it ends with the server
  try {
    await client.connect()
    return (await client.query(text, values)).rows
  } finally {
    await client.end().catch(() => {})
  }
}
