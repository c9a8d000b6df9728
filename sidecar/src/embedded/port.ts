/** A port of this machine's loopback that nobody listens on. */
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"

/** The wanted one when it is free, else any. */
export const freePort = async (wanted: number | undefined): Promise<number> =>
  (wanted === undefined ? undefined : await tryPort(wanted)) ?? (await tryPort(0)) ?? Promise.reject(new Error("no port is free"))

const tryPort = async (port: number): Promise<number | undefined> => {
  const server = createServer().listen(port, "127.0.0.1")
  try {
    await once(server, "listening")
  } catch {
    return undefined
  }
  const { port: free } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return free
}
