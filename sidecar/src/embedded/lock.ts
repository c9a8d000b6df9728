/** One sidecar for one data folder: a lock file that names its owner, so that a killed run leaves no riddle behind. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DataFolderInUse } from "./errors.ts"
import { birthOf } from "./processes.ts"

interface Owner {
  readonly pid: number
  readonly birth: string | undefined
}

/**
 * Takes an existing folder for this process; throws `DataFolderInUse` while another one, or this one, has it. The
 * returned function gives it back. Processes are told apart by number and birth, so two machines, or two containers,
 * that share a folder do not see each other.
 */
export const lockFolder = (folder: string): () => void => {
  const file = join(folder, "agent.lock")
  const mine = `${file}.${process.pid}`
  writeFileSync(mine, JSON.stringify({ pid: process.pid, birth: birthOf(process.pid) } satisfies Owner))
  try {
    for (;;) {
      if (linkIfAbsent(mine, file)) return () => release(file)
      refuseIfOwned(folder, file)
      if (takeOver(folder, file, mine)) return () => release(file)
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/**
 * Replaces the lock of a dead owner. Only who holds the token may, and looks again under it: of two who found the same
 * dead owner, the slower one must not throw out the faster.
 */
const takeOver = (folder: string, file: string, mine: string): boolean => {
  const token = `${file}.takeover`
  if (!linkIfAbsent(mine, token)) {
    refuseIfOwned(folder, token)
    rmSync(token, { force: true }) // killed between two system calls
    return false
  }
  try {
    const owner = ownerOf(file)
    if (owner === undefined) return false // given back meanwhile: whoever links first has it
    if (isAlive(owner)) throw new DataFolderInUse({ folder, pid: owner.pid })
    renameSync(mine, file)
    return true
  } finally {
    rmSync(token, { force: true })
  }
}

const refuseIfOwned = (folder: string, file: string): void => {
  const owner = ownerOf(file)
  if (owner !== undefined && isAlive(owner)) throw new DataFolderInUse({ folder, pid: owner.pid })
}

/** Linking is atomic, fails when there is one, and makes a file that is whole. */
const linkIfAbsent = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  }
}

/** Undefined when there is no such file; one that a crash of the machine left empty has an owner that nobody is. */
const ownerOf = (file: string): Owner | undefined => {
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
  try {
    return JSON.parse(text) as Owner
  } catch {
    return { pid: 0, birth: undefined }
  }
}

const isAlive = ({ birth, pid }: Owner): boolean => birth !== undefined && birthOf(pid) === birth

const release = (file: string): void => {
  if (ownerOf(file)?.pid === process.pid) rmSync(file, { force: true })
}
