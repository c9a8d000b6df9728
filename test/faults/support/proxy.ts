/**
 * A TCP proxy on loopback that stands between a client and PostgreSQL, and fails as networks do.
 *
 *   the question is lost   the connection is cut before the server has read the statement: nothing was done
 *   the answer is lost     it is cut when the server answers: it was done, and the client does not know
 *   silence                nothing passes any more, and nobody is told: a pulled cable, a firewall that forgot
 */
import { createServer, connect, type Socket } from "node:net"
import { once } from "node:events"

export type Fault = "question" | "answer" | "none"

interface Pair {
  readonly client: Socket
  readonly server: Socket
  silent: boolean
  /** Cut it at the next bytes from the server. */
  doomed: boolean
}

export class Proxy implements AsyncDisposable {
  /** Decides, at each message of a client that is past its start-up, what becomes of the connection. */
  fault: () => Fault = () => "none"
  /** How often the decision was to cut. */
  cuts = 0
  private readonly pairs = new Set<Pair>()
  private readonly target: URL
  private readonly listener = createServer((client) => this.join(client))

  private constructor(target: string) {
    this.target = new URL(target)
  }

  /** In front of the server of this database URL. */
  static async before(databaseUrl: string): Promise<Proxy> {
    const proxy = new Proxy(databaseUrl)
    proxy.listener.listen(0, "127.0.0.1")
    await once(proxy.listener, "listening")
    return proxy
  }

  /** The same database, through the proxy. */
  get url(): string {
    const through = new URL(this.target)
    through.hostname = "127.0.0.1"
    through.port = String((this.listener.address() as { readonly port: number }).port)
    return through.href
  }

  get connections(): number {
    return this.pairs.size
  }

  /** From now on nothing passes on the connections that are open; new ones are well. */
  silence(): number {
    for (const pair of this.pairs) pair.silent = true
    return this.pairs.size
  }

  private join(client: Socket): void {
    const server = connect(Number(this.target.port || 5432), this.target.hostname)
    const pair: Pair = { client, server, silent: false, doomed: false }
    this.pairs.add(pair)
    const end = () => {
      this.pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) socket.on("error", end).on("close", end)
    let ready = false
    client.on("data", (bytes) => {
      if (pair.silent) return
      const fault = ready ? this.fault() : "none"
      if (fault !== "none") this.cuts++
      if (fault === "question") return end()
      if (fault === "answer") pair.doomed = true
      server.write(bytes)
    })
    server.on("data", (bytes) => {
      if (pair.silent) return
      if (pair.doomed) return end()
      ready ||= isReady(bytes)
      client.write(bytes)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, server } of this.pairs) {
      client.destroy()
      server.destroy()
    }
    this.listener.close()
    await once(this.listener, "close")
  }
}

/** ReadyForQuery, idle: the start-up is over. */
const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
const isReady = (bytes: Buffer): boolean => bytes.subarray(-readyForQuery.length).equals(readyForQuery)
