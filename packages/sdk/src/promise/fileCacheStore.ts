/**
 * A cache store in a folder: one file an answer, named by the hash of its key, written beside and renamed, so that a reader
 * sees a whole file or none. What cannot be read, or is of another key, is no answer, and is removed. Beyond `maxEntries` the
 * file that was written longest ago goes first. Several processes may share a folder: each bounds what it has seen.
 */
import { createHash, randomUUID } from "node:crypto"
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import type { CacheStore, StoredAnswer } from "../core/cache/cacheStore.ts"
import { InvalidPolicyOption } from "../core/errors.ts"

export interface FileCacheOptions {
  /** How many answers the folder holds; 1000 unless said. */
  readonly maxEntries?: number | undefined
}

/** What a file holds. */
interface Filed extends StoredAnswer {
  readonly key: string
  /** Epoch ms; null for never. */
  readonly expiresAt: number | null
}

/** What a writer that died left behind is removed when it is as old as this, ms. */
const abandoned = 60_000

const nameOf = (key: string): string => `${createHash("sha256").update(key).digest("hex")}.json`
const isOurs = (name: string): boolean => /^[0-9a-f]{64}\.json(\.[0-9a-f-]{36}\.tmp)?$/.test(name)

class FileCacheStore implements CacheStore {
  private readonly folder: string
  private readonly maxEntries: number
  /** Names of the files, those written longest ago first. */
  private names: Promise<Set<string>> | undefined

  constructor(folder: string, maxEntries: number) {
    this.folder = folder
    this.maxEntries = maxEntries
  }

  async get(key: string): Promise<StoredAnswer | undefined> {
    const name = nameOf(key)
    const text = await readFile(join(this.folder, name), "utf8").catch(absent)
    if (text === undefined) return undefined
    const filed = parse(text)
    if (filed?.key === key && (filed.expiresAt === null || Date.now() < filed.expiresAt)) {
      return { value: filed.value, storedAt: filed.storedAt }
    }
    await this.remove(name)
    return undefined
  }

  async set(key: string, { storedAt, value }: StoredAnswer, maxAge: number): Promise<void> {
    const name = nameOf(key)
    const filed: Filed = { key, storedAt, expiresAt: maxAge === Infinity ? null : Date.now() + maxAge, value }
    const text = JSON.stringify(filed)
    const names = await this.index()
    const beside = join(this.folder, `${name}.${randomUUID()}.tmp`)
    try {
      await writeFile(beside, text, { mode: 0o600 })
      await rename(beside, join(this.folder, name))
    } catch (error) {
      await rm(beside, { force: true })
      throw error
    }
    names.delete(name)
    names.add(name)
    for (const oldest of names) {
      if (names.size <= this.maxEntries) break
      await this.remove(oldest)
    }
  }

  async delete(key: string): Promise<void> {
    await this.remove(nameOf(key))
  }

  async clear(): Promise<void> {
    for (const name of await this.index()) await this.remove(name)
  }

  private async remove(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true })
    if (this.names !== undefined) (await this.names).delete(name)
  }

  /** Read once; a folder that could not be read is tried again. */
  private index(): Promise<Set<string>> {
    return this.names ??= this.read().catch((error: unknown) => {
      this.names = undefined
      throw error
    })
  }

  private async read(): Promise<Set<string>> {
    await mkdir(this.folder, { recursive: true })
    const files: Array<{ readonly name: string; readonly writtenAt: number }> = []
    for (const name of (await readdir(this.folder)).filter(isOurs)) {
      const path = join(this.folder, name)
      const writtenAt = (await stat(path).catch(absent))?.mtimeMs
      if (writtenAt === undefined) continue
      if (name.endsWith(".json")) files.push({ name, writtenAt })
      else if (Date.now() - writtenAt > abandoned) await rm(path, { force: true })
    }
    return new Set(files.toSorted((a, b) => a.writtenAt - b.writtenAt).map(({ name }) => name))
  }
}

const absent = (error: unknown): undefined => {
  if ((error as { readonly code?: unknown }).code !== "ENOENT") throw error
}

const parse = (text: string): Filed | undefined => {
  try {
    const filed = JSON.parse(text) as Partial<Filed> | null
    return typeof filed?.storedAt === "number" ? filed as Filed : undefined
  } catch {
    return undefined
  }
}

/**
 * Keeps answers in a folder, so that a process that starts during an outage still has the last good ones. For both faces;
 * the folder is made when it is first written to. It holds what the answers hold: let nobody else read it.
 *
 * @example
 * import { fileCacheStore } from "@outrigger/sdk/promise"
 *
 * const store = fileCacheStore(".outrigger/cache/github", { maxEntries: 500 })
 * await store.set("me", { value: { login: "ada" }, storedAt: Date.now() }, 60_000)
 */
export const fileCacheStore = (folder: string, options: FileCacheOptions = {}): CacheStore => {
  if (typeof folder !== "string" || folder === "") throw new InvalidPolicyOption("fileCacheStore", "folder", folder, "a path")
  const { maxEntries = 1000, ...unknown } = options
  const [other] = Object.entries(unknown)
  if (other !== undefined) throw new InvalidPolicyOption("fileCacheStore", other[0], other[1], "left out: the option is maxEntries")
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    throw new InvalidPolicyOption("fileCacheStore", "maxEntries", maxEntries, "a whole number from 1")
  }
  return new FileCacheStore(resolve(folder), maxEntries)
}
