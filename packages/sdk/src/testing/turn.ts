/** One turn of the event loop, on nothing that a test runner fakes. */
export const turn = (): Promise<void> => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel()
  port1.once("message", () => {
    port1.close()
    resolve()
  })
  port2.postMessage(undefined)
})
