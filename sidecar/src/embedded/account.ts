/**
 * Under which account PostgreSQL runs: it refuses to be root. As an ordinary user it runs as that user. As root it
 * runs as the owner of the cluster, or `postgres`, or `nobody`; and where a folder on the way is closed to that
 * account (a project under /root), it keeps root's right to pass through folders, and nothing else of root's.
 */
import { existsSync, readFileSync, statSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { EmbeddedPostgresError, useYourOwn } from "./errors.ts"

interface Ids {
  readonly uid: number
  readonly gid: number
}

export interface Account {
  /** What stands before every command. */
  readonly prefix: ReadonlyArray<string>
  /** For `spawn`, where no prefix does it. */
  readonly ids: Ids | undefined
  /** Who must own what PostgreSQL writes; undefined: who we are. */
  readonly owner: Ids | undefined
}

interface Entry extends Ids {
  readonly name: string
}

/** Chooses the account for a cluster, which may not be there yet, and the folders that PostgreSQL must reach. */
export const chooseAccount = (cluster: string, folders: ReadonlyArray<string>): Account => {
  if (process.getuid?.() !== 0) return { prefix: [], ids: undefined, owner: undefined }
  const entry = ownerOf(cluster) ?? named("postgres", "_postgres", "nobody")
  if (entry === undefined) {
    throw new EmbeddedPostgresError({
      message: `PostgreSQL does not run as root, and there is no account "postgres" or "nobody" to run it: ` +
        `start the sidecar as an ordinary user, ${useYourOwn}`
    })
  }
  const owner = { uid: entry.uid, gid: entry.gid }
  const closed = [dirname(cluster), ...folders].find((folder) => !canPass(folder, entry))
  if (closed === undefined) return { prefix: [], ids: owner, owner }
  const setpriv = findCommand("setpriv")
  if (setpriv === undefined) {
    throw new EmbeddedPostgresError({
      message: `PostgreSQL does not run as root, and the account "${entry.name}" cannot reach ${closed}: open the folders ` +
        `on the way (chmod o+x), start the sidecar as an ordinary user, ${useYourOwn}`
    })
  }
  return { owner, ids: undefined, prefix: [setpriv, ...passingAs(owner)] }
}

/**
 * PostgreSQL asks `access(2)` whether it may run its own programs, which without the secure bit denies what the
 * capability allows.
 */
const passingAs = ({ gid, uid }: Ids): ReadonlyArray<string> => [
  `--reuid=${uid}`,
  `--regid=${gid}`,
  "--clear-groups",
  "--securebits=+no_setuid_fixup",
  "--inh-caps=+dac_override",
  "--ambient-caps=+dac_override",
  "--"
]

/** An existing cluster stays with who owns it, though nobody here has that number. */
const ownerOf = (cluster: string): Entry | undefined => {
  if (!existsSync(cluster)) return undefined
  const { gid, uid } = statSync(cluster)
  return uid === 0 ? undefined : { name: String(uid), uid, gid }
}

const named = (...names: ReadonlyArray<string>): Entry | undefined => {
  const accounts = readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"))
  const fields = names.map((name) => accounts.find(([first]) => first === name)).find((found) => found !== undefined)
  return fields === undefined ? undefined : { name: fields[0]!, uid: Number(fields[2]), gid: Number(fields[3]) }
}

const canPass = (folder: string, { gid, uid }: Ids): boolean => {
  for (let at = folder; ; at = dirname(at)) {
    const { gid: group, mode, uid: owner } = statSync(at)
    const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (dirname(at) === at) return true
  }
}

const findCommand = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/bin"]
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))
