/**
 * Under which account PostgreSQL runs: it refuses to be root. As an ordinary user it runs as that user. As root it runs as
 * the owner of the cluster, or `postgres`, or `nobody`; and where a folder on the way is closed to that account (a project
 * under /root), it keeps root's right to pass through folders, and nothing else.
 */
import { existsSync, readFileSync, statSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { EmbeddedPostgresError, useYourOwn } from "./errors.ts"

export interface Account {
  /** What stands before every command. */
  readonly prefix: ReadonlyArray<string>
  /** For `spawn`, where no prefix does it. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined
  /** Who must own the cluster. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
}

interface Entry {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

const accounts = (): ReadonlyArray<Entry> =>
  readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"))
    .filter((fields) => fields.length >= 4)
    .map(([name, , uid, gid]) => ({ name: name!, uid: Number(uid), gid: Number(gid) }))

const canPass = (folder: string, { gid, uid }: Entry): boolean => {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(at)) {
      const { gid: group, mode, uid: owner } = statSync(at)
      const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001
      if ((mode & bit) === 0) return false
    }
    if (dirname(at) === at) return true
  }
}

const findCommand = (name: string): string | undefined =>
  (process.env["PATH"] ?? "").split(delimiter).concat("/usr/bin", "/bin").map((folder) => join(folder, name)).find((file) => existsSync(file))

/** Chooses the account for a cluster and the folders that PostgreSQL must reach. */
export const chooseAccount = (cluster: string, folders: ReadonlyArray<string>): Account => {
  if (process.getuid?.() !== 0) return { prefix: [], ids: undefined, owner: undefined }
  const known = accounts()
  const holder = existsSync(cluster) ? statSync(cluster).uid : 0
  const entry = known.find(({ uid }) => uid === holder && uid !== 0)
    ?? known.find(({ name }) => name === "postgres") ?? known.find(({ name }) => name === "nobody")
  if (entry === undefined) {
    throw new EmbeddedPostgresError({ message: `PostgreSQL does not run as root, and there is no account "postgres" or "nobody" to run it: start the sidecar as an ordinary user, ${useYourOwn}` })
  }
  const owner = { uid: entry.uid, gid: entry.gid }
  const closed = [dirname(cluster), ...folders].find((folder) => !canPass(folder, entry))
  if (closed === undefined) return { prefix: [], ids: owner, owner }
  const setpriv = findCommand("setpriv")
  if (setpriv === undefined) {
    throw new EmbeddedPostgresError({ message: `PostgreSQL does not run as root, and the account "${entry.name}" cannot reach ${closed}: open the folders on the way (chmod o+x), start the sidecar as an ordinary user, ${useYourOwn}` })
  }
  const capabilities = "+dac_override,+dac_read_search"
  return {
    owner,
    ids: undefined,
    prefix: [setpriv, `--reuid=${entry.uid}`, `--regid=${entry.gid}`, "--clear-groups", `--inh-caps=${capabilities}`, `--ambient-caps=${capabilities}`, "--"]
  }
}
